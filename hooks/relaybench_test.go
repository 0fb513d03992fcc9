package hooks_test

import (
	"context"
	"testing"

	"plateau/hooks"
)

// countSink acknowledges all, and says when it has had so many.
type countSink struct {
	left int
	done chan struct{}
}

func (s *countSink) Send(_ context.Context, events []hooks.Event) []error {
	if s.left -= len(events); s.left == 0 {
		close(s.done)
	}
	return nil
}

func (s *countSink) Close(context.Context) error { return nil }

// What the relay and the outbox on disk cost an event, without a receiver.
func BenchmarkRelayDrain(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, b.N, 10)
	outbox, err := hooks.OpenDiskOutbox(hooks.DiskOutboxOptions{Dir: dir + "/outbox", Records: dir + "/uploads"})
	if err != nil {
		b.Fatal(err)
	}
	defer outbox.Close()
	sink := &countSink{left: b.N, done: make(chan struct{})}
	relay, err := hooks.NewRelay(hooks.RelayOptions{Outbox: outbox, Sink: sink, Source: "/plateau/bench"})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error)
	b.ResetTimer()
	go func() { ended <- relay.Run(ctx) }()
	<-sink.done
	stop()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
