package hooks_test

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"time"

	"plateau/hooks"
)

// At the end: a call that hangs is cut after the grace, what was acknowledged is
// removed, the rest given back, and nothing runs any more.
func TestRelayEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	outbox := newFakeOutbox()
	outbox.put(0, 2_000, 0)
	hanging := make(chan struct{}, 10)
	sink := &fakeSink{}
	sink.before = func(ctx context.Context) {
		if sink.calls == 2 {
			hanging <- struct{}{}
			<-ctx.Done()
			sink.mu.Lock()
			sink.verdict = func(hooks.Event, int) error { return ctx.Err() }
			sink.mu.Unlock()
		}
	}
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink, Grace: 10 * time.Millisecond})
	<-hanging
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	waiting, claimed, _ := outbox.state()
	if waiting != 1_500 || claimed != 0 || !slices.Equal(outbox.removed, ids(0, 500)) {
		t.Errorf("%d wait, %d of them claimed; removed were %d: %v", waiting, claimed, len(outbox.removed), outbox.removed)
	}
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// A call that ends within the grace counts.
func TestRelayGrace(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	outbox.put(0, 10, 0)
	sending, goOn := make(chan struct{}), make(chan struct{})
	sink.before = func(context.Context) { close(sending); <-goOn }
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink, Grace: time.Hour})
	<-sending
	r.stop()
	close(goOn)
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if waiting, _, _ := outbox.state(); waiting != 0 || len(sink.subjects()) != 10 {
		t.Errorf("%d wait, %d arrived", waiting, len(sink.subjects()))
	}
}

// A sink that panics, or answers for others, loses nothing.
func TestRelayBadSink(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	outbox.put(0, 10, 0)
	bad := &badSink{Sink: sink}
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: bad})
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if len(sink.subjects()) != 10 {
		t.Errorf("%d arrived", len(sink.subjects()))
	}
}

type badSink struct {
	hooks.Sink
	calls int
}

func (s *badSink) Send(ctx context.Context, events []hooks.Event) []error {
	s.calls++
	switch s.calls {
	case 1:
		panic("told to")
	case 2:
		return []error{}
	}
	return s.Sink.Send(ctx, events)
}
