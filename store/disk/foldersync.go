package disk

import (
	"fmt"
	"os"
	"sync"
)

// folderSync makes the names in a folder durable. Those who wait at the same
// time share one fsync: one of them runs it, and all that came while it ran
// share the next.
type folderSync struct {
	dir *os.File

	mu      sync.Mutex // guards running and next
	running bool
	next    *round
}

// round is one fsync and those who wait for it.
type round struct {
	done chan struct{}
	err  error
}

// sync returns after an fsync that began after the call.
func (s *folderSync) sync() error {
	s.mu.Lock()
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

// handOn runs the rounds that gathered meanwhile, in a goroutine that ends
// with the last of them; whoever waits for a round waits for it.
func (s *folderSync) handOn() {
	s.mu.Lock()
	r := s.next
	s.next = nil
	s.running = r != nil
	s.mu.Unlock()
	if r == nil {
		return
	}
	go func() {
		r.err = s.fsync()
		close(r.done)
		s.handOn()
	}()
}

func (s *folderSync) fsync() error {
	if err := s.dir.Sync(); err != nil {
		return fsyncError{fmt.Errorf("fsync the folder: %w", err)}
	}
	return nil
}
