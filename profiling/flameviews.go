package profiling

import (
	"slices"
	"sync"
	"time"
)

// What is kept of the profiles that were taken for the browser: so many, so many bytes of them (but always the newest), and
// none for longer.
const (
	viewsKept  = 8
	viewsBytes = 16 << 20
	viewsFor   = 15 * time.Minute
)

// view is a profile that was taken for the browser, compressed.
type view struct {
	number    int
	kind      string
	now, base []byte // base is nil if no difference is to be shown
	expiry    *time.Timer
}

func (v *view) size() int { return len(v.now) + len(v.base) }

// views keeps profiles for the pages that show them. Nothing of it runs but a timer for each.
type views struct {
	mu   sync.Mutex // guards what follows
	last int        // number that was given
	kept []*view    // the oldest first
}

// keep keeps a view and returns its number.
func (s *views) keep(v *view) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	v.number = s.last
	v.expiry = time.AfterFunc(viewsFor, func() { s.drop(v) })
	s.kept = append(s.kept, v)
	bytes := 0
	for _, k := range s.kept {
		bytes += k.size()
	}
	for len(s.kept) > 1 && (len(s.kept) > viewsKept || bytes > viewsBytes) {
		bytes -= s.kept[0].size()
		s.remove(0)
	}
	return v.number
}

// find returns a view; nil: it is gone, or never was.
func (s *views) find(kind string, number int) *view {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kept {
		if k.number == number && k.kind == kind {
			return k
		}
	}
	return nil
}

func (s *views) drop(v *view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, k := range s.kept {
		if k == v {
			s.remove(i)
			return
		}
	}
}

// remove is called with s.mu held.
func (s *views) remove(i int) {
	s.kept[i].expiry.Stop()
	s.kept = slices.Delete(s.kept, i, i+1)
}
