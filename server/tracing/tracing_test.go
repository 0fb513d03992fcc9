package tracing_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"

	"plateau/server/tracing"
	"plateau/server/tracing/tracingtest"
)

func TestOptions(t *testing.T) {
	_, err := tracing.Open(tracing.Options{Endpoint: "localhost:4318", SampleRatio: 2})
	for _, what := range []string{"Endpoint", "Service", "SampleRatio", "Log"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("nothing of %s in: %v", what, err)
		}
	}
}

func TestSpansArrive(t *testing.T) {
	r := newRig(t)
	r.Start()
	r.span().End(tracing.Answer{Status: 503, Error: "ERR_X", Upload: strings.Repeat("x", 1000), Received: 7, Sent: 8})
	r.Request("BREW", "/x", http.Header{}, time.Now()).End(tracing.Answer{Status: 404})
	until(t, "both are sent", func() bool { return r.Sent() == 2 })
	r.close()
	spans := r.collector.Named("GET /x")
	if len(spans) != 1 || len(r.collector.Named("HTTP /x")) != 1 || r.collector.Named("HTTP /x")[0].Failed {
		t.Fatalf("%+v", r.collector.Spans())
	}
	s := spans[0]
	if s.Kind != "SERVER" || s.Parent != "" || !s.Failed || s.Message != "" || s.Ended.Before(s.Began) ||
		s.Attributes["http.request.method"] != "GET" || s.Attributes["http.route"] != "/x" ||
		s.Attributes["http.response.status_code"] != int64(503) || s.Attributes["error.type"] != "ERR_X" ||
		s.Attributes["http.request.body.size"] != int64(7) || s.Attributes["http.response.body.size"] != int64(8) ||
		len(s.Attributes["plateau.upload.id"].(string)) != 256 {
		t.Errorf("%+v", s)
	}
	if s.Resource["service.name"] != "plateau" || s.Resource["service.version"] != "v1" || s.Resource["telemetry.sdk.language"] != "go" {
		t.Errorf("%v", s.Resource)
	}
	if r.Dropped() != 0 || r.log.says("") != 0 {
		t.Errorf("%d dropped; the log says %s", r.Dropped(), r.log.text.String())
	}
}

// Everything works on what is off.
func TestNil(t *testing.T) {
	var none *tracing.Tracer
	none.Start()
	s := none.Request("GET", "/x", http.Header{"Traceparent": {parent + "-01"}}, time.Now())
	if s != nil || s.Traceparent() != "" {
		t.Error("a span of no tracer")
	}
	s.End(tracing.Answer{})
	none.Chunk(s, tracing.Chunk{})
	none.Finish(s, tracing.Finish{})
	none.Delivery(tracing.Delivery{Created: parent + "-01"})
	none.Close(t.Context())
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331" // without its flags

func TestSampling(t *testing.T) {
	for _, test := range []struct {
		name   string
		ratio  float64
		header []string
		sent   bool
		flags  string
	}{
		{"all that begin here", 1, nil, true, "01"},
		{"none that begin here", 0, nil, false, "00"},
		{"one that is sampled", 0, []string{"traceparent", parent + "-01"}, true, "01"},
		{"one that is not", 1, []string{"traceparent", parent + "-00"}, false, "00"},
		{"random ids, sampled", 0, []string{"traceparent", parent + "-03", "tracestate", "a=b"}, true, "03"},
		{"a later version", 0, []string{"traceparent", "01" + parent[2:] + "-01-more"}, true, "01"},
		{"a broken one", 0, []string{"traceparent", strings.ToUpper(parent) + "-01"}, false, "00"},
		{"no trace", 0, []string{"traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01"}, false, "00"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, func(o *tracing.Options) { o.SampleRatio = test.ratio })
			r.Start()
			s := r.span(test.header...)
			carried := s.Traceparent()
			r.Chunk(s, tracing.Chunk{Began: time.Now()})
			r.Finish(s, tracing.Finish{Created: carried, Began: time.Now()})
			s.End(tracing.Answer{Status: 200, Created: carried})
			r.Delivery(tracing.Delivery{Created: carried, Began: time.Now(), Ended: time.Now()})
			r.close()
			if want := map[bool]int{true: 4}[test.sent]; len(r.collector.Spans()) != want || int(r.Sent()) != want {
				t.Errorf("%d spans, %d sent, want %d", len(r.collector.Spans()), r.Sent(), want)
			}
			if len(carried) != 55 || !strings.HasPrefix(carried, "00-") || !strings.HasSuffix(carried, "-"+test.flags) || carried[:52] == parent {
				t.Errorf("carried on: %s", carried)
			}
			for _, span := range r.collector.Spans() {
				ours := span.Trace == parent[3:35]
				if (len(test.header) > 0) != ours {
					t.Errorf("the trace of %s is %s", span.Name, span.Trace)
				}
				if span.Kind == "SERVER" && ours && (span.Parent != parent[36:52] || len(test.header) == 4 && span.State != "a=b") ||
					span.Kind != "SERVER" && span.Parent != carried[36:52] || len(span.Links) != 0 {
					t.Errorf("%+v", span)
				}
			}
		})
	}
}

// A finish that another trace drove is in both, and each names the other.
func TestFinishInTwoTraces(t *testing.T) {
	r := newRig(t)
	r.Start()
	creation, patch := r.span(), r.span()
	created := creation.Traceparent()
	creation.End(tracing.Answer{Status: 201})
	r.Finish(patch, tracing.Finish{Upload: "a", Size: 3, Created: created, Began: time.Now(), Error: "ERR_X"})
	patch.End(tracing.Answer{Status: 204, Created: created})
	r.Finish(nil, tracing.Finish{Upload: "a", Created: created, Began: time.Now()}) // a sweep's
	r.Finish(nil, tracing.Finish{Upload: "b", Began: time.Now()})                   // and of what was not traced
	r.close()
	var here, there, swept, alone tracingtest.Span
	for _, s := range r.collector.Named("finish upload") {
		switch {
		case s.Parent == patch.Traceparent()[36:52]:
			here = s
		case s.Parent == created[36:52] && s.Failed:
			there = s
		case s.Parent == created[36:52]:
			swept = s
		case s.Parent == "":
			alone = s
		}
	}
	if here.Trace != patch.Traceparent()[3:35] || len(here.Links) != 1 || here.Links[0] != there.Trace+"-"+there.ID || !here.Failed {
		t.Errorf("in the request's trace: %+v", here)
	}
	if there.Trace != created[3:35] || len(there.Links) != 1 || there.Links[0] != here.Trace+"-"+here.ID ||
		there.Attributes["error.type"] != "ERR_X" || there.Attributes["plateau.upload.size"] != int64(3) {
		t.Errorf("in the upload's trace: %+v", there)
	}
	if swept.Trace != created[3:35] || len(swept.Links) != 0 || alone.Attributes["plateau.upload.id"] != "b" {
		t.Errorf("the sweep's: %+v and %+v", swept, alone)
	}
	requests := r.collector.Named("GET /x")
	if len(requests) != 2 || len(requests[0].Links) != 0 || len(requests[1].Links) != 1 || requests[1].Links[0] != created[3:35]+"-"+created[36:52] {
		t.Errorf("%+v", requests)
	}
}

// A request that waits for its client holds its span: 500 slow uploads a third of a
// megabyte. Its memory is counted over many.
func TestSpanIsSmall(t *testing.T) {
	r := newRig(t)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	spans := make([]*tracing.Span, 10_000)
	before := heap()
	for i := range spans {
		spans[i] = r.span("traceparent", parent+"-01")
	}
	each := (int64(heap()) - int64(before)) / int64(len(spans))
	t.Logf("%d bytes each", each)
	if each > 1024 {
		t.Errorf("a span that has begun takes %d bytes", each)
	}
	runtime.KeepAlive(spans)
}

// Two tracers in one process don't know of each other, and nothing global does.
func TestNothingGlobal(t *testing.T) {
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	one, two := newRig(t), newRig(t)
	one.Start()
	two.Start()
	one.spans(1)
	one.close()
	two.close()
	if len(one.collector.Spans()) != 1 || len(two.collector.Spans()) != 0 {
		t.Error("spans came elsewhere")
	}
	if otel.GetTracerProvider() != provider || otel.GetTextMapPropagator() != propagator {
		t.Error("something global has changed")
	}
}

// A span is small, whatever a client sends.
func TestLongState(t *testing.T) {
	r := newRig(t)
	r.Start()
	r.span("Traceparent", parent+"-01", "Tracestate", "a="+strings.Repeat("x", 200)).End(tracing.Answer{Status: 200})
	long := "a=" + strings.Repeat("x", 200) + ",b=" + strings.Repeat("x", 200) + ",c=" + strings.Repeat("x", 200)
	r.span("Traceparent", parent+"-01", "Tracestate", long).End(tracing.Answer{Status: 200})
	r.close()
	spans := r.collector.Spans()
	if len(spans) != 2 || len(spans[0].State) != 202 || spans[1].State != "" || spans[1].Parent != parent[36:52] {
		t.Errorf("%+v", spans)
	}
}
