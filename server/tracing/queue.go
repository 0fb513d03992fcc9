package tracing

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	queueSize  = 2048        // spans that wait; as many may be under way
	gatherTime = time.Second // for which spans wait for others, unless half of the queue is full
	firstPause = time.Second // before spans are sent again; it doubles
	tries      = 6
	sendFor    = 10 * time.Second
)

// queue is what spans wait in, and its goroutine sends them: all that wait in one
// request. It stands in for OpenTelemetry's own processor, which doesn't tell what it has
// dropped, and whose errors go to a logger of the whole process.
type queue struct {
	exporter  *otlptrace.Exporter
	collector *collector
	log       *slog.Logger
	failing   bool // what the log heard last; belongs to the goroutine

	gathering, pause time.Duration // gatherTime and firstPause, but in tests

	sent, dropped atomic.Int64

	mu      sync.Mutex // guards what follows
	waiting []sdktrace.ReadOnlySpan
	closed  bool

	some, half chan struct{} // one value each when there are spans, and many
	stop       chan struct{}
	closing    sync.Once
	sending    context.Context // ends when there is no time left to send
	cancel     context.CancelFunc
	running    sync.WaitGroup
}

func newQueue(endpoint string, log *slog.Logger) *queue {
	c := newCollector(endpoint)
	q := &queue{
		exporter: otlptrace.NewUnstarted(c), collector: c, log: log, gathering: gatherTime, pause: firstPause,
		some: make(chan struct{}, 1), half: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	q.sending, q.cancel = context.WithCancel(context.Background())
	return q
}

func (q *queue) start() { q.running.Go(q.run) }

func (q *queue) close(ctx context.Context) {
	q.closing.Do(func() {
		q.mu.Lock()
		q.closed = true
		q.mu.Unlock()
		close(q.stop)
	})
	stop := context.AfterFunc(ctx, q.cancel)
	defer stop()
	q.running.Wait()
	q.cancel()
	q.dropped.Add(int64(len(q.take(nil)))) // without start, nobody took them
	q.collector.close()
}

// OnStart is part of sdktrace.SpanProcessor.
func (*queue) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd is part of sdktrace.SpanProcessor.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	q.mu.Lock()
	n := len(q.waiting)
	if n == queueSize || q.closed {
		q.mu.Unlock()
		q.dropped.Add(1)
		return
	}
	q.waiting = append(q.waiting, s)
	q.mu.Unlock()
	switch n {
	case 0:
		signal(q.some)
	case queueSize / 2:
		signal(q.half)
	}
}

// Shutdown is part of sdktrace.SpanProcessor. Close is Tracer's.
func (*queue) Shutdown(context.Context) error { return nil }

// ForceFlush is part of sdktrace.SpanProcessor. It does nothing.
func (*queue) ForceFlush(context.Context) error { return nil }

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it was told already
	}
}

// take returns what waits. used is what take returned before, to be used again.
func (q *queue) take(used []sdktrace.ReadOnlySpan) []sdktrace.ReadOnlySpan {
	clear(used)
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting = used[:0]
	return taken
}

// run sends until close, and then what is left.
func (q *queue) run() {
	var spans []sdktrace.ReadOnlySpan
	for q.gather() {
		spans = q.take(spans)
		q.send(spans)
	}
	q.send(q.take(spans))
}

// gather waits until there are spans to send; it returns false once the queue is closed.
func (q *queue) gather() bool {
	select {
	case <-q.some:
	case <-q.stop:
		return false
	}
	wait := time.NewTimer(q.gathering)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-q.half:
	case <-q.stop:
		return false
	}
	return true
}

// send sends spans, or drops them after some tries.
func (q *queue) send(spans []sdktrace.ReadOnlySpan) {
	if len(spans) == 0 {
		return
	}
	pause := q.pause
	for try := 1; ; try++ {
		err := q.try(spans)
		if err == nil {
			q.sent.Add(int64(len(spans)))
			q.note(nil)
			return
		}
		q.note(err)
		passing, ok := errors.AsType[*passingError](err)
		if !ok || try == tries || !q.sleep(max(pause, passing.after)) {
			q.dropped.Add(int64(len(spans)))
			return
		}
		pause *= 2
	}
}

func (q *queue) try(spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithTimeout(q.sending, sendFor)
	defer cancel()
	return q.exporter.ExportSpans(ctx, spans)
}

// sleep waits before the next try. When the queue is closed meanwhile, the last one comes
// at once; after that it returns false.
func (q *queue) sleep(pause time.Duration) bool {
	select {
	case <-q.stop:
		return false
	default:
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.stop:
	}
	return q.sending.Err() == nil
}

// note says in the log when spans can't be sent any more, and when they can again.
func (q *queue) note(err error) {
	switch {
	case err != nil && !q.failing:
		q.log.Error("spans can't be sent to the OpenTelemetry collector; those that find no room are dropped", "error", err)
	case err == nil && q.failing:
		q.log.Info("spans are sent to the OpenTelemetry collector again", "dropped_so_far", q.dropped.Load())
	}
	q.failing = err != nil
}
