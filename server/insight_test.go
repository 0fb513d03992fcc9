package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"plateau/config"
)

// events reads what the operator's page is told.
func (p *plateau) streams(t *testing.T) (next func(event string) string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.AdminAddr()+"/api/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.http.Do(r)
	if err != nil || a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%v %v", a, err)
	}
	t.Cleanup(func() { _ = a.Body.Close() })
	lines := bufio.NewScanner(a.Body)
	lines.Buffer(nil, 1<<20)
	return func(event string) string {
		for name := ""; lines.Scan(); {
			line := lines.Text()
			if value, ok := strings.CutPrefix(line, "event: "); ok {
				name = value
			}
			if value, ok := strings.CutPrefix(line, "data: "); ok && name == event {
				return value
			}
		}
		t.Fatalf("the stream ended before %q: %v", event, lines.Err())
		return ""
	}
}

// The operator's page is told what runs: the id, how far, who sends it.
func TestOperatorsSeeUploadsInFlight(t *testing.T) {
	p := run(t)
	location := p.create("Upload-Length: 1000")
	w := p.dial()
	w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 1000")
	w.send(strings.Repeat("x", 600))
	f := p.dial()
	f.begin("POST", "/upload", formType, "Content-Length: 1000")
	f.send("--" + testBoundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" + strings.Repeat("x", 400))
	until(t, "all bytes have come", func() bool { return strings.Contains(p.admin("/metrics").body, "\nplateau_uploads_in_flight 2\n") })
	type upload struct {
		ID, Client   string
		Offset, Size int64
	}
	next := p.streams(t)
	for {
		var told struct {
			Total   int
			Uploads []upload
		}
		if err := json.Unmarshal([]byte(next("uploads")), &told); err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprint(told.Uploads)
		if told.Total == 2 && strings.Contains(all, fmt.Sprint(upload{idOf(location), "127.0.0.1", 600, 1000})) && strings.Contains(all, " 127.0.0.1 4") {
			break
		}
		t.Log(all) // bytes are on their way
	}
	for _, path := range []string{"/", "/api/history", "/debug/flame/heap", "/debug/grew", "/debug/flags"} {
		if a := p.admin(path); a.status != 200 {
			t.Errorf("%s: %v", path, a.status)
		}
		if path == "/" {
			continue
		}
		if a := p.do("GET", path, ""); a.status != 404 {
			t.Errorf("%s on the public listener: %v", path, a)
		}
	}
}

// Without a token a page of a stranger, whose name leads here, must not read what
// operators see.
func TestOperatorsPageIsForThisMachine(t *testing.T) {
	p := run(t)
	for host, want := range map[string]int{"localhost:9091": 200, "plateau.localhost": 200, "[::1]:9091": 200, "127.0.0.1": 200, "evil.example": 403, "localhost.evil.example:9091": 403} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.AdminAddr()+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		a, err := p.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != want {
			t.Errorf("as %s: %d, want %d", host, a.StatusCode, want)
		}
	}
	q := run(t, func(c *config.Config) { c.AdminToken = "hunter2" })
	r, _ := http.NewRequest(http.MethodGet, "http://"+q.AdminAddr()+"/metrics", nil)
	r.Host = "admin.example"
	r.SetBasicAuth("", "hunter2")
	if a, err := q.http.Do(r); err != nil || a.StatusCode != 200 {
		t.Errorf("with a token, by name: %v %v", a, err)
	} else {
		_ = a.Body.Close()
	}
}

// A page of another site must not have the operator's browser start profiles, token
// or not; links to the page are let through.
func TestStrangersPagesAreRefused(t *testing.T) {
	p := run(t)
	for _, c := range []struct {
		path, site, mode string
		status           int
	}{
		{"/debug/pprof/heap", "cross-site", "no-cors", 403},
		{"/debug/pprof/heap", "cross-site", "navigate", 403},
		{"/debug/flame/heap", "same-site", "navigate", 403},
		{"/api/live", "cross-site", "cors", 403},
		{"/", "cross-site", "navigate", 200},
		{"/debug/flags", "same-site", "navigate", 200},
		{"/debug/flame", "same-site", "navigate", 200},
		{"/debug/grew", "same-site", "navigate", 403},
		{"/debug/pprof/heap", "same-origin", "cors", 200},
		{"/debug/pprof/heap", "none", "navigate", 200},
		{"/metrics", "", "", 200},
	} {
		if a := p.admin(c.path, "Sec-Fetch-Site: "+c.site, "Sec-Fetch-Mode: "+c.mode); a.status != c.status {
			t.Errorf("%+v: %d", c, a.status)
		}
	}
}

// What records all the time follows the flag: it costs, and is turned off with the
// rest.
func TestRecordersFollowTheFlag(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flags.json")
	flagFile(t, path, nil)
	p := run(t, func(c *config.Config) { c.FlightRecorder, c.ProfileBlocking, c.FlagsFile = true, true, path })
	recording := func() bool { return runtime.SetMutexProfileFraction(-1) > 0 }
	flight := func() bool { return p.admin("/debug/flight").status == 200 }
	until(t, "both are on", func() bool { return recording() && flight() })
	flagFile(t, path, map[string]any{"profiling": false})
	p.Reload()
	until(t, "both are off", func() bool { return !recording() && !flight() })
	flagFile(t, path, nil)
	p.Reload()
	until(t, "both are on again", func() bool { return recording() && flight() })

	second := run(t, func(c *config.Config) { c.FlightRecorder, c.ProfileBlocking = true, true })
	until(t, "the second server says that it goes without", func() bool { return strings.Contains(second.log.String(), "the flight recorder is off") })
	second.upload("x", "Upload-Length: 1")
}

// A finish that takes too long leaves the trace of its last seconds; a client that
// takes long doesn't.
func TestStallsAreRecorded(t *testing.T) {
	cfg := settings(t)
	cfg.FlightRecorder = true
	p := prepare(t, cfg)
	reached, release := p.blockFinish()
	p.start()
	slow := p.dial()
	slow.begin("POST", "/files/", offsetStream, "Upload-Length: 5", "Content-Length: 5")
	w := p.dial()
	w.begin("POST", "/files/", offsetStream, "Upload-Length: 5", "Content-Length: 5")
	w.send("12345")
	await(t, "the finish waits", received(reached))
	until(t, "a trace is saved", func() bool {
		traces, err := filepath.Glob(filepath.Join(p.dir, "stalls", "*-stall-flight.trace"))
		return err == nil && len(traces) == 1
	})
	release()
	if a := w.mustHear("POST"); a.status != 201 {
		t.Errorf("%v", a)
	}
	// The line comes after the file.
	until(t, "the log names the request", func() bool { return strings.Contains(p.log.String(), "POST /files/") })
	if a := p.admin("/debug/flight"); a.status != 200 || len(a.body) < 1000 {
		t.Errorf("/debug/flight: %d, %d bytes", a.status, len(a.body))
	}
}

// received closes a channel once another has yielded a value.
func received(from <-chan struct{}) <-chan struct{} {
	done := make(chan struct{})
	go func() { <-from; close(done) }()
	return done
}

// Stop ends what looks at the process, pages that are open included.
func TestStopEndsTheInsight(t *testing.T) {
	cfg := settings(t)
	cfg.FlightRecorder, cfg.ProfileBlocking = true, true
	before := runtime.NumGoroutine()
	p := prepare(t, cfg).start()
	p.streams(t)("rows")
	p.stop()
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}
