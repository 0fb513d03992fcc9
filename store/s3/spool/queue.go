package spool

import (
	"container/list"
	"context"
	"fmt"
	"time"
)

// waiter is a Write or Reserve for which there is no room yet.
type waiter struct {
	file  *File
	room  int64 // what the File is to have
	need  int64 // how much more that is
	got   grant
	since time.Duration
	place *list.Element // in Spool.queue; nil: it is decided
	done  chan error
}

func (s *Spool) enqueue(w *waiter) {
	w.since, w.done = s.now(), make(chan error, 1)
	w.place = s.queue.PushBack(w)
	w.need = w.room - w.file.room
	s.wanted += w.need
	w.file.waiting = true
	s.settle(w.file)
}

// dequeue tells a waiter what became of it.
func (s *Spool) dequeue(w *waiter, err error) {
	s.queue.Remove(w.place)
	w.place = nil
	s.wanted -= w.need
	w.file.waiting = false
	s.settle(w.file)
	w.done <- err
}

// wait waits until the waiter is decided, or until ctx ends. Now and then it looks
// whether more must be done for the first in the queue.
func (s *Spool) wait(ctx context.Context, w *waiter) error {
	defer func() { s.opts.Waited(s.now() - w.since) }()
	look := time.NewTicker(patience)
	defer look.Stop()
	for {
		select {
		case err := <-w.done:
			return err
		case <-look.C:
			s.mu.Lock()
			s.pump()
			s.mu.Unlock()
		case <-ctx.Done():
			s.mu.Lock()
			if w.place != nil { // else it was decided just now, and that counts
				s.dequeue(w, fmt.Errorf("spool: wait for room: %w", context.Cause(ctx)))
				s.pump()
			}
			s.mu.Unlock()
			return <-w.done
		}
	}
}

// pump serves the queue in its order. s.mu is held.
func (s *Spool) pump() {
	for e := s.queue.Front(); e != nil; e = s.queue.Front() {
		w := e.Value.(*waiter)
		if !s.fits(w) {
			s.press(w)
			return
		}
		s.dequeue(w, nil)
	}
}
