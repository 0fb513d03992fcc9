// Package tracingtest is an OpenTelemetry collector for tests: it takes spans by OTLP over
// HTTP, on loopback, and keeps them all. It can refuse them, or never answer. What isn't
// OTLP is answered 400 and reported by Problems.
package tracingtest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span as it came. Ids are hex digits.
type Span struct {
	Name, Kind        string // Kind as "SERVER"
	Trace, ID, Parent string
	State             string // W3C tracestate
	Links             []string
	Attributes        map[string]any // string, int64, float64 or bool
	Resource          map[string]any
	Failed            bool
	Message           string // of the failure
	Began, Ended      time.Time
}

// Collector is one that runs until Close. Its methods may be called from any goroutine.
type Collector struct {
	URL string

	server  *httptest.Server
	gone    chan struct{} // closed by Close
	closing sync.Once

	mu       sync.Mutex // guards what follows
	refusal  func(w http.ResponseWriter, r *http.Request) bool
	requests int
	spans    []Span
	raw      []byte
	problems []error
}

// New returns a collector that serves on a free port of loopback.
func New() *Collector {
	c := &Collector{gone: make(chan struct{})}
	c.server = httptest.NewServer(c)
	c.URL = c.server.URL
	return c
}

// Close ends it, and requests that it hasn't answered. It may be called more than once.
func (c *Collector) Close() {
	c.closing.Do(func() {
		close(c.gone)
		c.server.CloseClientConnections()
		c.server.Close()
	})
}

// Refuse has f answer requests while it returns true; nil: none are refused.
func (c *Collector) Refuse(f func(w http.ResponseWriter, r *http.Request) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusal = f
}

// Answer has all requests answered by a status.
func (c *Collector) Answer(status int) {
	c.Refuse(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(status); return true })
}

// Hang has all requests wait until their client gives up.
func (c *Collector) Hang() {
	c.Refuse(func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // so that the end of the connection is noticed
		select {
		case <-r.Context().Done():
		case <-c.gone:
		}
		return true
	})
}

// Requests is how many requests came.
func (c *Collector) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// Spans are all that came, in the order of their ends.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.spans)
	slices.SortStableFunc(all, func(a, b Span) int { return a.Ended.Compare(b.Ended) })
	return all
}

// Named are the spans of that name.
func (c *Collector) Named(name string) []Span {
	return slices.DeleteFunc(c.Spans(), func(s Span) bool { return s.Name != name })
}

// Raw is all that came, as it came.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.raw)
}

// Problems says what came that isn't OTLP.
func (c *Collector) Problems() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(c.problems...)
}

// ServeHTTP is http.Handler.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.requests++
	refuse := c.refusal
	c.mu.Unlock()
	if refuse != nil && refuse(w, r) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has left
	}
	var data tracepb.TracesData // the same bytes as an ExportTraceServiceRequest
	err = proto.Unmarshal(body, &data)
	if err == nil && (r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf") {
		err = fmt.Errorf("%s %s of %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.problems = append(c.problems, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.raw = append(c.raw, body...)
	for _, of := range data.ResourceSpans {
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, spanOf(s, attributes(of.Resource.GetAttributes())))
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // an empty answer: all were taken
}

func spanOf(s *tracepb.Span, resource map[string]any) Span {
	span := Span{
		Name: s.Name, Kind: strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"),
		Trace: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
		State: s.TraceState, Attributes: attributes(s.Attributes), Resource: resource,
		Failed: s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR, Message: s.Status.GetMessage(),
		Began: time.Unix(0, int64(s.StartTimeUnixNano)), Ended: time.Unix(0, int64(s.EndTimeUnixNano)),
	}
	for _, l := range s.Links {
		span.Links = append(span.Links, hex.EncodeToString(l.TraceId)+"-"+hex.EncodeToString(l.SpanId))
	}
	return span
}

func attributes(list []*commonpb.KeyValue) map[string]any {
	all := make(map[string]any)
	for _, kv := range list {
		switch v := kv.Value.GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			all[kv.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			all[kv.Key] = v.IntValue
		case *commonpb.AnyValue_DoubleValue:
			all[kv.Key] = v.DoubleValue
		case *commonpb.AnyValue_BoolValue:
			all[kv.Key] = v.BoolValue
		}
	}
	return all
}
