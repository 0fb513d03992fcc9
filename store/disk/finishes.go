package disk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"plateau/store"
)

// finishes are those that run now: one at a time for each upload, and whoever
// wants the same one joins it.
type finishes struct {
	mu      sync.Mutex // guards running
	running map[string]*finishing
}

// finishing is one finish; err may be read once done is closed.
type finishing struct {
	done chan struct{}
	err  error
}

// begin returns the finish of id, and whether the caller is the one to run it
// and then to call end.
func (f *finishes) begin(id string) (fin *finishing, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fin, ok := f.running[id]; ok {
		return fin, false
	}
	if f.running == nil {
		f.running = make(map[string]*finishing)
	}
	fin = &finishing{done: make(chan struct{})}
	f.running[id] = fin
	return fin, true
}

func (f *finishes) end(id string, fin *finishing, err error) {
	f.mu.Lock()
	delete(f.running, id)
	f.mu.Unlock()
	fin.err = err
	close(fin.done)
}

// join returns the finish of id that runs now, or nil.
func (f *finishes) join(id string) *finishing {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[id]
}

// wait waits until no finish of id runs, for at most the given time.
func (f *finishes) wait(ctx context.Context, id string, atMost time.Duration) error {
	fin := f.join(id)
	if fin == nil {
		return nil
	}
	err := fin.wait(ctx, atMost)
	if fin.ended() {
		return nil // how it ended doesn't matter here
	}
	return err
}

// wait returns how the finish ended, or 423 if it hasn't in time.
func (fin *finishing) wait(ctx context.Context, atMost time.Duration) error {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-fin.done:
		return fin.err
	case <-timer.C:
		return fmt.Errorf("the finish takes longer than %s: %w", atMost, store.Unfinished())
	case <-ctx.Done():
		return fmt.Errorf("wait for the finish: %w: %w", ctx.Err(), store.Unfinished())
	}
}

func (fin *finishing) ended() bool {
	select {
	case <-fin.done:
		return true
	default:
		return false
	}
}
