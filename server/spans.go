package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/config"
	"plateau/hooks"
	"plateau/server/tracing"
	"plateau/store"
)

// openTracer returns nil, which makes no spans, without an address to send them to.
func openTracer(o Options) (*tracing.Tracer, error) {
	if o.Config.OTelEndpoint == "" {
		return nil, nil
	}
	return tracing.Open(tracing.Options{
		Endpoint:    o.Config.OTelEndpoint,
		Service:     "plateau",
		Version:     o.Version,
		SampleRatio: o.Config.OTelSampleRatio,
		Log:         o.Log,
	})
}

// lastSpans is how long the last spans may take to reach their collector, if the server's
// shutdown has that much time left.
const lastSpans = 3 * time.Second

// stopTracing sends what waits, and drops what can't be sent in time.
func (s *Server) stopTracing(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastSpans)
	defer cancel()
	s.tracer.Close(ctx)
}

// beginSpan begins the span of an exchange, if there are to be spans. An upload that it
// creates carries its trace on.
func (s *Server) beginSpan(x *exchange, r *http.Request) {
	if s.tracer == nil {
		return
	}
	route := spanRoute(x.path)
	if route == "" {
		return
	}
	x.span = s.tracer.Request(x.request.Method, route, r.Header, x.start)
	if x.request.Method == http.MethodPost {
		x.request.Trace = x.span.Traceparent()
	}
}

// spanRoute is the pattern of a path. Probes have none: they come every second and say
// nothing.
func spanRoute(path string) string {
	switch {
	case path == "/healthz", path == "/readyz":
		return ""
	case path == "/files", path == filesPath:
		return filesPath
	case strings.HasPrefix(path, filesPath):
		return filesPath + "{id}"
	case path == formPath:
		return formPath
	case strings.HasPrefix(path, linksPath):
		return linksPath + "{id}"
	case path == "/whoami":
		return path
	}
	return "/*"
}

// endSpan ends the span of an exchange, if it has one.
func (x *exchange) endSpan() {
	if x.span == nil {
		return
	}
	w := &x.response
	a := tracing.Answer{Upload: w.id, Status: w.status, Sent: w.sent, Error: x.failureCode()}
	if w.body != nil {
		a.Received = w.body.Received()
	}
	if w.upload != nil {
		if info, err := w.upload.GetInfo(x); err == nil {
			a.Created = info.Storage[store.KeyTrace]
		}
	}
	x.span.End(a)
}

// spanOf is the span of the request that ctx works for; nil if there is none.
func spanOf(ctx context.Context) *tracing.Span {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x.span
	}
	return nil
}

// onChunk is what stores call at the end of chunks; nil without spans.
func (s *Server) onChunk() func(context.Context, store.EndedChunk) {
	if s.tracer == nil {
		return nil
	}
	return s.chunkEnded
}

// chunkEnded makes the span of a chunk: of a request's body, or of a file in a form.
func (s *Server) chunkEnded(ctx context.Context, c store.EndedChunk) {
	if s.tracer == nil {
		return
	}
	s.tracer.Chunk(spanOf(ctx), tracing.Chunk{Upload: c.ID, Offset: c.Offset, Size: c.Size, Began: c.Began, Error: errorCode(c.Err)})
}

// finishEnded is what stores tell of finishes.
func (s *Server) finishEnded(ctx context.Context, f store.EndedFinish) {
	if f.Err == nil {
		s.insight.finish.Observe(time.Since(f.Began))
	}
	if s.tracer == nil {
		return
	}
	s.tracer.Finish(spanOf(ctx), tracing.Finish{
		Upload: f.Info.ID, Size: f.Info.Size, Created: f.Info.Storage[store.KeyTrace], Began: f.Began, Error: errorCode(f.Err),
	})
}

// errorCode is what may be said of an error; empty without one.
func errorCode(err error) string {
	if err == nil {
		return ""
	}
	if answer, ok := errors.AsType[handler.Error](err); ok {
		return answer.ErrorCode
	}
	return internalError().ErrorCode
}

// deliveries returns what the relay tells of tries to deliver events; nil without spans.
func deliveries(tracer *tracing.Tracer, cfg config.Config) func(hooks.Try) {
	if tracer == nil {
		return nil
	}
	to, topic := "stdout", ""
	switch {
	case len(cfg.KafkaBrokers) > 0:
		to, topic = "kafka", cfg.KafkaTopic
	case cfg.WebhookURL != "":
		to = "webhook"
	}
	return func(t hooks.Try) {
		tracer.Delivery(tracing.Delivery{
			Upload: t.Event.Subject, Event: t.Event.ID, Created: t.Event.Trace,
			To: to, Topic: topic, Began: t.Began, Ended: t.Ended, Error: undelivered(t.Err),
		})
	}
}

// undelivered is the kind of an error of the sink. Its text may have addresses in it.
func undelivered(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, hooks.ErrPoison):
		return "poison"
	case errors.Is(err, hooks.ErrRejected):
		return "rejected"
	case errors.Is(err, hooks.ErrOperator):
		return "operator"
	}
	return "passing"
}

// spanCounters are what /metrics shows of spans; none without them.
func spanCounters(tracer *tracing.Tracer) []prometheus.Collector {
	if tracer == nil {
		return nil
	}
	counter := func(name, help string, read func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(read()) })
	}
	return []prometheus.Collector{
		counter("plateau_spans_sent_total", "Spans that the OpenTelemetry collector has taken.", tracer.Sent),
		counter("plateau_spans_dropped_total", "Spans that could not be sent to the OpenTelemetry collector.", tracer.Dropped),
	}
}
