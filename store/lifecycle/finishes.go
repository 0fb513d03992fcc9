package lifecycle

import (
	"context"
	"fmt"
	"sync"
	"time"

	"plateau/store"
)

// Finishes are those that run now: one at a time for each upload, and whoever
// wants the same one joins it.
type Finishes struct {
	mu      sync.Mutex // guards running
	running map[string]*Finishing
}

// Finishing is one finish.
type Finishing struct {
	done chan struct{}
	err  error // may be read once done is closed
}

// Begin returns the finish of id, and whether the caller is the one to run it
// and then to call End.
func (f *Finishes) Begin(id string) (fin *Finishing, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fin, ok := f.running[id]; ok {
		return fin, false
	}
	if f.running == nil {
		f.running = make(map[string]*Finishing)
	}
	fin = &Finishing{done: make(chan struct{})}
	f.running[id] = fin
	return fin, true
}

// End says how the finish that Begin has given out ended.
func (f *Finishes) End(id string, fin *Finishing, err error) {
	f.mu.Lock()
	delete(f.running, id)
	f.mu.Unlock()
	fin.err = err
	close(fin.done)
}

// Join returns the finish of id that runs now, or nil.
func (f *Finishes) Join(id string) *Finishing {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[id]
}

// Wait waits until no finish of id runs, for at most the given time.
func (f *Finishes) Wait(ctx context.Context, id string, atMost time.Duration) error {
	fin := f.Join(id)
	if fin == nil {
		return nil
	}
	err := fin.Wait(ctx, atMost)
	if fin.Ended() {
		return nil // how it ended doesn't matter here
	}
	return err
}

// Wait returns how the finish ended, or 423 if it hasn't in time.
func (fin *Finishing) Wait(ctx context.Context, atMost time.Duration) error {
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

// Done returns a channel that is closed when the finish has ended.
func (fin *Finishing) Done() <-chan struct{} { return fin.done }

// Err returns how it ended; nil before it has.
func (fin *Finishing) Err() error {
	if !fin.Ended() {
		return nil
	}
	return fin.err
}

// Ended reports whether it has.
func (fin *Finishing) Ended() bool {
	select {
	case <-fin.done:
		return true
	default:
		return false
	}
}
