// Package spool keeps bytes in temporary files, within a number of bytes for all
// of them together, until a part of an upload is full and can be sent.
//
// # Promises
//
// The files have no names (O_TMPFILE; elsewhere a name that is removed at once), so
// that nothing is left of a process that is killed. So what is in a File is not
// stored: nobody may be told that it is.
//
// What all files occupy, the free ones too, is never more than Options.Budget, and
// what of it is in memory never more than Options.Memory, whatever their number. A
// File itself takes about 400 bytes of memory and, if it is not in memory, a
// descriptor. It counts as 64 KiB at least, so a budget of 1 GiB can have up to
// 16,384 descriptors; where no more may be open, Write and Reserve fail with the
// system's error.
//
// The CRC-32C of a File is computed while its bytes are in the processor's caches.
// Files are used again, without being cut: to write 8 MiB in blocks of 1 MiB and
// read them back costs 0.2 CPU-seconds a GB so, and 0.5 with a new file each time.
// 64 free ones are kept for that.
//
// A File belongs to one owner, an upload, whose calls of Reserve, Write, Truncate
// and Release come one at a time. ReadAt may be called by several at a time, also
// during these.
//
// # When the budget is used up
//
// Write and Reserve wait, first come first served, until their context ends. Free
// files give their bytes up first. Then the owners of files that have not grown by
// 64 KiB for 250 ms, the longest first, are asked to leave: to store their bytes
// elsewhere and to Release (Take's evict). Files that are being sent (Pin) and
// those that grow quickly are waited for; if nothing comes back for 250 ms, or
// all that is used belongs to those that wait, the last in the queue that has bytes
// in its File hears ErrCrowded, which asks the same of it. The first in the queue
// never does.
//
// Everyone gets ahead if an owner that had to leave comes back with a new File, on
// which it first calls Reserve for all that it needs at least: the bytes that it
// had to store elsewhere and its next ones. A File that holds nothing is never
// turned away and gets its turn, and with what it then has room for, its owner gets
// ahead before it leaves again: it holds its own lock meanwhile, and evict waits
// for that. To write first and reserve nothing is right for a File that begins empty.
//
// An owner that can't leave (its evict returns and the bytes are still there) is
// asked again after a while. If nobody can leave, because what they would store
// their bytes in is away, those that wait do so until their contexts end.
//
// # When the disk is full
//
// The free files are closed, and if that doesn't help, Write and Reserve say
// ErrFull. What was written before stays and can be read.
package spool
