package server

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"plateau/store"
)

// bodies are all request bodies that run, so that Stop can cut them.
type bodies struct {
	max     atomic.Int64 // the most at once; 0: no limit
	minRate atomic.Int64 // bytes a second; 0: any
	idle    time.Duration
	grace   time.Duration // for which a body may be slower
	total   atomic.Int64  // bytes that were received
	proxies proxies       // who may say for whom it sends

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
	minRate := b.minRate.Load()
	in := &body{
		src:     r.Body,
		conn:    pollable(r),
		control: http.NewResponseController(w),
		creates: r.Method == http.MethodPost,
		chunked: slices.Contains(r.TransferEncoding, "chunked"),
		sized:   r.ContentLength >= 0,
		expects: r.Header.Get("Expect") != "",
		idle:    b.idle,
		minRate: minRate,
		grace:   b.grace,
		total:   &b.total,
		client:  b.proxies.clientOf(r),
		since:   time.Now(),
		pause:   min(time.Second, b.idle/4),
	}
	if minRate > 0 {
		in.pause = 0 // each byte that came earns time
	}
	if r.ProtoMajor == 1 {
		in.closing = connOf(r)
	}
	r.Body = in
	b.mu.Lock()
	most := int(b.max.Load())
	full := most > 0 && len(b.running) >= most
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
