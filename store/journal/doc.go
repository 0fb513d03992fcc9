// Package journal brings small pieces of data to stable storage quickly, until
// they have reached their own files: a redo log of two files of fixed size, in
// which all that are appended at the same time share one fdatasync.
//
// # Promises
//
// When Append returns nil, the piece survives a power cut: Recover finds it at
// the next start, until a checkpoint has brought the caller's own files to stable
// storage (Options.Sync). Recover may also find pieces whose Append failed or
// never returned, and pieces whose files are there already; it finds each whole
// or not at all, in the order in which they were appended to each file.
//
// # Format
//
// A file ("0", "1") begins with a block of 4 KiB: the magic, the file's
// generation, where it was written (Options.Place), and a CRC-32C. After it come
// groups, each of which begins at a multiple of 4 KiB, so that no block is
// written again once something in it was acknowledged. A group is a number of
// entries: magic, length, generation and CRC-32C, then the bytes. All numbers are
// little-endian. An entry counts only with the generation of its file's head,
// which becomes the highest of all when the file is made empty: generations say
// which file is older. A file's bytes are written with zeros before they are
// used, so that an fdatasync has nothing to do but to write the group: no length,
// no place on the disk.
//
// # Under stress
//
// While one file is full and being checkpointed the other is used; if both are
// full Append says ErrNoRoom at once, and the caller makes its piece durable in
// another way. So it says while a file is being prepared, for pieces that are too
// large, and for ever after a write, fdatasync or Sync has failed. After a Sync
// that failed no other is believed, and what was acknowledged stays in the files,
// for Recover, whatever becomes of it until then; nothing can be added that would
// make it void. Memory: two groups of about 1 MiB; who comes later waits.
package journal
