// Package s3 keeps uploads in a bucket of an S3-compatible storage, in the layout of
// tusd's S3 store: an upload that tusd began can go on here, and the other way round one
// that has a multipart upload in its id.
//
//	<object>          the bytes, once the upload is finished; a small one's record in its metadata
//	<object>.info     the record, tusd's handler.FileInfo as JSON
//	<object>.part     the tail: bytes behind the last part that is stored
//	<multipart upload of object>
//	outbox/…          events that wait, see store/s3/outbox
//
// An id is "<object>+<multipart upload>", or "<object>+0" for an upload that began without
// one. Objects are named by the time of their creation and 80 random bits, so that a
// listing is by age. A prefix of ids stands before the time, "tenant1--<time>…", so that
// rules of the bucket can be for one prefix; behind it a listing is by age again, and the
// walks that look at what is young only leap from one prefix to the next. The calls that each kind of upload costs are counted by a test.
//
// # Promises
//
// The object is written once, last, and only after the event is safe: parts, then the
// intent in the outbox, then the object (with If-None-Match). So an object that is there
// is a finished upload whose event can't be lost, and a crash at any call leaves what the
// same steps, run again, bring to its end: a request does that, the sweep, or the outbox
// when it finds an intent without an object (Confirm).
//
// What was acknowledged never goes back. The offset is what the bucket has: the parts
// without a gap, and the tail if it goes on where they end. A tail is rewritten whole, under
// the condition that nobody else has, and removed after the part that has its bytes is
// stored. Bytes that are here only (state) are never told to anybody; a HEAD in the middle
// of a body commits them first.
//
// Parts have one size (of the first one; 8 to 32 MiB by the length), or grow where the
// length is unknown, so that 10,000 are enough. Each body carries a CRC-32C that was
// computed while its bytes came in.
//
// # Under stress
//
//   - Slow clients: their bytes wait in unlinked temporary files within a budget
//     (store/s3/spool). When that is used up, those who are silent have theirs committed as
//     a tail and give up their room. Places for parts on their way are taken only by full
//     parts.
//   - A slow bucket: each upload has 4 parts on their way; then its client is not read from.
//     Nobody holds a block of memory while it waits for that, only one who finds the spool
//     full, until there is room.
//   - A bucket that is away: a part that can't be stored stops its upload at once, with
//     503; what was stored before is intact. HEAD says 423, and the client goes on
//     later. A finish that fails can be run again.
//   - An answer that was lost: the object is looked for. "No such multipart upload" alone
//     is never "gone": while a finish may be on its way, the answer is 423; some endpoints
//     show neither parts nor object while they put them together.
//   - Two writers: conditions (If-Match, If-None-Match) let one of them fail with 423, save
//     for parts, which are the same bytes at the same place.
//   - A body that turns out too long is taken back as far as it isn't in parts; so its
//     offset may end at a part's boundary.
//   - Over quota: Options.Accounts hear of all that uploads occupy, and may refuse more: 507.
//     What a finish left unknown (no answer from the bucket) is counted when the upload is
//     looked at next; those are remembered until then.
//   - Killed: nothing is left of temporary files. What is left in the bucket (tails of
//     finished uploads, multipart uploads that no record names) the sweep and the janitor
//     remove, where the endpoint lists multipart uploads; else a lifecycle rule must.
//
// A digest is known if all bytes passed this process and those before it in order: its
// state is kept with the tail. After a crash in the middle of a request, and for finals
// whose parts the bucket put together, an upload has none.
package s3
