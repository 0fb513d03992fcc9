package hooks_test

import (
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
