package server

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"plateau/store"
)

// bodies are all request bodies that run, so that Stop can cut them.
type bodies struct {
	max     int // the most at once; 0: no limit
	idle    time.Duration
	minRate int64
	grace   time.Duration // for which a body may be slower

	mu       sync.Mutex // guards what follows
	running  map[*body]struct{}
	stopping bool
}

// admit makes the body of r and puts it into r. It returns nil where r has no
// body. Its error is the answer to a request too many. The caller calls release
// when the request has ended.
func (b *bodies) admit(w http.ResponseWriter, r *http.Request) (*body, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 { // HTTP/2 has a reader for nothing, too
		return nil, nil
	}
	in := &body{
		src:     r.Body,
		conn:    pollable(r),
		control: http.NewResponseController(w),
		creates: r.Method == http.MethodPost,
		chunked: slices.Contains(r.TransferEncoding, "chunked"),
		sized:   r.ContentLength >= 0,
		expects: r.Header.Get("Expect") != "",
		idle:    b.idle,
		minRate: b.minRate,
		grace:   b.grace,
		pause:   min(time.Second, b.idle/4),
	}
	if b.minRate > 0 {
		in.pause = 0 // each byte that came earns time
	}
	if r.ProtoMajor == 1 {
		in.closing = connOf(r)
	}
	r.Body = in
	b.mu.Lock()
	full := b.max > 0 && len(b.running) >= b.max
	stopping := b.stopping
	if !full {
		b.running[in] = struct{}{}
	}
	b.mu.Unlock()
	if full {
		return in, store.Overloaded()
	}
	if stopping {
		in.Cut(store.ShuttingDown())
	}
	return in, nil
}

func (b *bodies) release(in *body) {
	b.mu.Lock()
	delete(b.running, in)
	b.mu.Unlock()
	in.leave()
}

func (b *bodies) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.running)
}

// stop cuts every body that runs, and every one that comes after.
func (b *bodies) stop() {
	b.mu.Lock()
	b.stopping = true
	running := make([]*body, 0, len(b.running))
	for in := range b.running {
		running = append(running, in)
	}
	b.mu.Unlock()
	for _, in := range running {
		in.Cut(store.ShuttingDown())
	}
}
