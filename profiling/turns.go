package profiling

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// turnPatience is how long what is there at once waits for its turn.
const turnPatience = 5 * time.Second

// Turns keeps profiles of the same kind apart: one runs at a time. Its map has an entry for each kind that runs, so it is
// bounded. The zero value is ready; all methods may be called by several goroutines.
type Turns struct {
	mu     sync.Mutex // guards places
	places map[string]*place
}

// place is that of a profile that runs.
type place struct {
	until time.Time     // when it ends, unless its client leaves before
	free  chan struct{} // closed when it has ended
}

// Try takes the turn of a kind that will take about so long; kinds are named as in their addresses: "profile" (which is CPU),
// "trace" or "fgprof". If it is another's turn, ok is false. Else call done once, when it is over.
func (t *Turns) Try(kind string, length time.Duration) (done func(), ok bool) {
	done, taken := t.try(kind, length)
	return done, taken == nil
}

func (t *Turns) try(kind string, length time.Duration) (done func(), taken *place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.places[kind]; p != nil {
		return nil, p
	}
	if t.places == nil {
		t.places = map[string]*place{}
	}
	p := &place{until: time.Now().Add(length), free: make(chan struct{})}
	t.places[kind] = p
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.places, kind)
		close(p.free)
	}, nil
}

// take takes the turn at once or refuses.
func (t *Turns) take(kind string, length time.Duration) (done func(), err error) {
	done, taken := t.try(kind, length)
	if taken != nil {
		return nil, taken.refusal()
	}
	return done, nil
}

// wait takes the turn as soon as it is free. It refuses when ctx ends before.
func (t *Turns) wait(ctx context.Context, kind string, length time.Duration) (done func(), err error) {
	for {
		done, taken := t.try(kind, length)
		if taken == nil {
			return done, nil
		}
		select {
		case <-taken.free: // others may have waited, too
		case <-ctx.Done():
			return nil, taken.refusal()
		}
	}
}

// waitShortly waits for the turn of what is there at once.
func (t *Turns) waitShortly(ctx context.Context, kind string) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, turnPatience)
	defer cancel()
	return t.wait(ctx, kind, 0)
}

func (p *place) refusal() error {
	return &refusal{http.StatusTooManyRequests, time.Until(p.until), "a profile of this kind is running already"}
}
