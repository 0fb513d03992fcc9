// Package outbox keeps the events of finished uploads in an S3 bucket until they
// are delivered. It is the hooks.Outbox of the S3 store.
//
// # Entries
//
// An entry is an intent: Add writes it before the object of the upload is there,
// so that no crash can leave a finished upload without its event.
//
//	outbox/pending/<name>   {"format":1,"id":…,"finishedAt":…,"confirmed":false,"record":{…}}
//	outbox/dead/<name>      {"format":1,"reason":…,"buriedAt":…,"intent":{…}}
//
// The record is tusd's handler.FileInfo. The name follows from the upload's id
// alone, so that a finish that is run again writes the same entry: it is the
// object's name, the part of the id before "+". Objects that Plateau names begin
// with the time of their creation, 12 hexadecimal digits of milliseconds, so
// that a listing is by age. tusd's have no time in them; their entries are named
// "0-<object>" and listed first: those are the uploads from before a move, and
// soon there are no more.
//
// An event is sent only when its upload is known to be finished: because the
// store said so in this process (Confirmed), the entry says so (MarkConfirmed),
// or the store finds out when it is asked (Options.Confirm). An entry whose
// upload will never be finished is taken away by the store, while it holds the
// upload's lock (Withdraw, BuryUpload), and by nobody else: at any later time it
// may be that of a new finish.
//
// # Promises
//
// Once Add has returned nil, the entry survives whatever the bucket survives. An
// event is delivered at least once after any crash; a duplicate has the same id.
// Nothing is deleted because it could not be read. Moving to outbox/dead/ writes
// there before it deletes here.
//
// A finished upload costs one PutObject, and its share of a DeleteObjects of up
// to 1,000. What this process adds it keeps in memory, at most Options.Keep
// entries, together with those that are claimed; only what is beyond is listed
// and read. Everything is listed at the start and then every Options.Relist, as
// far as there are takers for it, a page at a time: memory and the rate of calls
// don't depend on how much waits.
//
// # Under stress
//
//   - Away: Add and Claim fail with bucket.ErrAway and hooks.ErrAway, as soon as
//     the bucket's own tries are used up. What is in memory is claimed all the same.
//   - Slow: callers wait as long as their context lasts; what they began may have
//     been done when they give up. Since a DeleteObject that was given up may yet be
//     carried out, Add refuses the same upload for 30 s after one (bucket.ErrAway).
//   - Not finished: an entry that Confirm is Unknown or fails for is left alone for
//     1 s to 60 s, and those behind it go first. More than Options.Alone of them are
//     forgotten until all is listed again.
//   - Unreadable: such entries are moved to outbox/dead/. An entry in a newer
//     format, and what has no entry's name, stays where it is, and the log says so.
//   - Twice: if an entry is added again while it is claimed, with another record, it
//     is sent once more, with the record that was added last.
//   - Others: any process may add, list and retry; it is found within
//     Options.Relist. Claims are in memory: two processes that relay over one bucket
//     both send what is there, with the same ids.
package outbox
