package outboxtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"plateau/hooks"
)

// seeded returns a source of random numbers whose seed is printed; OUTBOXTEST_SEED
// gives it back.
func seeded(t *testing.T) func() *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("OUTBOXTEST_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("OUTBOXTEST_SEED: %v", err)
		}
	}
	t.Logf("seed %d (OUTBOXTEST_SEED=%d runs it again)", seed, seed)
	var n uint64
	return func() *rand.Rand {
		n++
		return rand.New(rand.NewPCG(seed, n))
	}
}

// relays runs two claimants over one outbox until count entries were removed.
// Each gives back some of what it claims. An entry that two have at a time is
// an error, as is one that is removed twice.
type relays struct {
	mu      sync.Mutex
	held    map[string]bool
	removed map[string]bool
	errs    []error
	count   int
	done    chan struct{} // closed when count were removed, or at the first error
}

func newRelays(count int) *relays {
	return &relays{held: make(map[string]bool), removed: make(map[string]bool), count: count, done: make(chan struct{})}
}

func (r *relays) fail(err error) {
	if len(r.errs) == 0 && len(r.removed) < r.count {
		close(r.done)
	}
	r.errs = append(r.errs, err)
}

func (r *relays) take(entries []hooks.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		if r.held[e.Name] || r.removed[e.Name] {
			r.fail(fmt.Errorf("%s was claimed by two, or after it was removed", e.Name))
		}
		r.held[e.Name] = true
	}
}

// let is told before the entries are removed or given back.
func (r *relays) let(entries []hooks.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		delete(r.held, e.Name)
	}
}

func (r *relays) gone(entries []hooks.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		delete(r.held, e.Name)
		r.removed[e.Name] = true
		if len(r.removed) == r.count && len(r.errs) == 0 {
			close(r.done)
		}
	}
}

// run is one relay.
func (r *relays) run(ctx context.Context, o hooks.Outbox, random *rand.Rand) {
	for {
		select {
		case <-r.done:
			return
		default:
		}
		entries, err := o.Claim(ctx, 1+random.IntN(40), 1+random.Int64N(20_000), time.Now().Add(time.Hour))
		if err == nil && len(entries) > 0 {
			r.take(entries)
			cut := random.IntN(len(entries) + 1)
			r.let(entries[cut:])
			o.Release(entries[cut:])
			if err = o.Remove(ctx, entries[:cut]); err == nil {
				r.gone(entries[:cut])
			}
		}
		if err != nil {
			r.mu.Lock()
			r.fail(err)
			r.mu.Unlock()
			return
		}
		if len(entries) == 0 {
			select {
			case <-r.done:
				return
			case <-ctx.Done():
				r.mu.Lock()
				r.fail(fmt.Errorf("%d of %d were removed: %w", len(r.removed), r.count, ctx.Err()))
				r.mu.Unlock()
				return
			case <-o.Arrived():
			case <-time.After(10 * time.Millisecond): // what the other gives back makes no sign
			}
		}
	}
}

func (s suite) twoRelays(t *testing.T, count int, meanwhile func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*bound)
	defer cancel()
	r, source := newRelays(count), seeded(t)
	var running sync.WaitGroup
	for _, o := range []hooks.Outbox{s.Outbox(), s.Other()} {
		random := source()
		running.Go(func() { r.run(ctx, o, random) })
	}
	meanwhile()
	running.Wait()
	if err := errors.Join(r.errs...); err != nil {
		t.Fatal(err)
	}
	if len(r.removed) != count {
		t.Errorf("%d entries were removed, want %d", len(r.removed), count)
	}
	want(t, s.claim(t, 10))
	s.Reopen(t)
	want(t, s.claim(t, 10))
}

func testTwoRelays(t *testing.T, s suite) {
	const count = 500
	for n := range count {
		s.add(t, n)
	}
	s.twoRelays(t, count, func() {})
}

func testTwoRelaysWhileAdding(t *testing.T, s suite) {
	const adders, each = 4, 100
	s.twoRelays(t, adders*each, func() {
		var adding sync.WaitGroup
		for a := range adders {
			adding.Go(func() {
				for n := range each {
					info := record(id(n*adders + a))
					s.Record(t, info)
					if err := s.Outbox().Add(t.Context(), info, at(n*adders+a)); err != nil {
						t.Errorf("add: %v", err)
					}
				}
			})
		}
		adding.Wait()
	})
}
