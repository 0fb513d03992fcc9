package server

import (
	"net/http"
	"sync"
	"time"
)

// stallTime is how long a request may take when nothing of it is missing any more.
const stallTime = 3 * time.Second

// stall has the flight recorder's last seconds saved when a request takes too long
// and its client is not to blame: all its bytes have come. Downloads don't count,
// they take as long as their client. A nil stall does nothing.
type stall struct {
	flight interface{ Stalled(reason string) }
	reason string

	mu    sync.Mutex // guards timer
	timer *time.Timer
	over  bool
}

func (in *insight) watchStalls(method string, r *http.Request) *stall {
	if method == http.MethodGet {
		return nil
	}
	s := &stall{flight: in.flight, reason: method + " " + r.URL.Path}
	if r.ContentLength == 0 {
		s.begin()
	}
	return s
}

// begin is called when all bytes are there.
func (s *stall) begin() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == nil && !s.over {
		s.timer = time.AfterFunc(stallTime, func() { s.flight.Stalled(s.reason) })
	}
}

// end is called when the request has ended.
func (s *stall) end() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	if s.timer != nil {
		s.timer.Stop()
	}
}
