package spool

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"time"
)

// File holds the bytes of a part that isn't full yet, or is being sent.
type File struct {
	spool *Spool
	evict func()
	small int64 // bytes that will come, if they may be in memory; else 0
	crc   uint32

	// mu guards what readers look at. The owner, who alone changes it, reads it
	// without.
	mu       sync.RWMutex
	size     int64
	memory   []byte
	disk     *os.File // nil: all is in memory
	released bool

	// The Spool's mutex guards what follows.
	room    int64         // bytes that it may occupy
	heap    int64         // bytes of these that are in memory
	grown   time.Duration // when it last reached another granule
	place   *list.Element // in Spool.steady
	pins    int32
	waiting bool // for room
	fixed   bool // counted in Spool.fixed
	leaving bool // its owner was asked to leave, and its room counted in Spool.coming
	calling bool // its evict is running
	asked   bool // counted in Spool.asking
}

// castagnoli is made once by the library.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Take gives out an empty File. It never waits and costs nothing until something
// is written. expected is how many bytes will come, -1 if nobody knows: contents
// of at most 16 KiB are kept in memory, while there is room for it.
//
// evict is called, in a goroutine that Close waits for, when others need the room
// and the File hasn't grown for a while; never two calls at a time for one File. It
// makes the owner store the bytes elsewhere and Release; if it returns without
// that, it is called again later. It may come when the File has been
// released or is being written or sent: the owner's own lock has to tell. It must
// not wait for the owner's client. With evict nil the File is never asked, as if it
// were pinned. An owner that writes may have no other File that is neither
// pinned nor without evict, for it might wait for itself.
func (s *Spool) Take(expected int64, evict func()) *File {
	f := &File{spool: s, evict: evict}
	if expected <= inMemory {
		f.small = max(expected, 0)
	}
	return f
}

// Reserve makes room for n bytes beyond Size, so that writing these waits for
// nobody. It waits as Write does; its errors are Write's.
func (f *File) Reserve(ctx context.Context, n int64) error {
	if f.released {
		return ErrClosed
	}
	if n <= 0 {
		return nil
	}
	got, err := f.spool.reserve(ctx, f, n)
	switch {
	case err != nil:
		return err
	case got.toDisk:
		return f.moveToDisk(got.disk)
	case got.heap > 0:
		f.growMemory(got.heap)
	}
	return nil
}

// Write appends all of b, or nothing if it returns an error. While the budget is
// used up it waits for others to give back, until ctx ends. Its errors: ErrCrowded,
// ErrFull, ErrTooLarge, ErrClosed, the context's, the file system's.
func (f *File) Write(ctx context.Context, b []byte) error {
	if err := f.Reserve(ctx, int64(len(b))); err != nil {
		return err
	}
	if f.disk != nil {
		if err := f.spool.write(f.disk, b, f.size); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.disk == nil {
		f.memory = append(f.memory, b...)
	}
	f.size += int64(len(b))
	f.crc = crc32.Update(f.crc, castagnoli, b)
	return nil
}

// Size is how many bytes were written.
func (f *File) Size() int64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.size
}

// CRC32C is the checksum (Castagnoli) of all bytes.
func (f *File) CRC32C() uint32 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.crc
}

// ReadAt is io.ReaderAt's, of the bytes that were written. After Release it fails
// with ErrClosed.
func (f *File) ReadAt(b []byte, offset int64) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.released:
		return 0, ErrClosed
	case offset < 0:
		return 0, errors.New("spool: read at a negative offset")
	case offset >= f.size:
		return 0, io.EOF
	}
	// Beyond size lies what another wrote into the file, before it was reused.
	wanted := len(b)
	b = b[:min(int64(wanted), f.size-offset)]
	n := 0
	if f.disk == nil {
		n = copy(b, f.memory[offset:])
	} else {
		var err error
		if n, err = f.disk.ReadAt(b, offset); err != nil {
			return n, fmt.Errorf("spool: read a temporary file: %w", err)
		}
	}
	if n < wanted {
		return n, io.EOF
	}
	return n, nil
}

// Truncate takes back the bytes after size, and the room for them. It reads the
// others again for the checksum. A size beyond Size is a mistake. If it fails,
// nothing has changed.
func (f *File) Truncate(size int64) error {
	switch {
	case f.released:
		return ErrClosed
	case size < 0 || size > f.size:
		return fmt.Errorf("spool: truncate %d bytes to %d", f.size, size)
	case size == f.size:
		return nil
	}
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, size)); err != nil {
		return err
	}
	if f.disk != nil && size > 0 {
		if err := f.disk.Truncate(granules(size)); err != nil {
			return fmt.Errorf("spool: truncate a temporary file: %w", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.size, f.crc = size, sum.Sum32()
	switch {
	case size == 0:
		disk := f.disk
		f.disk, f.memory = nil, nil
		f.spool.giveBack(f, disk)
	case f.disk == nil:
		f.memory = f.memory[:size]
	default:
		f.spool.shrink(f, granules(size))
	}
	return nil
}

// Pin says that the File is being sent and will be released soon: its owner is not
// asked to leave, others wait for it. Pins count.
func (f *File) Pin() { f.spool.pin(f, 1) }

// Unpin takes one Pin back.
func (f *File) Unpin() { f.spool.pin(f, -1) }

// Release gives the File and its room back. Reads that have begun end first. It
// may be called again, which does nothing.
func (f *File) Release() {
	f.mu.Lock()
	if f.released {
		f.mu.Unlock()
		return
	}
	disk := f.disk
	f.released, f.disk, f.memory = true, nil, nil
	f.mu.Unlock()
	f.spool.giveBack(f, disk)
}
