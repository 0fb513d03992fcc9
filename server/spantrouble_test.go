package server_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plateau/server/tracing/tracingtest"
	"plateau/store/s3/s3test"
)

// Finishes that fail, that a HEAD drives again, and that a start does.
func TestSpansOfRedrivenFinishes(t *testing.T) {
	c, use := collect(t)
	cfg := settings(t)
	use(&cfg)
	p := prepare(t, cfg)
	var healed atomic.Bool
	p.BeforeFinish(func() {
		if !healed.Load() {
			panic("the outbox fails")
		}
	})
	p.start()
	location, other := p.create("Upload-Length: 5"), p.create("Upload-Length: 5")
	p.patch(location, 0, "12345")
	p.patch(other, 0, "12345")
	healed.Store(true)
	p.offset(location)
	p.announces(location)
	p.stop()
	p = p.againWith(use)
	p.announces(other)
	p.stop()

	for _, l := range []string{location, other} {
		patch := only(t, c, "PATCH /files/{id}", of(l))
		failed := only(t, c, "finish upload", below(patch))
		if !failed.Failed || failed.Attributes["error.type"] != "ERR_UPLOAD_UNFINISHED" || failed.Message != "" ||
			patch.Failed || patch.Attributes["error.type"] != "ERR_UPLOAD_UNFINISHED" {
			t.Errorf("%+v", failed)
		}
	}
	head := only(t, c, "HEAD /files/{id}", of(location))
	if driven := only(t, c, "finish upload", below(head)); driven.Failed || len(driven.Links) != 1 {
		t.Errorf("%+v", driven)
	}
	post := only(t, c, "POST /files/", of(other))
	swept := only(t, c, "finish upload", func(s tracingtest.Span) bool { return below(post)(s) && !s.Failed })
	if len(swept.Links) != 0 {
		t.Errorf("%+v", swept)
	}
	only(t, c, "send event", below(post))
}

func TestSpansOfABucket(t *testing.T) {
	g := s3test.Start(t)
	c, use := collect(t)
	p := run(t, use, inBucket(t, g))
	location := p.create("Upload-Length: 5")
	p.patch(location, 0, "123")
	p.patch(location, 3, "45")
	p.announces(location)
	form := p.stored(formOf(t, part{field: "file", file: "a.txt", text: "hello"}))
	p.announces(form[0].URL)
	p.stop()
	post := only(t, c, "POST /files/", of(location))
	only(t, c, "send event", below(post))
	there := only(t, c, "finish upload", below(post))
	for i, patch := range c.Named("PATCH /files/{id}") {
		chunk := only(t, c, "write chunk", below(patch))
		if chunk.Attributes["plateau.upload.offset"] != int64(3*i) || chunk.Attributes["plateau.chunk.size"] != int64(3-i) {
			t.Errorf("%+v", chunk)
		}
		if i == 1 && (len(there.Links) != 1 || there.Links[0] != patch.Trace+"-"+only(t, c, "finish upload", below(patch)).ID) {
			t.Errorf("%+v", there)
		}
	}
	post = only(t, c, "POST /upload", of(form[0].URL))
	for _, name := range []string{"write chunk", "finish upload", "send event"} {
		only(t, c, name, func(s tracingtest.Span) bool { return below(post)(s) && of(form[0].URL)(s) })
	}
}

// Whatever the collector does, uploads go on as ever, what is lost is counted, the log
// has one line, and the server stops in time and leaves no goroutine.
func TestCollectorInTrouble(t *testing.T) {
	for name, trouble := range map[string]func(*tracingtest.Collector){
		"away":  (*tracingtest.Collector).Close,
		"hangs": (*tracingtest.Collector).Hang,
		"500":   func(c *tracingtest.Collector) { c.Answer(http.StatusInternalServerError) },
		"429":   func(c *tracingtest.Collector) { c.Answer(http.StatusTooManyRequests) },
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			c, use := collect(t)
			trouble(c)
			p := run(t, use)
			for range 20 {
				p.announces(p.upload("12345", "Upload-Length: 5"))
			}
			p.http.CloseIdleConnections()
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began := time.Now()
			if err := p.Stop(ctx); err != nil {
				t.Errorf("stop: %v", err)
			}
			if took := time.Since(began); took > 10*time.Second { // net/http's patience alone is a second
				t.Errorf("Stop took %s", took)
			}
			if _, dropped := p.Spans(); dropped != 20*4 {
				t.Errorf("%d spans were dropped", dropped)
			}
			if n := strings.Count(p.log.String(), "spans can't be sent"); n != 1 {
				t.Errorf("the log says so %d times", n)
			}
			c.Close()
			until(t, "its goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

// A server with traces, stopped, leaves nothing; one that never started, too.
func TestSpansLeaveNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	c, use := collect(t)
	cfg := settings(t)
	use(&cfg)
	prepare(t, cfg).stop()
	p := run(t, use)
	for range 50 {
		p.announces(p.upload("12345", "Upload-Length: 5"))
	}
	until(t, "most are sent while it runs", func() bool { sent, _ := p.Spans(); return sent >= 100 })
	sent, _ := p.Spans()
	if metrics := p.admin("/metrics").body; !strings.Contains(metrics, "\nplateau_spans_dropped_total 0\n") || sent == 0 {
		t.Errorf("%d are sent; the metrics: %s", sent, metrics)
	}
	p.stop()
	if sent, dropped := p.Spans(); sent != 200 || dropped != 0 || len(c.Spans()) != 200 {
		t.Errorf("%d were sent, %d dropped, %d came", sent, dropped, len(c.Spans()))
	}
	c.Close()
	until(t, "its goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}
