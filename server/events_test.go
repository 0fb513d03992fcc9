package server_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/config"
)

func TestEventsGoToStandardOutput(t *testing.T) {
	p := run(t, func(c *config.Config) { c.EventSource = "/here" })
	location := p.upload("12345", "Upload-Length: 5", "Upload-Metadata: filename "+b64("a.txt"))
	p.announces(location)
	first, second := p.upload("ab", "Upload-Length: 2", "Upload-Concat: partial"), p.upload("c", "Upload-Length: 1", "Upload-Concat: partial")
	final := p.create("Upload-Concat: final;" + first + " " + second)
	p.announces(final)
	empty := p.create("Upload-Length: 0")
	p.announces(empty)
	if n := len(p.announced()); n != 3 {
		t.Errorf("%d events of three uploads: parts have none", n)
	}
	line := p.out.all(t)[0]
	data, _ := line["data"].(map[string]any)
	if line["source"] != "/here" || line["subject"] != idOf(location) || data["size"] != 5. {
		t.Errorf("%v", line)
	}
	p.metric(`plateau_events_total{result="delivered"} 3`)
	p.metric("plateau_event_delivery_seconds_count 3")
	p.metric("plateau_outbox_pending 0")
	p.metric("plateau_outbox_oldest_age_seconds 0")
	p.metric("plateau_outbox_dead 0")
	p.metric("plateau_outbox_blocked 0")
	p.metric("plateau_kafka_writers 0")
}

func TestEventsGoToAWebhook(t *testing.T) {
	in := receive(t, http.StatusNoContent)
	p := run(t, in.use)
	location := p.upload("12345", "Upload-Length: 5")
	until(t, "the post", func() bool { return slices.Equal(in.ids(), []string{idOf(location) + ":finished"}) })
	in.mu.Lock()
	header, body := in.header, in.bodies[0]
	in.mu.Unlock()
	if header.Get("ce-type") != "dev.plateau.upload.finished.v1" || header.Get("ce-source") != "/plateau" ||
		!strings.HasPrefix(header.Get("X-Signature"), "t=") || !strings.Contains(body, idOf(location)) {
		t.Errorf("%v %s", header, body)
	}
	if got := p.announced(); len(got) != 0 {
		t.Errorf("on standard output too: %v", got)
	}
	for _, line := range p.log.all(t) {
		if msg, _ := line["msg"].(string); strings.HasPrefix(msg, "events: ") {
			if line["to"] != "webhook" || line["host"] != strings.TrimPrefix(in.URL, "http://") {
				t.Errorf("%v", line)
			}
		}
	}
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	for _, hidden := range []string{"token=hidden", "hunter2"} {
		if strings.Contains(p.log.text.String(), hidden) {
			t.Errorf("the log shows %s", hidden)
		}
	}
}

// What could not be delivered waits, over a stop too, and no client notices.
func TestEventsWaitWhileNobodyTakesThem(t *testing.T) {
	for name, away := range map[string]func(*config.Config){
		"kafka":   func(c *config.Config) { c.KafkaBrokers = []string{nobody(t)} },
		"webhook": func(c *config.Config) { c.WebhookURL = "http://" + nobody(t) },
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, away)
			writers := "plateau_kafka_writers 0"
			if name == "kafka" {
				writers = "plateau_kafka_writers 1"
			}
			var locations []string
			for range 20 {
				locations = append(locations, p.upload("12345", "Upload-Length: 5"))
			}
			p.metric("plateau_outbox_pending 20")
			p.metric(writers)
			p.do("DELETE", locations[0], "") // takes nothing from the event
			if a := p.do("GET", "/readyz", ""); a.status != 200 {
				t.Errorf("readiness depends on where events go: %v", a)
			}
			began := time.Now()
			p.stop()
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("Stop took %s", took)
			}
			if n := p.KafkaWriters(); n != 0 {
				t.Errorf("%d Kafka writers are left", n)
			}
			p = p.again()
			for _, location := range locations {
				p.announces(location)
			}
			p.metric("plateau_outbox_pending 0")
		})
	}
}

// The relay and its writer are stopped even if a request doesn't end in time.
func TestStopInVainStopsTheRelay(t *testing.T) {
	cfg := settings(t)
	cfg.KafkaBrokers = []string{nobody(t)}
	p := prepare(t, cfg)
	block, blocked := make(chan struct{}), make(chan struct{})
	p.WrapRoutes(func(routes http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/healthz" {
				close(blocked)
				<-block
			}
			routes.ServeHTTP(w, r)
		})
	})
	p.start()
	p.upload("12345", "Upload-Length: 5")
	p.dial().begin("GET", "/healthz")
	await(t, "blocked", blocked)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := p.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("Stop took %s", took)
	}
	until(t, "the writer is closed", func() bool { return p.KafkaWriters() == 0 })
	close(block)
	until(t, "the request has ended", func() bool { return p.Running() == 0 })
	p.Server = prepare(t, settings(t)).Server // so that the clean-up stops without an error
}

// Without its event no upload is finished. It is as soon as the outbox can be
// written again.
func TestOutboxThatCanNotBeWritten(t *testing.T) {
	p := run(t)
	location := p.create("Upload-Length: 5")
	// A file lies where the folder of the entry has to be made.
	var inTheWay []string
	for minute := range 5 {
		name := time.Now().UTC().Add(time.Duration(minute) * time.Minute).Format("2006-01-02T1504")
		name = filepath.Join(p.dir, "outbox", "pending", name)
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		inTheWay = append(inTheWay, name)
	}
	a := p.patch(location, 0, "12345")
	if a.status != http.StatusLocked || a.get("Retry-After") == "" || a.code() != "ERR_UPLOAD_UNFINISHED" {
		t.Errorf("PATCH heard %v", a)
	}
	if p.sealed(location) || p.data(location) != "12345" {
		t.Error("the upload is not complete and unsealed")
	}
	if why, _ := p.line("PATCH", location)["error"].(string); !strings.Contains(why, "outbox") {
		t.Errorf("the log says %q", why)
	}
	if a := p.do("HEAD", location, ""); a.status != http.StatusLocked || a.get("Retry-After") == "" {
		t.Errorf("HEAD heard %v", a)
	}
	if a := p.do("GET", location, ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("GET heard %v", a)
	}
	before := p.names()
	a = p.do("POST", "/files/", "12345", offsetStream, "Upload-Length: 5")
	if a.status != http.StatusServiceUnavailable || a.get("Retry-After") == "" || a.get("Location") != "" {
		t.Errorf("POST heard %v", a)
	}
	if after := p.names(); !slices.Equal(before, after) {
		t.Errorf("POST left %v, before it was %v", after, before)
	}

	for _, name := range inTheWay {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.offset(location); got != "5" {
		t.Errorf("offset %s", got)
	}
	if !p.sealed(location) {
		t.Error("not sealed")
	}
	p.announces(location)
	p.metric(`plateau_finish_redriven_total{by="request"} 1`)
}

// What an operator has to put right shows, and heals by itself once he has.
func TestEventsThatWaitForAnOperator(t *testing.T) {
	in := receive(t, http.StatusNotFound)
	p := run(t, in.use)
	location := p.upload("12345", "Upload-Length: 5")
	p.metric("plateau_outbox_blocked 1")
	p.metric("plateau_outbox_pending 1")
	if a := p.do("GET", "/readyz", ""); a.status != 200 || !strings.HasPrefix(a.body, "ready\n") || !strings.Contains(a.body, "operator") {
		t.Errorf("%v", a)
	}
	in.answers(http.StatusNoContent)
	p.metric("plateau_outbox_blocked 0")
	p.metric("plateau_outbox_pending 0")
	p.metric(`plateau_events_total{result="delivered"} 1`)
	if a := p.do("GET", "/readyz", ""); a.body != "ready\n" {
		t.Errorf("%v", a)
	}
	for _, id := range in.ids() {
		if id != idOf(location)+":finished" {
			t.Errorf("an event with the id %s", id)
		}
	}
}
