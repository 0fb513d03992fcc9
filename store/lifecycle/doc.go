// Package lifecycle is what all stores do alike, whatever they keep their bytes
// in: one finish of an upload at a time, which others join (Finishes); the clock by
// which uploads expire, which spares them after a start and after a jump of the time
// (Ages); and the digest of an upload's bytes, which goes on after an interruption
// (Digest).
//
// Nothing here does I/O. Under stress: who waits for a finish that takes too long
// hears 423 and may come again; a state of a digest that can't be believed is an
// error, after which the bytes have to be read again. The format of that state is
// this package's own, around the one of crypto/sha256.
package lifecycle
