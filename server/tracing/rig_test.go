package tracing_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/server/tracing"
	"plateau/server/tracing/tracingtest"
)

// bound is how long a test waits for what must happen.
const bound = 30 * time.Second

// rig is a tracer and the collector that it sends to.
type rig struct {
	*tracing.Tracer
	t         *testing.T
	collector *tracingtest.Collector
	log       *logText
}

type logText struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// says is how many lines have the text.
func (l *logText) says(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

const (
	begins = "spans can't be sent"
	ends   = "spans are sent to the OpenTelemetry collector again"
)

// newRig returns a tracer that hasn't started, with short pauses.
func newRig(t *testing.T, changes ...func(*tracing.Options)) *rig {
	t.Helper()
	c := tracingtest.New()
	t.Cleanup(c.Close)
	r := &rig{t: t, collector: c, log: &logText{}}
	opts := tracing.Options{
		Endpoint: c.URL, Service: "plateau", Version: "v1", SampleRatio: 1,
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	for _, change := range changes {
		change(&opts)
	}
	var err error
	if r.Tracer, err = tracing.Open(opts); err != nil {
		t.Fatal(err)
	}
	r.SetTimes(time.Millisecond, time.Millisecond)
	t.Cleanup(func() {
		r.close()
		if err := c.Problems(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) close() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), bound)
	defer cancel()
	r.Close(ctx)
}

// span makes one of a request.
func (r *rig) span(header ...string) *tracing.Span {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return r.Request("GET", "/x", h, time.Now())
}

func (r *rig) spans(n int) {
	for range n {
		r.span().End(tracing.Answer{Status: 200})
	}
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(bound)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", bound, what)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}
