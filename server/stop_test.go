package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/server"
)

// A client that doesn't take its download, and connections that never said
// anything to either listener, hold Stop back no longer than uploads do.
func TestStopCutsDownloads(t *testing.T) {
	p := run(t)
	location := p.upload("x", "Upload-Length: 1")
	// The upload grows behind the server's back, to more than a socket holds.
	const size = 1 << 30
	name := filepath.Join(p.dir, "uploads", idOf(location))
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	record, err := os.ReadFile(name + ".info")
	if err != nil {
		t.Fatal(err)
	}
	record = []byte(strings.Replace(string(record), `"Size":1,`, `"Size":1073741824,`, 1))
	if err := os.WriteFile(name+".info", record, 0o644); err != nil {
		t.Fatal(err)
	}
	get := p.dial()
	get.begin("GET", location)
	if _, err := get.in.Peek(1); err != nil {
		t.Fatalf("the download's first byte: %v", err)
	}
	for _, addr := range []string{p.Addr(), p.AdminAddr()} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	began := time.Now()
	if err := p.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Stop took %s", took)
	}
}

// A DELETE that meets a running finish waits for it.
func TestDeleteWaitsForFinish(t *testing.T) {
	p := prepare(t, settings(t))
	finishing, release := p.blockFinish()
	p.start()
	location := p.create("Upload-Length: 5")
	patch := p.dial()
	patch.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 5")
	patch.send("12345")
	await(t, "the finish", finishing)
	del := p.dial()
	del.begin("DELETE", location)
	until(t, "both requests run", func() bool { return p.Running() == 2 })
	release()
	if a := patch.mustHear("PATCH"); a.status != 204 {
		t.Errorf("PATCH heard %v", a)
	}
	if a := del.mustHear("DELETE"); a.status != 204 {
		t.Errorf("DELETE heard %v", a)
	}
	if names := p.names(); len(names) != 0 {
		t.Errorf("left: %v", names)
	}
}

// What is wrong with a body is said also where none is wanted.
func TestBrokenBodyAtTheEnd(t *testing.T) {
	p := run(t)
	location := p.upload("12345", "Upload-Length: 5")
	w := p.dial()
	w.begin("PATCH", location, offsetStream, "Upload-Offset: 5", "Transfer-Encoding: chunked")
	w.send("zz\r\n")
	if a := w.mustHear("PATCH"); a.status != 400 || a.code() != "ERR_BODY_MALFORMED" {
		t.Errorf("heard %v", a)
	}
}

// A burst earns the time of a pause after it, and the store's time is not the
// client's.
func TestMinRateCountsBursts(t *testing.T) {
	cfg := settings(t)
	cfg.MinRate = 10_000
	p := prepare(t, cfg)
	p.SetRateGrace(100 * time.Millisecond)
	p.start()
	location := p.create("Upload-Length: 500001")
	w := p.dial()
	w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 500001")
	w.send(strings.Repeat("x", 500_000))
	until(t, "the burst is stored", func() bool { return p.offset(location) == "500000" })
	time.Sleep(500 * time.Millisecond) // the client pauses: the burst has earned 50 s
	w.send("x")
	if a := w.mustHear("PATCH"); a.status != 204 {
		t.Errorf("heard %v", a)
	}
}

// A configuration that main would refuse is refused here too: a wrong word for
// the durability must not mean none.
func TestNewValidates(t *testing.T) {
	cfg := settings(t)
	cfg.Durability = "finsh"
	_, err := server.New(server.Options{Config: cfg})
	if err == nil || !strings.Contains(err.Error(), "durability") {
		t.Errorf("error %v", err)
	}
	if _, err := server.New(server.Options{}); err == nil {
		t.Error("an empty configuration was taken")
	}
}

// A scrape may come at any moment of a stop.
func TestScrapesWhileItStops(t *testing.T) {
	p := run(t)
	scraped := make(chan struct{}, 1)
	var scraping sync.WaitGroup
	for range 4 {
		scraping.Go(func() {
			for {
				a, err := http.Get("http://" + p.AdminAddr() + "/metrics")
				if err != nil {
					return // it has stopped
				}
				_, _ = io.Copy(io.Discard, a.Body)
				_ = a.Body.Close()
				select {
				case scraped <- struct{}{}:
				default:
				}
			}
		})
	}
	<-scraped
	p.stop()
	scraping.Wait()
}
