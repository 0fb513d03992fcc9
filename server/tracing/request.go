package tracing

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// The attributes that no convention has a name for.
const (
	uploadID     = attribute.Key("plateau.upload.id")
	uploadSize   = attribute.Key("plateau.upload.size")   // bytes
	uploadOffset = attribute.Key("plateau.upload.offset") // of a chunk's first byte
	chunkSize    = attribute.Key("plateau.chunk.size")    // bytes that are kept
)

// mostState is how long a tracestate may be, in bytes: what W3C Trace Context (3.3.1.5) wants to
// be carried on at least. A client could fill the queue with longer ones.
const mostState = 512

// Span is that of a request, while it runs. A nil Span is none.
type Span struct{ span trace.Span }

// Answer is how a request ended.
type Answer struct {
	Upload string // its id; empty: none
	// Created is the Traceparent of the request that created the upload; empty: not known.
	Created  string
	Status   int   // 0: there was no answer
	Received int64 // bytes of the body
	Sent     int64 // bytes of the answer
	Error    string
}

// Request begins the span of a request that began at a time. route is the pattern of its
// path. Of the header it reads traceparent, and tracestate unless that is longer than mostState.
func (t *Tracer) Request(method, route string, header http.Header, began time.Time) *Span {
	if t == nil {
		return nil
	}
	from := carrier{traceparent: header.Get("Traceparent"), tracestate: header.Get("Tracestate")}
	if len(from.tracestate) > mostState {
		from.tracestate = ""
	}
	ctx := t.propagator.Extract(context.Background(), &from)
	name := method + " " + route
	asked := semconv.HTTPRequestMethodKey.String(method)
	if !knownMethod(method) {
		name, asked = "HTTP "+route, semconv.HTTPRequestMethodOther
	}
	_, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(began),
		trace.WithAttributes(asked, semconv.HTTPRoute(route)))
	return &Span{span}
}

// knownMethod keeps clients from making up names.
func knownMethod(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// Traceparent is the W3C traceparent of what is to be a child of the span; empty if there
// is none.
func (s *Span) Traceparent() string {
	if s == nil {
		return ""
	}
	var to carrier
	propagation.TraceContext{}.Inject(trace.ContextWithSpan(context.Background(), s.span), &to)
	return to.traceparent
}

// End ends the span.
func (s *Span) End(a Answer) {
	if s == nil || !s.span.IsRecording() {
		return
	}
	attributes := make([]attribute.KeyValue, 0, 8)
	if a.Upload != "" {
		attributes = append(attributes, uploadID.String(a.Upload))
	}
	if a.Received > 0 {
		attributes = append(attributes, semconv.HTTPRequestBodySizeKey.Int64(a.Received))
	}
	if a.Sent > 0 {
		attributes = append(attributes, semconv.HTTPResponseBodySizeKey.Int64(a.Sent))
	}
	if a.Status != 0 {
		attributes = append(attributes, semconv.HTTPResponseStatusCode(a.Status))
	}
	if a.Error != "" {
		attributes = append(attributes, semconv.ErrorTypeKey.String(a.Error))
	}
	s.span.SetAttributes(attributes...)
	if a.Status == 0 || a.Status >= 500 { // what a client did wrong is no error of ours
		s.span.SetStatus(codes.Error, "")
	}
	if origin := parse(a.Created); origin.IsSampled() && origin.TraceID() != s.context().TraceID() {
		s.span.AddLink(trace.Link{SpanContext: origin})
	}
	s.span.End()
}

func (s *Span) context() trace.SpanContext {
	if s == nil {
		return trace.SpanContext{}
	}
	return s.span.SpanContext()
}

// parse reads a traceparent. One that isn't valid gives a context that isn't.
func parse(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	from := carrier{traceparent: traceparent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), &from))
}

// carrier is a propagation.TextMapCarrier of the two headers of a trace.
type carrier struct{ traceparent, tracestate string }

func (c *carrier) field(key string) *string {
	switch key {
	case "traceparent":
		return &c.traceparent
	case "tracestate":
		return &c.tracestate
	}
	return new(string)
}

func (c *carrier) Get(key string) string { return *c.field(key) }

func (c *carrier) Set(key, value string) { *c.field(key) = value }

func (c *carrier) Keys() []string { return []string{"traceparent", "tracestate"} }
