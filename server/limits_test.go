package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/config"
)

func idleAfter(d time.Duration) func(*config.Config) {
	return func(c *config.Config) { c.IdleTimeout = d }
}

// A client that sends nothing any more is cut, and what it sent is kept.
func TestIdleTimeout(t *testing.T) {
	p := run(t, idleAfter(100*time.Millisecond))
	for _, sent := range []string{"", "12345"} {
		for name, framing := range map[string]struct{ header, body string }{
			"whole":   {"Content-Length: 10", sent},
			"chunked": {"Transfer-Encoding: chunked", map[string]string{"": "", "12345": "5\r\n12345\r\n"}[sent]},
		} {
			t.Run(fmt.Sprintf("%s after %d bytes", name, len(sent)), func(t *testing.T) {
				p := p.in(t)
				location := p.create("Upload-Length: 10")
				w := p.dial()
				w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", framing.header)
				w.send(framing.body)
				a := w.mustHear("PATCH")
				if a.status != 503 || a.code() != "ERR_BODY_IDLE" || a.get("Retry-After") == "" {
					t.Errorf("PATCH heard %v", a)
				}
				p.completes(t, location, sent+"1234567890"[len(sent):], fmt.Sprint(len(sent)))

				w = p.dial()
				w.begin("POST", "/files/", offsetStream, "Upload-Length: 10", framing.header)
				w.send(framing.body)
				a = w.mustHear("POST")
				if a.status != 201 || a.get("Upload-Offset") != fmt.Sprint(len(sent)) {
					t.Fatalf("POST heard %v", a)
				}
				p.completes(t, a.get("Location"), "1234567890", fmt.Sprint(len(sent)))
			})
		}
	}
}

// A body that keeps coming is not idle, however long it takes, and its
// connection can be used again after longer than the idle time.
func TestIdleTimeoutIsOfSilence(t *testing.T) {
	p := run(t, idleAfter(2*time.Second))
	location := p.create("Upload-Length: 12")
	w := p.dial()
	w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 12")
	for range 12 {
		w.send("x")
		time.Sleep(200 * time.Millisecond) // what this test is about
	}
	if a := w.mustHear("PATCH"); a.status != 204 {
		t.Errorf("PATCH heard %v", a)
	}
	w.begin("GET", location)
	if a := w.mustHear("GET"); a.status != 200 {
		t.Errorf("GET heard %v", a)
	}
	time.Sleep(2200 * time.Millisecond) // again
	w.begin("HEAD", location)
	if a := w.mustHear("HEAD"); a.status != 200 {
		t.Errorf("HEAD heard %v", a)
	}
}

// A body that trickles is cut by the least rate, though it is never idle.
func TestMinRate(t *testing.T) {
	cfg := settings(t)
	cfg.IdleTimeout, cfg.MinRate = 5*time.Second, 1<<20
	p := prepare(t, cfg)
	p.SetRateGrace(200 * time.Millisecond)
	p.start()
	location := p.create("Upload-Length: 1000000")
	w := p.dial()
	w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 1000000")
	heard, over := make(chan answer, 1), make(chan struct{})
	var hearing sync.WaitGroup
	defer hearing.Wait()
	hearing.Go(func() {
		defer close(over)
		a, _ := w.hear("PATCH") // none has status 0
		heard <- a
	})
	began := time.Now()
	for sending := true; sending; {
		select {
		case <-over:
			sending = false
		case <-time.After(10 * time.Millisecond):
			_, err := w.Write([]byte("x"))
			sending = err == nil
		}
	}
	if a := <-heard; a.status != 503 || a.code() != "ERR_BODY_TOO_SLOW" || a.get("Retry-After") == "" {
		t.Errorf("heard %v", a)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("cut after %s: that was the idle time", took)
	}
	if a := p.do("HEAD", location, ""); a.get("Upload-Offset") == "0" {
		t.Error("nothing was kept")
	}
}

func TestMinRateLetsFastBodiesPass(t *testing.T) {
	p := run(t, func(c *config.Config) { c.MinRate = 1 })
	random := seeded(t)
	data := randomText(random, 3<<20)
	if got := p.data(p.upload(data, fmt.Sprint("Upload-Length: ", len(data)))); got != data {
		t.Error("the bytes differ")
	}
}

func TestMaxUploads(t *testing.T) {
	p := run(t, func(c *config.Config) { c.MaxUploads = 2 })
	location := p.create("Upload-Length: 10")
	w := p.dial()
	w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 10")
	until(t, "one body runs", func() bool { return p.Bodies() == 1 })
	second := p.dial()
	second.begin("POST", "/files/", offsetStream, "Upload-Length: 10", "Content-Length: 10")
	until(t, "two bodies run, of two uploads", func() bool { return p.Bodies() == 2 && len(p.folder()) == 4 })
	before := len(p.folder())
	for _, method := range []string{"POST", "PATCH"} {
		path := map[string]string{"POST": "/files/", "PATCH": location}[method]
		a := p.do(method, path, "x", offsetStream, "Upload-Length: 10", "Upload-Offset: 0")
		if a.status != 503 || a.code() != "ERR_OVERLOADED" || a.get("Retry-After") == "" {
			t.Errorf("%s heard %v", method, a)
		}
		checkError(t, method, a, p.dir)
	}
	if now := len(p.folder()); now != before {
		t.Errorf("%d files became %d", before, now)
	}
	// What has no body is not counted.
	p.create("Upload-Length: 10")
	if got := p.offset(location); got != "0" {
		t.Errorf("offset %s", got)
	}
	w.send("1234567890")
	if a := w.mustHear("PATCH"); a.status != 204 {
		t.Errorf("the running PATCH heard %v", a)
	}
	until(t, "there is room again", func() bool { return p.Bodies() == 1 })
	p.upload("x", "Upload-Length: 1")
}

// A finish may take longer than any timeout: its request is answered.
func TestSlowFinish(t *testing.T) {
	cfg := settings(t)
	cfg.IdleTimeout, cfg.MinRate = 50*time.Millisecond, 1<<30
	p := prepare(t, cfg)
	p.SetRateGrace(50 * time.Millisecond)
	finishing, release := p.blockFinish()
	p.start()
	location := p.create("Upload-Length: 5")
	patch, post := p.dial(), p.dial()
	patch.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 5")
	patch.send("12345")
	post.begin("POST", "/files/", offsetStream, "Upload-Length: 5", "Content-Length: 5")
	post.send("12345")
	await(t, "a finish", finishing)
	await(t, "another finish", finishing)
	time.Sleep(150 * time.Millisecond) // longer than every timeout
	release()
	if a := patch.mustHear("PATCH"); a.status != 204 || a.get("Upload-Offset") != "5" {
		t.Errorf("PATCH heard %v", a)
	}
	if a := post.mustHear("POST"); a.status != 201 || a.get("Upload-Offset") != "5" {
		t.Errorf("POST heard %v", a)
	}
}

// An answer that needs no body doesn't wait for one, be it large or small.
func TestRefusedAtOnce(t *testing.T) {
	p := run(t)
	location := p.upload("1234", "Upload-Length: 1000000000")
	const large, small = "Content-Length: 900000000", "Content-Length: 1000"
	for _, c := range []struct {
		name, method, path string
		headers            []string
		status             int
	}{
		{"wrong offset", "PATCH", location, []string{offsetStream, "Upload-Offset: 3"}, 409},
		{"wrong type", "PATCH", location, []string{"Content-Type: text/plain", "Upload-Offset: 4"}, 415},
		{"wrong version", "PATCH", location, []string{offsetStream, "Tus-Resumable: 9"}, 412},
		{"no length", "POST", "/files/", []string{offsetStream}, 400},
		{"longer than declared", "POST", "/files/", []string{offsetStream, "Upload-Length: 5"}, 413},
		{"unknown id", "PATCH", "/files/unknown", []string{offsetStream, "Upload-Offset: 4"}, 404},
		{"invalid id", "PATCH", "/files/..", []string{offsetStream, "Upload-Offset: 4"}, 404},
		{"unknown method", "PUT", location, []string{offsetStream}, 405},
		{"elsewhere", "POST", "/elsewhere", []string{offsetStream}, 405},
	} {
		for _, framing := range []string{large, small, "Transfer-Encoding: chunked", small + "\r\nExpect: 100-continue"} {
			if c.status == 413 && strings.HasPrefix(framing, "Transfer") {
				continue
			}
			t.Run(c.name+" "+framing, func(t *testing.T) {
				p := p.in(t)
				w := p.dial()
				began := time.Now()
				w.begin(c.method, c.path, append([]string{framing}, c.headers...)...)
				a := w.mustHear(c.method)
				if took := time.Since(began); a.status != c.status || took > 10*time.Second { // else it waits for the body
					t.Errorf("after %s: %v", took, a)
				}
				checkError(t, c.method, a, p.dir)
			})
		}
	}
	if got := p.offset(location); got != "4" {
		t.Errorf("offset %s", got)
	}
}
