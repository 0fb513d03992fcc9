package profiling_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"plateau/profiling"
)

func TestOnePageTooMany(t *testing.T) {
	b := serveLive(t)
	var pages []*listener
	for range 20 {
		p := b.listen(t, "")
		p.until("rows")
		pages = append(pages, p)
	}
	refused := b.listen(t, "")
	words, _ := io.ReadAll(refused.resp.Body)
	if refused.resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(words), "close one") || refused.resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s: %s", refused.resp.Status, words)
	}
	pages[7].leave()
	deadline := time.Now().Add(patience)
	for b.listen(t, "").resp.StatusCode != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("a page has left, and its place is not free")
		}
		runtime.Gosched()
	}
}

// TestSlowPageIsDropped: a page that reads nothing does not hold up the others, nor what follows, and its place becomes free.
func TestSlowPageIsDropped(t *testing.T) {
	list := []profiling.UploadInFlight{{ID: "u", Owner: strings.Repeat("x", 1<<20)}}
	b := serveLive(t, func(b *broadcast) {
		b.uploads = func() []profiling.UploadInFlight { return list }
	})
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /api/live HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	slow := bufio.NewReader(conn)
	if line, err := slow.ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q %v", line, err)
	}
	quick := b.listen(t, "")
	quick.lines.Buffer(nil, 8<<20)
	for i := range 60 { // 1 MB every other time: more than the system's buffers take
		b.tick(b.at(i), float64(i))
		for value := -1.0; value < float64(i); {
			rows := quick.rows()
			value = *rows[len(rows)-1][1]
		}
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	read, err := io.Copy(io.Discard, slow)
	if errors.Is(err, os.ErrDeadlineExceeded) || read > 25<<20 {
		t.Errorf("the slow page heard %d bytes: %v", read, err)
	}
}

func TestStopEndsAllStreams(t *testing.T) {
	b := serveLive(t, func(b *broadcast) {
		b.uploads = func() []profiling.UploadInFlight {
			return []profiling.UploadInFlight{{ID: "u", Owner: strings.Repeat("x", 16<<20)}}
		}
	})
	idle := b.listen(t, "")
	idle.until("rows")
	stuck := b.listen(t, "") // in the middle of a write that nobody reads
	stuck.until("rows")
	b.tick(b.at(1), 1)
	b.tick(b.at(2), 2)
	b.stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	begin := time.Now()
	if err := b.server.Config.Shutdown(ctx); err != nil {
		t.Errorf("the server waits for its pages: %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second { // a stuck write alone would take ten
		t.Errorf("the server stopped after %v", took)
	}
}

func TestPagesAfterTheStop(t *testing.T) {
	b := serveLive(t)
	b.stop()
	p := b.listen(t, "")
	if words, _ := io.ReadAll(p.resp.Body); p.resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(words), "stopping") {
		t.Errorf("%s: %s", p.resp.Status, words)
	}
}

func TestNoGoroutineStaysOfPages(t *testing.T) {
	b := serveLive(t)
	p := b.listen(t, "")
	p.until("rows")
	p.leave()
	settled := func(most int) {
		t.Helper()
		deadline := time.Now().Add(patience)
		for runtime.NumGoroutine() > most {
			if time.Now().After(deadline) {
				t.Fatalf("%d goroutines, want %d", runtime.NumGoroutine(), most)
			}
			b.server.Client().CloseIdleConnections()
			runtime.Gosched()
		}
	}
	settled(runtime.NumGoroutine() - 1)
	before := runtime.NumGoroutine()
	for range 5 {
		var pages []*listener
		for range 15 {
			p := b.listen(t, "")
			p.until("rows")
			pages = append(pages, p)
		}
		b.tick(b.at(1), 1)
		for _, p := range pages {
			p.leave()
		}
		settled(before + 2)
	}
}

// BenchmarkTell is what two seconds cost a server with 2,000 uploads while a page is open, its own side of the page included.
func BenchmarkTell(b *testing.B) {
	uploads := make([]profiling.UploadInFlight, 2000)
	for i := range uploads {
		uploads[i] = profiling.UploadInFlight{
			ID: fmt.Sprintf("%032d", i), Owner: "somebody", Client: "10.0.0.1", Offset: 1 << 30, Size: 1 << 32, Rate: 1e6,
			Since: time.Unix(int64(i*7919%2000), 0),
		}
	}
	live := serveLive(b, func(l *broadcast) { l.uploads = func() []profiling.UploadInFlight { return uploads } })
	page := live.listen(b, "")
	page.until("rows")
	b.ReportAllocs()
	at := 0
	for b.Loop() {
		for range 2 { // the uploads come with every other sample, after it
			at++
			page.tick(live, at)
		}
	}
}
