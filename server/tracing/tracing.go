package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Options are what a Tracer needs.
type Options struct {
	// Endpoint is the collector's address: http://localhost:4318. Spans go to /v1/traces
	// below it. Required.
	Endpoint string
	// Service and Version are what spans say of whom they are. Service is required. What
	// the variable OTEL_RESOURCE_ATTRIBUTES says is added.
	Service, Version string
	// SampleRatio is the share of the traces that begin here which is sent, 0 to 1.
	SampleRatio float64
	// Log hears when spans can't be sent, and when they can again. Required.
	Log *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if u, err := url.Parse(o.Endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		errs = append(errs, errors.New("tracing: Endpoint is not http://… or https://…"))
	}
	if o.Service == "" {
		errs = append(errs, errors.New("tracing: Service is empty"))
	}
	if !(o.SampleRatio >= 0 && o.SampleRatio <= 1) {
		errs = append(errs, errors.New("tracing: SampleRatio is not from 0 to 1"))
	}
	if o.Log == nil {
		errs = append(errs, errors.New("tracing: Log is nil"))
	}
	return errors.Join(errs...)
}

// Tracer makes spans and sends them. Its methods may be called from any goroutine. A nil
// Tracer makes none.
type Tracer struct {
	provider   *sdktrace.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TraceContext
	queue      *queue
}

// Open returns a tracer whose spans wait until Start. It doesn't connect.
func Open(o Options) (*Tracer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	self, err := resource.New(context.Background(), resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(o.Service), semconv.ServiceVersion(o.Version)))
	if err != nil {
		return nil, fmt.Errorf("tracing: describe the service: %w", err)
	}
	t := &Tracer{queue: newQueue(o.Endpoint, o.Log)}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithResource(self),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.SampleRatio))),
		// What a span may hold doesn't depend on clients, nor on the environment.
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{
			AttributeValueLengthLimit: 256, AttributeValueDepthLimit: 1, AttributeCountLimit: 32,
			LinkCountLimit: 4, AttributePerLinkCountLimit: 1,
		}),
		sdktrace.WithSpanProcessor(t.queue),
	)
	t.tracer = t.provider.Tracer("plateau", trace.WithInstrumentationVersion(o.Version), trace.WithSchemaURL(semconv.SchemaURL))
	return t, nil
}

// Start begins to send spans, until Close. It is called once.
func (t *Tracer) Start() {
	if t != nil {
		t.queue.start()
	}
}

// Close sends what waits, once and until ctx ends, and drops the rest, as it does with
// spans that end later. When it returns nothing of the tracer runs any more. It may be
// called without Start, and more than once.
func (t *Tracer) Close(ctx context.Context) {
	if t != nil {
		t.queue.close(ctx)
	}
}

// Sent is how many spans the collector has taken.
func (t *Tracer) Sent() int64 { return t.queue.sent.Load() }

// Dropped is how many spans were not sent and won't be.
func (t *Tracer) Dropped() int64 { return t.queue.dropped.Load() }
