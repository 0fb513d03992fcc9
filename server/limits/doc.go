// Package limits counts what clients do at once and how fast, so that none takes what is there for all. It knows neither HTTP
// nor uploads: a client is a [Key], made of its name or its address.
//
//   - [Concurrency]: how many things a client holds at once, such as connections.
//   - [Places]: the same, where what takes another one's place is no more than that one, such as a request for an upload that
//     is being sent already.
//   - [Rate]: how many things a client begins in a second. It is the generic cell rate algorithm (ITU-T I.371), which is a
//     token bucket in one number: the time at which the bucket will be full again.
//
// # What holds
//
// Nothing here waits, and all of it may be called by many goroutines at once. A call takes well under a microsecond and doesn't
// depend on how many clients there are.
//
// Memory is bounded. Concurrency and Places have an entry for what is held now, of a few dozen bytes whatever the client's name
// is, and none for what was: their bound is what may be open at all. Rate has a table of fixed size, 1 MiB, made at once; it
// doesn't grow with the number of clients.
//
// # Under stress
//
// A client that holds or begins too much is refused, the others hear nothing of it. When more clients than the table of a Rate has
// room for begin something within the time in which their buckets fill up, it forgets those of them whose buckets are fullest:
// these may begin a little more than they should. So a flood of addresses never makes the limit of an honest client
// stricter, and who floods gains nothing that so many addresses don't have anyway. With the same key twice, which chance makes
// of two clients once in 2^64 pairs, both share one limit. Clients can't choose keys: they depend on a secret of this process.
package limits
