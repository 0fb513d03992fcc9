package storetest

import (
	"io"
	"sync"
	"sync/atomic"

	"github.com/tus/tusd/v2/pkg/handler"
)

// Body is a store.Body as a client might send it: in bursts, breaking off, cut,
// stalling or too long. Set the fields before its first use.
type Body struct {
	// Bytes are what the client sends.
	Bytes []byte
	// Burst is how many bytes arrive at a time; 0: all at once.
	Burst int
	// NoPoll makes a body that can't say whether a read would wait.
	NoPoll bool
	// Creates says that this is a POST's body: a cut just ends it.
	Creates bool
	// BreakAt is the number of bytes after which the body fails with Failure.
	// -1: it doesn't.
	BreakAt int64
	Failure handler.Error
	// StallAt is the number of bytes after which the client sends nothing more
	// until Resume or a cut. -1: it doesn't stall.
	StallAt int64
	// OnWait, if set, is called before each read that waits for the client, with
	// the size of the buffer that is held meanwhile.
	OnWait func(received int64, held int)

	received atomic.Int64
	reads    atomic.Int64
	polling  bool
	arrived  int64
	stalled  chan struct{}
	resumed  chan struct{}
	whenCut  chan struct{}

	mu      sync.Mutex // guards what follows
	ended   bool
	stopped bool
	cut     bool
	failure error
}

// NewBody returns a body that sends b all at once, and ends well.
func NewBody(b []byte) *Body {
	return &Body{
		Bytes: b, BreakAt: -1, StallAt: -1,
		stalled: make(chan struct{}), resumed: make(chan struct{}), whenCut: make(chan struct{}),
	}
}

// Read is io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	b.reads.Add(1)
	if err := b.state(); err != nil {
		return 0, err
	}
	at, burst := b.received.Load(), int64(b.Burst)
	if burst == 0 {
		burst = int64(len(b.Bytes)) + 1
	}
	stalls := at == b.StallAt
	if stalls || at >= b.arrived {
		if b.polling {
			return 0, nil
		}
		if b.OnWait != nil {
			b.OnWait(at, len(p))
		}
		b.arrived = at + burst
	}
	if stalls {
		if err := b.stall(); err != nil {
			return 0, err
		}
	}
	if at == b.BreakAt {
		return 0, b.stop(b.Failure)
	}
	if at == int64(len(b.Bytes)) {
		return 0, b.end()
	}
	upTo := min(b.arrived, int64(len(b.Bytes)))
	for _, limit := range []int64{b.BreakAt, b.StallAt} {
		if limit > at {
			upTo = min(upTo, limit)
		}
	}
	n := copy(p, b.Bytes[at:upTo])
	b.received.Add(int64(n))
	return n, nil
}

// stall waits until the client goes on, or returns what a cut body's reader hears.
func (b *Body) stall() error {
	b.StallAt = -1
	close(b.stalled)
	select {
	case <-b.resumed:
		return nil
	case <-b.whenCut:
		return b.state()
	}
}

// state is what a reader hears of a body that was cut or has failed, else nil.
func (b *Body) state() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.stopped {
		return nil
	}
	if b.failure == nil {
		return io.EOF
	}
	return b.failure
}

func (b *Body) stop(failure error) error {
	b.mu.Lock()
	if !b.stopped {
		b.stopped, b.failure = true, failure
	}
	b.mu.Unlock()
	return b.state()
}

func (b *Body) end() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	return io.EOF
}

// Close is io.Closer, for http.MaxBytesReader.
func (b *Body) Close() error { return nil }

// Poll is part of store.Body.
func (b *Body) Poll(on bool) bool {
	if b.NoPoll {
		return false
	}
	b.polling = on
	return true
}

// Received is part of store.Body.
func (b *Body) Received() int64 { return b.received.Load() }

// Err is part of store.Body.
func (b *Body) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failure
}

// Cut is part of store.Body.
func (b *Body) Cut(answer handler.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || b.cut {
		return
	}
	b.cut = true
	if !b.stopped {
		b.stopped = true
		if !b.Creates {
			b.failure = answer
		}
	}
	close(b.whenCut)
}

// WhenCut is part of store.Body.
func (b *Body) WhenCut() <-chan struct{} { return b.whenCut }

// Stalled is closed when a read waits at StallAt.
func (b *Body) Stalled() <-chan struct{} { return b.stalled }

// Resume ends the stall. It may be called once.
func (b *Body) Resume() { close(b.resumed) }

// Reads is how often the body was read.
func (b *Body) Reads() int64 { return b.reads.Load() }
