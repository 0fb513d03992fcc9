package disk

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// folderSync makes the names in a folder durable. Those who wait at the same
// time share one fsync: one of them runs it, and all that came while it ran
// share the next.
//
// After an fsync that failed, none is believed any more: the kernel reports an
// error once, and names that were made before it may be lost for those who ask
// later.
type folderSync struct {
	dir    *os.File
	rounds sync.WaitGroup // the goroutines of handOn

	mu      sync.Mutex // guards what follows
	running bool
	next    *round
	failed  error
}

// round is one fsync and those who wait for it.
type round struct {
	done chan struct{}
	err  error
}

// sync returns after an fsync that began after the call. Its error is an
// fsyncError for those who shared a failed fsync, and a plain one for those who
// came later.
func (s *folderSync) sync() error {
	s.mu.Lock()
	if s.failed != nil {
		defer s.mu.Unlock()
		return fmt.Errorf("no fsync of the folder is believed until the server starts again, since one failed: %v", s.failed)
	}
	if s.running {
		if s.next == nil {
			s.next = &round{done: make(chan struct{})}
		}
		r := s.next
		s.mu.Unlock()
		<-r.done
		return r.err
	}
	s.running = true
	s.mu.Unlock()
	err := s.fsync()
	s.handOn()
	return err
}

// broken reports whether an fsync failed: no other way to make the names
// durable is believed either.
func (s *folderSync) broken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed != nil
}

// handOn runs the rounds that gathered meanwhile, in a goroutine that ends
// with the last of them.
func (s *folderSync) handOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.next
	s.next = nil
	s.running = r != nil
	if r == nil {
		return
	}
	s.rounds.Go(func() {
		r.err = s.fsync()
		close(r.done)
		s.handOn()
	})
}

func (s *folderSync) fsync() error {
	err := s.dir.Sync()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.failed == nil {
		s.failed = err
	}
	if s.failed != nil {
		return fsyncError{fmt.Errorf("fsync the folder: %w", s.failed)}
	}
	return nil
}

// syncFolder makes the names in a folder durable, once.
func syncFolder(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open a folder to fsync it: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("fsync the folder %s: %w", name, err)
	}
	return nil
}
