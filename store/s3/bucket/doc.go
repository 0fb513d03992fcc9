// Package bucket is one bucket of an S3-compatible store, by the few calls that a
// store of uploads makes. It is the only package that knows the AWS SDK; what the
// calls mean is the S3 API reference's, and what is written here about endpoints
// that differ from it was tried.
//
// # Promises
//
// Every body carries its CRC32C, which the caller computed while the bytes came in,
// so that a body that is cut on its way stores nothing; the payload is not signed
// and not hashed a second time. Bodies lie in memory or in a file: they can be sent
// again, and no call waits for a client.
//
// A method makes up to three attempts, each with its own deadline, where that is
// safe. A conditional Put that meets its own success in a second attempt reads back
// and compares before it reports a conflict. CreateMultipart is tried once, since a
// second one would leave two multipart uploads; so is Complete, whose answer is
// never believed: what Head finds afterwards decides.
//
// A context that ends, ends each call. Methods may be called by several goroutines;
// after Close they fail.
//
// # Under stress
//
// An endpoint that is slow, throttles, answers 5xx or can't be reached is ErrAway
// after the last attempt: nothing is known of what it did with the request, yet each
// call may be made again. What stands in the way of every call (rights, signature,
// clock, region) is ErrRefused, at once. If Complete ended without an object to be
// seen, and may still go on or have been lost, that is ErrUnsure.
// There are at most Options.Conns connections; further calls wait for one, within
// their attempt's deadline.
package bucket
