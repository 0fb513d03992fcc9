package outboxtest

import (
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
)

// Intents is what a Harness is too whose outbox is told of uploads before they are
// finished, and finds out later whether they were. Outbox's own Add then adds an
// upload that is known to be finished. The record is the one that Add is given,
// and Record needn't do anything.
type Intents interface {
	Harness
	// Intend adds an upload that isn't known to be finished. Several goroutines call
	// it, and Answer.
	Intend(t *testing.T, info handler.FileInfo, finishedAt time.Time)
	// Answer is what is found out of an upload from now on, when the outbox asks.
	// Abandoned takes the entry away, as it has to.
	Answer(id string, c hooks.Confirmation)
	// Alone is Reopen with an outbox that leaves released entries alone for so long.
	Alone(t *testing.T, pause time.Duration)
}

// withIntents runs the test of an outbox that has them.
func withIntents(test func(*testing.T, suite, Intents)) func(*testing.T, suite) {
	return func(t *testing.T, s suite) {
		h, ok := s.Harness.(Intents)
		if !ok {
			t.Skip("this outbox is told of finished uploads only")
		}
		test(t, s, h)
	}
}

func intend(t *testing.T, h Intents, ns ...int) {
	t.Helper()
	for _, n := range ns {
		h.Intend(t, record(id(n)), at(n))
	}
}

// confirm fails unless Confirm says so of the entry.
func (s suite) confirm(t *testing.T, e hooks.Entry, want hooks.Confirmation) {
	t.Helper()
	if got, err := s.Outbox().Confirm(t.Context(), e); err != nil || got != want {
		t.Fatalf("the upload %s is confirmed as %v, %v; want %v", e.ID, got, err, want)
	}
}

// What isn't known to be finished is left alone, others are not, and nothing of it
// is lost.
func testUnknown(t *testing.T, s suite, h Intents) {
	intend(t, h, 0, 1, 2)
	h.Answer(id(0), hooks.Unknown)
	h.Answer(id(1), hooks.Finished)
	h.Answer(id(2), hooks.Unknown)
	h.Alone(t, time.Hour)
	entries := s.claim(t, 10)
	want(t, entries, 0, 1, 2)
	s.confirm(t, entries[0], hooks.Unknown)
	s.confirm(t, entries[1], hooks.Finished)
	s.confirm(t, entries[2], hooks.Unknown)
	s.Outbox().Release(entries)
	want(t, s.claim(t, 10), 1)
	s.add(t, 3)
	want(t, s.claim(t, 10), 3)
	h.Answer(id(0), hooks.Finished)
	s.Reopen(t)
	entries = s.claim(t, 10)
	want(t, entries, 0, 1, 2, 3)
	s.confirm(t, entries[0], hooks.Finished)
}

// It is asked about again later, and whoever waits is told.
func testUnknownLater(t *testing.T, s suite, h Intents) {
	intend(t, h, 0)
	h.Answer(id(0), hooks.Unknown)
	h.Alone(t, time.Millisecond)
	for range 5 {
		entries := s.claim(t, 10)
		for len(entries) == 0 { // an old sign may be there
			arrives(t, s.Outbox())
			entries = s.claim(t, 10)
		}
		want(t, entries, 0)
		s.confirm(t, entries[0], hooks.Unknown)
		s.Outbox().Release(entries)
	}
}

// However many aren't known to be finished, those behind them are claimed.
func testManyUnknown(t *testing.T, s suite, h Intents) {
	const many = 1_500
	var adding sync.WaitGroup
	for first := range 8 {
		adding.Go(func() {
			for n := first; n < many; n += 8 {
				intend(t, h, n)
				h.Answer(id(n), hooks.Unknown)
			}
		})
	}
	adding.Wait()
	intend(t, h, many)
	h.Answer(id(many), hooks.Finished)
	h.Alone(t, time.Hour)
	for asked := 0; ; {
		entries := claimFrom(t, s.Outbox(), 500, 1<<20, hour())
		if len(entries) == 0 {
			t.Fatalf("the last was not claimed; %d others were", asked)
		}
		for _, e := range entries {
			asked++
			if e.ID == id(many) {
				s.confirm(t, e, hooks.Finished)
				if asked != many+1 {
					t.Errorf("%d were asked about before the last", asked-1)
				}
				return
			}
			s.confirm(t, e, hooks.Unknown)
		}
		s.Outbox().Release(entries)
	}
}

// What is abandoned is gone when Confirm has said so: a new finish of the same
// upload loses nothing by it.
func testAbandoned(t *testing.T, s suite, h Intents) {
	intend(t, h, 0, 1)
	h.Answer(id(0), hooks.Abandoned)
	h.Alone(t, time.Hour)
	entries := s.claim(t, 10)
	want(t, entries, 0, 1)
	s.confirm(t, entries[0], hooks.Abandoned)
	want(t, s.claim(t, 10))
	h.Answer(id(0), hooks.Finished)
	s.add(t, 0) // the client tried again
	again := s.claim(t, 10)
	want(t, again, 0)
	s.confirm(t, again[0], hooks.Finished)
	s.remove(t, again...)
	s.Reopen(t)
	want(t, s.claim(t, 10), 1)
}
