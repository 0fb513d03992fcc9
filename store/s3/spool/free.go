package spool

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// mostFree is how many files are kept for the next to use. To write into a file
// that has its place on the disk, and its pages in memory, costs half the CPU.
const mostFree = 64

// freeFile is a file that nobody has.
type freeFile struct {
	disk *os.File
	room int64 // bytes that it occupies, at most; part of Spool.used
}

// bestFree is the index of the smallest free file with that room, or of the largest
// if there is none; -1: no file is free. So a small content doesn't sit on a large
// file. Of equal ones it is the last given back, whose pages are still in the
// processor's caches. s.mu is held.
func (s *Spool) bestFree(room int64) int {
	best := -1
	for i, f := range s.free {
		if best < 0 {
			best = i
			continue
		}
		least := s.free[best].room
		if larger := f.room >= least; larger && least < room || f.room >= room && f.room <= least {
			best = i
		}
	}
	return best
}

// shed closes free files until as many bytes will come back, if there are so
// many. It returns how many it was. s.mu is held.
func (s *Spool) shed(bytes int64) int64 {
	n, sum := 0, int64(0)
	for n < len(s.free) && sum < bytes {
		sum += s.free[n].room
		n++
	}
	if n == 0 {
		return 0
	}
	closing := slices.Clone(s.free[:n])
	s.free = slices.Delete(s.free, 0, n)
	s.coming += sum
	s.background.Go(func() {
		if err := closeAll(closing); err != nil {
			s.opts.Log.Error("spool: close a free file", "error", err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.coming -= sum
		s.cameBack(sum)
	})
	return sum
}

// closeFree closes all free files before it returns.
func (s *Spool) closeFree() error {
	s.mu.Lock()
	closing := s.free
	s.free = nil
	s.mu.Unlock()
	err := closeAll(closing)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range closing {
		s.cameBack(f.room)
	}
	return err
}

func closeAll(files []freeFile) error {
	var errs []error
	for _, f := range files {
		if err := f.disk.Close(); err != nil {
			errs = append(errs, fmt.Errorf("spool: close a temporary file: %w", err))
		}
	}
	return errors.Join(errs...)
}
