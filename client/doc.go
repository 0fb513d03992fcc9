// Package client talks to a tus server from outside: it uploads files, and goes on where it was after whatever broke.
//
// What it promises:
//
//   - An upload goes on at the offset that the server reports, after a broken connection, a restart of the server, or in a
//     later run of the program, which finds the upload's address in a folder of small files (one for each upload). The
//     address is written there before the first byte of the file is sent.
//   - Only a 404 or 410 to HEAD makes it begin anew. 408, 409, 423, 425, 429, any 5xx, a redirect and everything that can
//     happen to a connection are tried again, with growing delays; any other answer is final, and so is a 423 that says that the
//     token has expired, save that after a 404 or 410 to
//     PATCH HEAD is asked too. A POST is tried again in the same cases save for a redirect, 404, 410, 501, 505 and a server
//     whose TLS isn't trusted or is none; when its answer is lost, the server may have made an upload that nobody knows of,
//     and no client can help that.
//   - It is given up only after HEAD said, since the last PATCH, that it got no further, or wasn't answered for as long as
//     trying may be in vain. Once one was given up because no server answered, the next ones get one try each.
//   - A finished upload stays remembered until [Client.Forget], for a day at most: a later run asks for it by HEAD, and uploads
//     the file only if the server doesn't have all of it any more, or doesn't let it be asked for (401, say).
//   - Memory doesn't depend on the size of the file: one PATCH carries all that is missing, read in blocks of 32 KiB.
//   - The token goes to the endpoint's own scheme, host and port, and nowhere else. Redirects are not followed. A file never
//     goes to a place without TLS if the endpoint has it.
//   - A file that changes while it is being uploaded is never reported as uploaded: its last block is sent only if size and
//     modification time are still those of the start. The bytes of an earlier run are not compared with the file, since tus
//     has no means to ask for them; that the file is the same is taken from its path, size and modification time.
//
// Under stress: a connection that takes nothing of a file for a minute, and a server that doesn't answer within 5 minutes of
// its last byte, or within a minute of a POST or HEAD, are given up, and the upload resumed on a new connection; so that this
// is about the path and not about buffers, the system may hold back 256 KiB unsent (on Linux and macOS). A second process
// that uploads the same file to the same place is told so ([ErrBusy]). If the folder of addresses can't be used, uploads
// work, but a later run begins anew, and a warning says so. An entry that can't be read is warned of and passed over;
// entries that nobody touched for 30 days are removed.
//
// The protocol is tus 1.0. HEAD and PATCH are those of tusgo v0.1.2, with four of its habits kept away from it: a body of
// known length goes out chunked, so the length is put into the request that tusgo asks for; an error answer whose text is
// shorter than 256 bytes makes it panic, and its errors lose the status, so answers that are no success become a
// [StatusError] in the transport, before tusgo sees them; its POST panics on an empty file, so the POST is written here;
// and it counts what is read of a body while net/http may still read it, so the transport takes the body without the counter.
package client
