package spool

import (
	"context"
	"fmt"
	"os"
	"slices"
)

const (
	// granule is what room in a file is counted in. It is a multiple of what file
	// systems give out.
	granule = 64 << 10
	// inMemory is the largest content that may be in memory. Measured, a content of
	// 4 KiB takes 4 µs either way, one of 16 KiB 10 µs in memory and 4 in a file that
	// is reused, one of 64 KiB 34 and 8: new memory has to be cleared. But a file is a
	// descriptor, and a new one takes 80 µs.
	inMemory = 16 << 10
)

func granules(bytes int64) int64 { return (bytes + granule - 1) / granule * granule }

// grant is what a File got together with its room.
type grant struct {
	heap   int64    // bytes that its memory is to have; 0: it stays as it is
	toDisk bool     // its bytes are to be in a file from now on
	disk   *os.File // the file; nil: a new one
}

// reserve gives the File room for n more bytes, or an error and nothing.
func (s *Spool) reserve(ctx context.Context, f *File, n int64) (grant, error) {
	s.mu.Lock()
	if size := f.size + n; size <= f.room && !s.closed {
		if granules(f.size) < granules(size) {
			s.grew(f)
		}
		s.mu.Unlock()
		return grant{}, nil
	}
	w := s.request(f, f.size+n)
	waits, err := s.admit(w)
	s.mu.Unlock()
	if waits {
		err = s.wait(ctx, w)
	}
	if err != nil && w.got.heap > 0 {
		s.mu.Lock()
		s.setHeap(f, int64(cap(f.memory)))
		s.mu.Unlock()
	}
	return w.got, err
}

// request says what the File needs to hold size bytes. s.mu is held, here and in
// the next four.
func (s *Spool) request(f *File, size int64) *waiter {
	heap := min(max(size, 2*f.heap), f.small)
	if f.disk == nil && heap >= size && s.memory+heap-f.heap <= s.opts.Memory {
		s.setHeap(f, heap)
		return &waiter{file: f, room: heap, got: grant{heap: heap}}
	}
	return &waiter{file: f, room: granules(size), got: grant{toDisk: f.disk == nil}}
}

// admit grants what is asked for, or puts it into the queue.
func (s *Spool) admit(w *waiter) (waits bool, err error) {
	switch {
	case s.closed:
		return false, ErrClosed
	case w.room > s.opts.Budget:
		return false, fmt.Errorf("%w: %d bytes of %d", ErrTooLarge, w.room, s.opts.Budget)
	case s.queue.Len() == 0 && s.fits(w):
		return false, nil
	case w.file.leaving:
		// Whoever asked waits for its owner, so its owner must not wait.
		return false, ErrCrowded
	}
	s.enqueue(w)
	s.pump()
	return true, nil
}

// fits grants the room if it is there. A File that moves to the disk takes a free
// file, and its room, if there is one.
func (s *Spool) fits(w *waiter) bool {
	f, room, best := w.file, w.room, -1
	if w.got.toDisk {
		if best = s.bestFree(room); best >= 0 {
			room = max(room, s.free[best].room)
		}
	}
	used := s.used - f.room + room
	if best >= 0 {
		used -= s.free[best].room
	}
	if used > s.opts.Budget {
		return false
	}
	if best >= 0 {
		w.got.disk = s.free[best].disk
		s.used -= s.free[best].room
		s.free = slices.Delete(s.free, best, best+1)
	}
	s.resize(f, room)
	s.grew(f)
	return true
}

func (s *Spool) resize(f *File, room int64) {
	s.used += room - f.room
	if f.leaving {
		s.coming += room - f.room
		f.leaving = room > 0
	}
	if room == 0 {
		s.answered(f) // its evict may yet wait for the owner, who may wait for room
	}
	f.room = room
	s.settle(f)
}

func (s *Spool) setHeap(f *File, heap int64) {
	s.memory += heap - f.heap
	f.heap = heap
}

// cameBack takes bytes out of what is used and serves those that wait. s.mu is held.
func (s *Spool) cameBack(bytes int64) {
	s.used -= bytes
	s.moved = s.now()
	s.pump()
}

// onDisk notes that nothing of the File is in memory any more.
func (s *Spool) onDisk(f *File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setHeap(f, 0)
}

// shrink leaves the File the room that it needs.
func (s *Spool) shrink(f *File, room int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resize(f, min(room, f.room))
	s.cameBack(0)
}

// giveBack takes the File's room, and keeps its file for the next to use.
func (s *Spool) giveBack(f *File, disk *os.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := f.room
	s.setHeap(f, 0)
	if disk == nil {
		s.resize(f, 0)
		s.cameBack(0)
		return
	}
	s.resize(f, 0)
	s.used += room // still on the disk
	if len(s.free) < mostFree && !s.closed {
		s.free = append(s.free, freeFile{disk, room})
		s.cameBack(0)
		return
	}
	s.mu.Unlock()
	if err := disk.Close(); err != nil {
		s.opts.Log.Error("spool: close a temporary file", "error", err)
	}
	s.mu.Lock()
	s.cameBack(room)
}
