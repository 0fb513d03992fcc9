package server_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"plateau/config"
	"plateau/server/tracing/tracingtest"
)

// The trace reaches consumers by Kafka's headers and by HTTP's.
func TestTraceInEvents(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "statusNew"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	c, use := collect(t)
	p := run(t, use, func(cfg *config.Config) { cfg.KafkaBrokers = cluster.ListenAddrs() })
	location := p.upload("12345", "Upload-Length: 5")
	consumer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("statusNew"))
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	var header string
	until(t, "the message", func() bool {
		consumer.PollRecords(t.Context(), 1).EachRecord(func(r *kgo.Record) {
			for _, h := range r.Headers {
				if h.Key == "ce_traceparent" && string(r.Key) == idOf(location) {
					header = string(h.Value)
				}
			}
		})
		return header != ""
	})
	p.stop()
	post := only(t, c, "POST /files/", of(location))
	sent := only(t, c, "send statusNew", below(post))
	if header != traceparentOf(post) || sent.Attributes["messaging.system"] != "kafka" || sent.Attributes["messaging.destination.name"] != "statusNew" {
		t.Errorf("%s, %+v", header, sent)
	}

	in := receive(t, http.StatusTeapot)
	c, use = collect(t)
	p = run(t, use, in.use)
	location = p.upload("12345", "Upload-Length: 5")
	until(t, "a refusal", func() bool { return len(in.ids()) > 0 })
	in.answers(http.StatusNoContent)
	p.metric("plateau_outbox_pending 0")
	p.stop()
	in.mu.Lock()
	header = in.header.Get("ce-traceparent")
	in.mu.Unlock()
	if want := traceparentOf(only(t, c, "POST /files/", of(location))); header != want {
		t.Errorf("the webhook heard of %q, not %q", header, want)
	}
	tries := c.Named("send event")
	if n := len(tries); n < 2 || !tries[0].Failed || tries[0].Attributes["error.type"] != "rejected" || tries[n-1].Failed ||
		tries[0].Attributes["messaging.system"] != "webhook" {
		t.Errorf("%s", tree(c))
	}
}

// A trace that its client doesn't sample makes no spans; what is carried on says so.
func TestUnsampled(t *testing.T) {
	c, use := collect(t)
	p := run(t, use)
	location := p.create("Upload-Length: 5", "traceparent: 00-"+clientTrace+"-"+clientSpan+"-00")
	p.patch(location, 0, "12345", "traceparent: 00-"+clientTrace+"-"+clientSpan+"-00")
	p.announces(location)
	trace := p.out.all(t)[0]["traceparent"].(string)
	if !strings.HasPrefix(trace, "00-"+clientTrace+"-") || !strings.HasSuffix(trace, "-00") || strings.Contains(trace, clientSpan) {
		t.Errorf("the event carries %s", trace)
	}
	p.do("GET", location, "", "traceparent: 00-"+clientTrace+"-"+clientSpan+"-01")
	p.stop()
	if spans := c.Spans(); len(spans) != 1 || spans[0].Name != "GET /files/{id}" {
		t.Errorf("spans:\n%s", tree(c))
	}
	c, use = collect(t)
	p = run(t, use, func(cfg *config.Config) { cfg.OTelSampleRatio = 0 })
	p.announces(p.upload("12345", "Upload-Length: 5"))
	sampled := p.upload("12345", "Upload-Length: 5", "traceparent: 00-"+clientTrace+"-"+clientSpan+"-01")
	p.announces(sampled)
	p.stop()
	if len(c.Spans()) != 4 || len(slices.DeleteFunc(c.Spans(), func(s tracingtest.Span) bool { return s.Trace != clientTrace })) != 4 {
		t.Errorf("spans:\n%s", tree(c))
	}
}

// Without a collector nothing is read of traces, and nothing written.
func TestNoTraces(t *testing.T) {
	p := run(t)
	location := p.upload("12345", "Upload-Length: 5", "traceparent: 00-"+clientTrace+"-"+clientSpan+"-01")
	p.announces(location)
	if trace := p.carried(location); trace != "" {
		t.Errorf("the record has %s", trace)
	}
	if strings.Contains(p.out.String(), "trace") || strings.Contains(p.data(idOf(location)+".info"), clientTrace) {
		t.Errorf("the event is %s", p.out.String())
	}
	if metrics := p.admin("/metrics").body; strings.Contains(metrics, "plateau_spans") {
		t.Error("there are metrics of spans")
	}
}

// What clients send stays out of spans, and so do addresses and paths.
func TestSpansSayNothingElse(t *testing.T) {
	c, use := collect(t)
	p := run(t, use, func(cfg *config.Config) { cfg.WebhookURL = "http://" + nobody(t) + "/hidden-path" })
	secrets := []string{
		"Authorization: Bearer hidden-token", "Cookie: hidden-cookie", "X-Forwarded-For: 192.0.2.77", "User-Agent: hidden-agent",
		"Upload-Metadata: filename " + b64("hidden-name"), "baggage: hidden=baggage", "X-Request-ID: hidden-request",
	}
	location := p.upload("hidden-bytes", append(secrets, "Upload-Length: 12")...)
	p.do("GET", location+"?token=hidden-query", "")
	p.do("GET", "/hidden-page", "", secrets...)
	p.do("HIDDEN-METHOD", "/files/abc", "")
	p.metric("plateau_outbox_pending 1")
	until(t, "a try to deliver", func() bool {
		return !strings.Contains(p.admin("/metrics").body, `plateau_events_total{result="retried"} 0`)
	})
	p.stop()
	if other := only(t, c, "HTTP /files/{id}", of("abc")); other.Attributes["http.request.method"] != "_OTHER" || other.Failed {
		t.Errorf("%+v", other)
	}
	for _, sent := range c.Named("send event") {
		if !sent.Failed || sent.Message != "" || sent.Attributes["error.type"] != "passing" {
			t.Errorf("%+v", sent)
		}
	}
	raw := []byte(c.Raw())
	for _, secret := range []string{"hidden", "HIDDEN", b64("hidden-name"), "192.0.2", "127.0.0.1", p.dir} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("spans have %q in them:\n%s", secret, tree(c))
		}
	}
}
