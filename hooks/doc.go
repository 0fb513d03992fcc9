// Package hooks brings the finished event of every upload to where it is
// consumed, whatever dies in between.
//
// An event is safe once Outbox.Add has returned; the store finishes an upload
// only then. One Relay takes entries from the outbox, oldest first, makes an
// Event of each, hands them to one Sink and removes exactly those that were
// acknowledged. So every event arrives at least once; a duplicate has the same
// id. Events of one upload are never under way twice at a time.
//
// # The outbox on disk
//
// A DiskOutbox is a folder. The record is the event:
//
//	pending/2026-11-29T0541/20261129T054107.123456789Z-<id>
//	                        a hard link to the upload's record, <id>.info; the
//	                        name has the finish time in UTC, the folder its minute
//	pending/…/<name>.<random>.tmp
//	                        a copy or link that is being made
//	dead/<name>             an entry that can't be sent, and
//	dead/<name>.reason      why
//
// So nothing is written twice, ls shows what waits, and a client's DELETE takes
// nothing away from an event. Where a link can't be made (another file system,
// one without links), the record is copied: written beside, fsynced, renamed.
//
// A crash, or a power cut if the outbox is durable, at any time leaves this: an
// entry is there with the whole record, or not there. If Add had returned, it is
// there: the minute's folder was fsynced after the link, and the folder above it
// after the minute's was made; adds that wait together share their fsyncs. If Add
// had not returned, it may be there and is sent; the upload is complete and
// durable by then, only nobody has heard so. Removal isn't made durable: what
// comes back is sent again. A move to "dead" writes its reason first, so that an
// entry is never without one. What AddJournaled added may be gone after a power
// cut, or have an empty record until the store has brought that back, which it
// does before a relay runs; and it is added again. A temporary file that is older
// than ten minutes is a crash's, and is removed.
//
// Under stress:
//
//   - Full: Add fails with ENOSPC or EDQUOT, so the upload isn't finished, and is
//     as soon as there is room. Entries that are there are sent and removed; one
//     that would have to be buried stays until its reason can be written.
//   - Slow: callers wait for the disk as long as their context lasts; what they
//     began may have been done when they give up.
//   - Broken: after an fsync that failed, every Add fails until the process starts
//     again, since no later fsync would say what was lost; entries are sent
//     nevertheless. An entry that can't be read is buried, and so is whatever is
//     in the folders and is no entry; nothing is deleted because it couldn't be
//     read. When the process is short of files or memory, or may not read, the
//     entry stays where it is, others go on, and Claim fails if there are none.
//   - Twice: adding an entry that is there fsyncs it again. If the record was
//     replaced since, so is the entry; if it was claimed meanwhile, it is sent
//     once more, with the record that was added last.
//   - Many: names of at most two windows are in memory, and records of what is
//     claimed. A start takes the same time however many entries wait. They are
//     taken oldest first; one that is added late with an old time comes as soon
//     as it is there.
//   - Others: claims are in memory, so one process alone may claim. Any may add,
//     list, and retry what is dead; a server finds it within ten seconds, or when
//     all that it knew of is claimed.
package hooks
