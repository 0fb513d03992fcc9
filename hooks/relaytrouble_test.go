package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"plateau/hooks"
)

// Entries that can't be removed keep no others waiting, not even a great many.
func TestRelayStuckEntries(t *testing.T) {
	for _, stuck := range []int{1, 2_000} {
		outbox, sink := newFakeOutbox(), &fakeSink{}
		outbox.put(0, 5_000, 0)
		outbox.stuck = map[string]bool{}
		for n := range stuck {
			outbox.stuck[numbered(n, 0).Name] = true
		}
		r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink})
		eventually(t, "all others are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == stuck })
		if err := r.stopped(); err == nil {
			t.Error("what can't be removed is not said at the end")
		}
		if got := len(sink.subjects()); got != 5_000 {
			t.Errorf("%d events arrived, want each of 5,000 once", got)
		}
	}
}

// What follows many entries without an event needs no arrival to be sent.
func TestRelayAfterPoison(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	outbox.put(0, 1_600, 0)
	for n := range 1_500 {
		outbox.waiting[n].Record = []byte("{")
	}
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink, BackoffMin: time.Hour, BackoffMax: time.Hour})
	eventually(t, "none waits", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if got := len(sink.subjects()); got != 100 {
		t.Errorf("%d events arrived", got)
	}
}

// A failure of the outbox delays what arrives later by the least pause only.
func TestRelayAfterOutboxFailed(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	outbox.failClaims = 1
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink, BackoffMin: 10 * time.Millisecond, BackoffMax: time.Hour})
	eventually(t, "the outbox was asked", func() bool { outbox.mu.Lock(); defer outbox.mu.Unlock(); return outbox.claims > 0 })
	for n := range 5 {
		outbox.mu.Lock()
		outbox.failClaims = 1
		outbox.mu.Unlock()
		outbox.put(n, n+1, 0)
		eventually(t, "the outbox has failed again", func() bool { outbox.mu.Lock(); defer outbox.mu.Unlock(); return outbox.failClaims == 0 })
	}
	outbox.put(5, 6, 0)
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
}

// Uploads that aren't known to be finished hold up no other, however many they
// are, nor does an outbox that can say nothing of them.
func TestRelayManyUnknown(t *testing.T) {
	for name, failure := range map[string]error{"unknown": nil, "errors": errors.New("confirm: told to fail")} {
		t.Run(name, func(t *testing.T) {
			outbox, sink := newFakeOutbox(), &fakeSink{}
			outbox.alone = time.Hour
			outbox.put(0, 1_501, 0)
			outbox.confirm = func(id string, _ int) (hooks.Confirmation, error) {
				if id == "u001500" {
					return hooks.Finished, nil
				}
				return hooks.Unknown, failure
			}
			r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink})
			eventually(t, "the last is removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 1_500 })
			if err := r.stopped(); err != nil {
				t.Error(err)
			}
			if got := sink.subjects(); !slices.Equal(got, []string{"u001500"}) {
				t.Errorf("arrived: %v", got)
			}
		})
	}
}

// While the outbox is away it isn't asked for each entry by itself.
func TestRelayOutboxAway(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	outbox.put(0, 1_000, 0)
	var confirms, removes atomic.Int64
	var away atomic.Bool
	away.Store(true)
	outbox.confirm = func(id string, _ int) (hooks.Confirmation, error) {
		if id >= "u000500" && away.Load() {
			confirms.Add(1)
			return hooks.Unknown, fmt.Errorf("confirm: %w", hooks.ErrAway)
		}
		return hooks.Finished, nil
	}
	r := start(t, hooks.RelayOptions{Outbox: &awayOutbox{outbox, &away, &removes}, Sink: sink, BackoffMin: time.Hour, BackoffMax: time.Hour})
	eventually(t, "half of them were sent, and it was asked of the others", func() bool {
		return len(sink.subjects()) == 500 && confirms.Load() > 0 && removes.Load() > 0
	})
	if err := r.stopped(); !errors.Is(err, hooks.ErrAway) {
		t.Errorf("what can't be removed is not said at the end: %v", err)
	}
	if got := removes.Load(); got > 3 {
		t.Errorf("%d calls to remove 500", got)
	}
	if got := confirms.Load(); got > 100 {
		t.Errorf("it was asked %d times", got)
	}
	if waiting, _, _ := outbox.state(); waiting != 1_000 {
		t.Errorf("%d wait", waiting)
	}
}

// awayOutbox removes nothing while it is away.
type awayOutbox struct {
	*fakeOutbox
	away    *atomic.Bool
	removes *atomic.Int64
}

func (o *awayOutbox) Remove(ctx context.Context, entries []hooks.Entry) error {
	o.removes.Add(1)
	if o.away.Load() {
		return fmt.Errorf("remove: %w", hooks.ErrAway)
	}
	return o.fakeOutbox.Remove(ctx, entries)
}
