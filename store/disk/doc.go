// Package disk stores uploads as files, in tusd's own layout, so that a folder
// written by tusd can be taken over and handed back:
//
//	uploads/<id>          the data
//	uploads/<id>.info     the record: tusd's handler.FileInfo as JSON
//	uploads/<id>.damaged  the data of an upload whose fsync failed
//	uploads/<name>.tmp    a file on its way to replace another, or the data of a draft
//	journal/              small uploads that their own files may not hold yet
//	lock                  held by the server that serves this folder
//
// # Promises
//
// The offset of an upload is the size of its data file: bytes that were
// acknowledged are in the file, and a crash of the process can't take them
// back. When an upload is finished, its data, its record and both names are on
// stable storage, and Options.Finish has returned, before the client hears so.
//
// An upload goes from receiving to complete (length known, all bytes there) to
// sealed (the event is safe; nothing changes any more). The seal is the data
// file without its write bits: ls -l shows it, and a sweep needs one stat for
// it. A seal lost in a power cut only means that the upload is finished again.
// Finishing is idempotent; it is done again when a PATCH, HEAD or GET opens an
// upload that is complete but not sealed, and by a sweep that starts with the
// store and repeats.
//
// Records are replaced whole (temporary file, fsync, rename). The key
// "Plateau" in a record's Storage map marks it as ours: a complete upload
// without it was finished by tusd and is sealed without an event. "Final" in
// the record of a part names the final upload that took its bytes over. tusd
// keeps keys that it does not know there.
//
// The id of a final upload is a hash of its parts' ids. So the same list of
// parts, posted again because an answer was lost, leads to the same upload.
// Ids may have a prefix, "tenant1--<id>" (store.PrefixID); a final has its first part's.
//
// Small uploads (64 KiB at most) are made durable by a journal: data and record
// are appended to it, with one fdatasync for all that come at the same time, and
// reach their own files' disk blocks later, all at once (package journal; ext4 and
// XFS, Linux 5.17 or later). After a power cut they are written anew at the start,
// complete and unsealed, so that the sweep makes their events again. So it is
// after a crash where the folder has been mounted anew since. Where the journal is
// full, slow or broken, and for what is larger, finishes that wait together may
// share one syncfs in place of three syncs each, if others have few dirty bytes;
// else each syncs its own files. What a client removes in the ten minutes after its
// finish is noted in the journal, so that it doesn't come back.
//
// With Options.Digest the record gets the digest of all bytes before the event;
// while an upload is unfinished, the hash's state is kept in the record now and
// then, and is believed only within the same run of the machine.
//
// The janitor, part of the sweep, removes unfinished uploads, and parts that no
// sealed final has taken over, Options.ExpireAfter after their last byte, which is
// the data file's time: never while a request has the lock, and nothing in the
// first ten minutes, nor in the ten after the time jumped forward. From when they
// expire until they go they answer 410. Finished uploads go by
// Options.DeleteFinishedAfter, once their event is delivered. What crashes leave
// goes too: records without data (those of a final's parts a day after it, or with
// it), data without a record, temporary files. What is damaged is an operator's.
//
// # Under stress
//
// Full disk or quota: the client hears 507, what is stored stays, DELETE works
// (it only unlinks). With Options.MinFreeSpace that comes at the creation: what is still
// to come of recent uploads is counted, as a sum for each minute of a last byte, so that
// it takes no memory for each of them; after a start the first sweep finds it out.
// Options.Accounts hear of all that uploads occupy, and may refuse more. Slow disk: at most Options.BufferPool bytes wait in memory;
// further bodies wait in the kernel. A client that waits costs 512 bytes, and
// 16 KiB over TLS, HTTP/2 and where its body's length is unknown.
// Failed fsync: final for that upload; its data is set aside as .damaged,
// since a second fsync would report success over lost pages. One of the journal:
// it isn't used until the next start, which brings back what was in it. Records that
// can't be parsed, and data shorter or longer than its record says, are
// reported and never guessed at: the client hears 410. A second server for the
// folder is refused (flock). Duplicate creation: an existing file is never
// opened for a new upload.
package disk
