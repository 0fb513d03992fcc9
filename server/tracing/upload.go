package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Chunk is the writing of a request's bytes, waiting for them included.
type Chunk struct {
	Upload       string // its id
	Offset, Size int64  // in bytes; Size is what was kept
	Began        time.Time
	Error        string // a code; empty: it went well
}

// Finish is what took an upload from its last byte to its event being safe.
type Finish struct {
	Upload string // its id
	Size   int64  // in bytes
	// Created is the Traceparent of the request that created the upload; empty: not known.
	Created string
	Began   time.Time
	Error   string // a code; empty: it went well
}

// Delivery is a try to deliver an event.
type Delivery struct {
	Upload string // its id
	Event  string // its id
	// Created is the Traceparent of the request that created the upload, as the event has
	// it; empty: not known.
	Created      string
	To           string // "kafka", "webhook" or "stdout"
	Topic        string // empty: none
	Began, Ended time.Time
	Error        string // its kind; empty: it went well
}

// Chunk makes the span of a chunk that ends now. request may be nil: then there is none.
func (t *Tracer) Chunk(request *Span, c Chunk) {
	if t == nil || !request.context().IsSampled() {
		return
	}
	span := t.child(request.context(), "write chunk", c.Began,
		uploadID.String(c.Upload), uploadOffset.Int64(c.Offset), chunkSize.Int64(c.Size))
	end(span, c.Error, time.Now())
}

// Finish makes the spans of a finish that ends now: one below the request that drove it,
// if there is one, and one in the upload's own trace, if that is another. They are linked.
func (t *Tracer) Finish(request *Span, f Finish) {
	if t == nil {
		return
	}
	now := time.Now()
	here, origin := request.context(), parse(f.Created)
	begin := func(parent trace.SpanContext) trace.Span {
		return t.child(parent, "finish upload", f.Began, uploadID.String(f.Upload), uploadSize.Int64(f.Size))
	}
	var spans []trace.Span
	if here.IsSampled() || request == nil && !origin.IsValid() { // a sweep, and an upload that was not traced
		spans = append(spans, begin(here))
	}
	if origin.IsSampled() && origin.TraceID() != here.TraceID() {
		spans = append(spans, begin(origin))
	}
	if len(spans) == 2 {
		spans[0].AddLink(trace.Link{SpanContext: spans[1].SpanContext()})
		spans[1].AddLink(trace.Link{SpanContext: spans[0].SpanContext()})
	}
	for _, span := range spans {
		end(span, f.Error, now)
	}
}

// Delivery makes the span of a try to deliver an event, in the upload's own trace, if that
// was sampled. So a thousand events that are sent together make as many spans as their
// traces want.
func (t *Tracer) Delivery(d Delivery) {
	if t == nil {
		return
	}
	origin := parse(d.Created)
	if !origin.IsSampled() {
		return
	}
	name := "send event"
	attributes := []attribute.KeyValue{
		semconv.MessagingSystemKey.String(d.To),
		semconv.MessagingOperationTypeSend,
		semconv.MessagingOperationName("send"),
		semconv.MessagingMessageID(d.Event),
		uploadID.String(d.Upload),
	}
	if d.Topic != "" {
		name = "send " + d.Topic
		attributes = append(attributes, semconv.MessagingDestinationName(d.Topic))
	}
	_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(context.Background(), origin), name,
		trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(d.Began), trace.WithAttributes(attributes...))
	end(span, d.Error, d.Ended)
}

func (t *Tracer) child(parent trace.SpanContext, name string, began time.Time, attributes ...attribute.KeyValue) trace.Span {
	_, span := t.tracer.Start(trace.ContextWithSpanContext(context.Background(), parent), name,
		trace.WithTimestamp(began), trace.WithAttributes(attributes...))
	return span
}

func end(span trace.Span, failure string, at time.Time) {
	if failure != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(failure))
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(at))
}
