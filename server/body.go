package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// rateGrace is how long a body may be slower than the least rate at its start.
const rateGrace = 10 * time.Second

// body is the store.Body of a request: every byte of a request passes it. It
// counts, keeps the idle time and the least rate, and can be cut.
//
// tusd's own way to cut is not used: it races, gets lost before the body's
// first read, and answers 400.
type body struct {
	src     io.ReadCloser // net/http's
	conn    *conn         // nil where the body can't be polled
	closing *conn         // to be closed if the body isn't read; nil for HTTP/2
	control *http.ResponseController
	creates bool // of a POST: an end before its time isn't told
	chunked bool
	sized   bool // its length is known
	expects bool // the client waits for 100 Continue before it sends
	idle    time.Duration
	minRate int64         // bytes a second
	grace   time.Duration // for which it may be slower, at its start
	pause   time.Duration // between two settings of the deadline

	whenEnded func() // called when all bytes have come; may be nil

	received atomic.Int64
	total    *atomic.Int64          // of all bodies
	target   atomic.Pointer[target] // nil: not known yet
	client   string
	since    time.Time
	looked   struct { // by inFlight
		bytes int64
		at    time.Time
	}

	mu       sync.Mutex    // guards what follows, and the read deadline
	extended time.Time     // when the deadline was set last
	waited   time.Duration // for the client, in reads; kept if there is a least rate
	slow     bool          // the deadline is that of the least rate
	ended    bool          // read to its end
	stopped  bool          // cut or failed: nothing more is read
	failure  error         // what Err says
	cut      bool
	whenCut  chan struct{} // made when somebody asks
}

// Read is io.Reader. After a cut or a failure it returns the handler.Error that
// tusd then answers, or io.EOF on POST.
func (b *body) Read(p []byte) (int, error) {
	if err := b.mayRead(); err != nil {
		return 0, err
	}
	var began time.Time
	if b.minRate > 0 {
		began = time.Now()
	}
	n, err := b.src.Read(p)
	b.received.Add(int64(n))
	b.total.Add(int64(n))
	if b.minRate > 0 {
		b.wait(time.Since(began))
	}
	if err == nil {
		return n, nil
	}
	return n, b.stop(err)
}

// wait adds to the time that the client has taken. The store's time is not its
// fault.
func (b *body) wait(d time.Duration) {
	b.mu.Lock()
	b.waited += d
	b.mu.Unlock()
}

// mayRead says how the body was stopped, or puts the read deadline ahead, no
// more often than needed.
func (b *body) mayRead() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return b.end()
	}
	if b.idle == 0 && b.minRate == 0 {
		return nil
	}
	now := time.Now()
	if now.Sub(b.extended) < b.pause {
		return nil
	}
	b.extended = now
	return b.control.SetReadDeadline(b.deadline(now))
}

// deadline is when the next byte must have come. b.mu is held.
func (b *body) deadline(now time.Time) time.Time {
	var d time.Time
	b.slow = false
	if b.idle > 0 {
		d = now.Add(b.idle)
	}
	if b.minRate > 0 {
		due := time.Duration(float64(b.received.Load()) / float64(b.minRate) * float64(time.Second))
		if least := now.Add(b.grace + due - b.waited); d.IsZero() || least.Before(d) {
			d, b.slow = least, true
		}
	}
	return d
}

// stop notes why src ended and returns what the reader hears.
func (b *body) stop(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == io.EOF:
		if b.whenEnded != nil && !b.ended {
			b.whenEnded()
		}
		b.ended = true
		if !b.cut && !b.extended.IsZero() {
			// net/http goes on reading, to see the client leave; an old
			// deadline would end the request's context.
			_ = b.control.SetReadDeadline(time.Time{}) // a dead connection is seen by its next use
		}
		return io.EOF
	case b.stopped: // by a cut, which made this error
		return b.end()
	}
	b.stopped = true
	b.failure = b.explain(err)
	return b.end()
}

// explain turns an error of net/http's body into an answer. b.mu is held.
func (b *body) explain(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && b.slow:
		return store.BodyTooSlow()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return store.BodyIdle()
	case !b.chunked, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return store.BodyBroken()
	}
	return store.BodyMalformed()
}

// end is what a reader hears after the body was stopped. On POST, what arrived
// becomes an upload with an address if anybody can still hear it. b.mu is held.
func (b *body) end() error {
	if passing(b.failure) && b.creates {
		b.failure = nil
	}
	if b.failure == nil {
		return io.EOF
	}
	return b.failure
}

// wantWhole makes a body that is cut tell so, also on POST: nothing of it is kept.
// It is called before the first read.
func (b *body) wantWhole() {
	b.mu.Lock()
	b.creates = false
	b.mu.Unlock()
}

// hurry gives the client this long for all that it still sends.
func (b *body) hurry(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped && !b.ended {
		b.pause = time.Hour // mayRead sets no other deadline
		b.extended = time.Now()
		_ = b.control.SetReadDeadline(b.extended.Add(d)) // a dead connection ends the read by itself
	}
}

// passing reports whether err is an answer after which a client goes on.
func passing(err error) bool {
	answer, ok := errors.AsType[handler.Error](err)
	return ok && answer.HTTPResponse.Header["Retry-After"] != ""
}

// Close is io.Closer, for http.Request.Body.
func (b *body) Close() error { return b.src.Close() }

// Poll is part of store.Body.
func (b *body) Poll(on bool) bool {
	if b.conn == nil {
		return false
	}
	b.conn.polling.Store(on)
	return true
}

// Received is part of store.Body.
func (b *body) Received() int64 { return b.received.Load() }

// Err is part of store.Body.
func (b *body) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped && b.end() != io.EOF {
		return b.failure
	}
	return nil
}

// Cut is part of store.Body. A read that waits ends at once.
func (b *body) Cut(answer handler.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || b.cut {
		return
	}
	b.cut = true
	if b.whenCut != nil {
		close(b.whenCut)
	}
	if !b.stopped {
		b.stopped, b.failure = true, answer
	}
	b.hangUp()
}

// hangUp ends reading: net/http closes the connection after the answer. b.mu is
// held.
func (b *body) hangUp() {
	if b.closing != nil {
		b.closing.unread.Store(true)
	}
	_ = b.control.SetReadDeadline(longAgo) // a dead connection ends the read by itself
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// leave says that the request has ended: from now on its connection is another
// one's, and Cut does nothing.
func (b *body) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}

// WhenCut is part of store.Body.
func (b *body) WhenCut() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whenCut == nil {
		b.whenCut = make(chan struct{})
		if b.cut {
			close(b.whenCut)
		}
	}
	return b.whenCut
}
