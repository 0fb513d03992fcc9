package spool

import "time"

const (
	// patience is how long a File that doesn't grow by a granule may still be taken for
	// one that will soon be full, and how long those that wait let things take their
	// course before someone else has to leave for them. Uploads of less than 256 KiB/s
	// are so the first to leave.
	patience = 250 * time.Millisecond
	// mostAsking is how many owners are asked at a time.
	mostAsking = 16
)

// settle puts the File where its state belongs. s.mu is held, here and in all that follows.
func (s *Spool) settle(f *File) {
	fixed := f.room > 0 && (f.pins > 0 || f.evict == nil)
	if fixed != f.fixed {
		f.fixed = fixed
		if fixed {
			s.fixed++
		} else {
			s.fixed--
		}
	}
	steady := f.room > 0 && !fixed && !f.waiting && !f.calling
	if steady && f.place == nil {
		f.place = s.steady.PushBack(f)
		f.grown = s.now()
	} else if !steady && f.place != nil {
		s.steady.Remove(f.place)
		f.place = nil
	}
}

// grew makes the File the last to be asked.
func (s *Spool) grew(f *File) {
	f.grown = s.now()
	if f.place != nil {
		s.steady.MoveToBack(f.place)
	}
}

func (s *Spool) pin(f *File, by int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.pins += by
	s.settle(f)
	s.pump()
}

// press makes others give back what the queue needs. What comes back by itself is
// cheaper: a file that is being sent, or that fills up quickly and will be sent. So
// these are only pressed if nothing has come for a while, or never would: where all
// that is used belongs to those that wait.
func (s *Spool) press(first *waiter) {
	missing := s.wanted - (s.opts.Budget - s.used) - s.coming
	missing -= s.shed(missing)
	now := s.now()
	for missing > 0 && s.asking < mostAsking && now-s.denied >= patience {
		e := s.steady.Front()
		if e == nil || now-e.Value.(*File).grown < patience {
			break
		}
		missing -= s.ask(e.Value.(*File))
	}
	moves := s.coming > 0 || s.fixed > 0 || s.steady.Len() > 0
	if moves && now-max(s.moved, first.since) < patience {
		return
	}
	s.moved = now
	if s.turnAway(first) {
		return
	}
	if e := s.steady.Front(); e != nil && s.asking < mostAsking && now-s.denied >= patience {
		s.ask(e.Value.(*File))
	}
}

// ask calls the owner's evict. It returns how many more bytes are to come.
func (s *Spool) ask(f *File) int64 {
	more := s.leaves(f)
	f.calling, f.asked = true, true
	s.settle(f)
	s.asking++
	s.background.Go(func() {
		s.opts.Evicted()
		f.evict()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answered(f)
		f.calling = false
		if f.leaving {
			f.leaving = false
			s.coming -= f.room
			if f.pins == 0 {
				s.denied = s.now()
			}
		}
		s.settle(f)
		s.pump()
	})
	return more
}

// answered lets another be asked in the File's place.
func (s *Spool) answered(f *File) {
	if f.asked {
		f.asked = false
		s.asking--
	}
}

// turnAway tells the last that waits with bytes in its File to store them elsewhere.
// The first never is, so it gets its room.
func (s *Spool) turnAway(first *waiter) bool {
	for e := s.queue.Back(); e != nil; e = e.Prev() {
		w := e.Value.(*waiter)
		if w == first || w.file.room == 0 {
			continue
		}
		s.leaves(w.file)
		s.dequeue(w, ErrCrowded)
		return true
	}
	return false
}

// leaves notes that the owner was asked to leave. It returns how many more bytes
// are to come.
func (s *Spool) leaves(f *File) int64 {
	if f.leaving {
		return 0
	}
	f.leaving = true
	s.coming += f.room
	return f.room
}
