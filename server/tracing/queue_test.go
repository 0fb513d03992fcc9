package tracing_test

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"plateau/server/tracing"
)

// The collector comes back: what waited goes, and the log has two lines.
func TestCollectorThatIsAwayForAWhile(t *testing.T) {
	for name, refuse := range map[string]func(http.ResponseWriter){
		"429":          func(w http.ResponseWriter) { w.Header().Set("Retry-After", "x"); w.WriteHeader(429) },
		"502":          func(w http.ResponseWriter) { w.WriteHeader(502) },
		"503":          func(w http.ResponseWriter) { w.Header().Set("Retry-After", "-1"); w.WriteHeader(503) },
		"504":          func(w http.ResponseWriter) { w.WriteHeader(504) },
		"a connection": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			refusals := 0
			r.collector.Refuse(func(w http.ResponseWriter, _ *http.Request) bool {
				if refusals++; refusals <= 3 { // one request at a time
					refuse(w)
				}
				return refusals <= 3
			})
			r.Start()
			r.spans(5)
			until(t, "all are sent", func() bool { return r.Sent() == 5 })
			until(t, "the log's line", func() bool { return r.log.says(ends) == 1 })
			if r.Dropped() != 0 || r.log.says(begins) != 1 {
				t.Errorf("%d dropped; %s", r.Dropped(), r.log.text.String())
			}
		})
	}
}

// What nobody takes is dropped in the end, or at once, and counted.
func TestCollectorThatRefuses(t *testing.T) {
	for _, status := range []int{302, 400, 401, 404, 500, 503} {
		r := newRig(t)
		r.collector.Answer(status)
		r.Start()
		r.spans(5)
		until(t, "they are dropped", func() bool { return r.Dropped() == 5 })
		if want := map[bool]int{true: 6, false: 1}[status == 503]; r.collector.Requests() != want {
			t.Errorf("%d: %d requests, want %d", status, r.collector.Requests(), want)
		}
		r.spans(5)
		r.close()
		if r.Dropped() != 10 || r.Sent() != 0 || r.log.says(begins) != 1 || r.log.says(ends) != 0 {
			t.Errorf("%d: %d dropped; %s", status, r.Dropped(), r.log.text.String())
		}
	}
}

// nobody is an address where nobody answers.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String() + "?token=hidden"
}

// Twenty thousand spans that nobody takes: what waits is bounded, nobody is held up, each is
// counted, and the end is in time.
func TestQueueIsBounded(t *testing.T) {
	for name, endpoint := range map[string]string{"hangs": "", "away": nobody(t)} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			r := newRig(t, func(o *tracing.Options) { o.Endpoint = cmp.Or(endpoint, o.Endpoint) })
			r.collector.Hang()
			r.SetTimes(time.Hour, time.Hour)
			r.Start()
			const n = 20_000
			var ending sync.WaitGroup
			for range 4 {
				ending.Go(func() { r.spans(n / 4) })
			}
			ending.Wait()
			if r.Waiting() != tracing.QueueSize || r.Dropped() < n-3*tracing.QueueSize {
				t.Errorf("%d wait, %d were dropped", r.Waiting(), r.Dropped())
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			r.Close(ctx)
			if r.Dropped() != n || r.Waiting() != 0 {
				t.Errorf("%d wait, %d were dropped of %d", r.Waiting(), r.Dropped(), n)
			}
			if r.log.says("hidden") != 0 || r.log.says(begins) != 1 {
				t.Errorf("the log says %s", r.log.text.String())
			}
			r.spans(1)
			if r.Dropped() != n+1 {
				t.Error("a span after the end is not counted")
			}
			r.collector.Close()
			until(t, "its goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

func TestCloseSendsWhatWaits(t *testing.T) {
	r := newRig(t)
	r.Start()
	r.spans(100)
	r.close()
	if n := len(r.collector.Spans()); n != 100 || r.Sent() != 100 || r.Dropped() != 0 {
		t.Errorf("%d came", n)
	}
	r.close()
}

func TestCloseWithoutStart(t *testing.T) {
	before := runtime.NumGoroutine()
	r := newRig(t)
	r.spans(10)
	r.close()
	r.collector.Close()
	if r.Dropped() != 10 {
		t.Errorf("%d dropped", r.Dropped())
	}
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}
