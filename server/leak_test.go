package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// What a thousand uploads leave behind: nothing but their files.
func TestUploadsLeaveNothingBehind(t *testing.T) {
	random := seeded(t)
	p := run(t)
	seeds := make([]uint64, 20)
	for i := range seeds {
		seeds[i] = random.Uint64()
	}
	const clients = 8
	round := func(from, to int) {
		var running sync.WaitGroup
		for c := range clients {
			running.Go(func() {
				for n := from + c; n < to; n += clients {
					p.oneOfAKind(t, n)
				}
			})
		}
		running.Wait()
	}
	idle := func() {
		p.http.CloseIdleConnections()
		until(t, "all requests have ended", func() bool { return p.Running() == 0 && p.Bodies() == 0 })
	}
	round(0, 40) // what is made once
	idle()
	until(t, "goroutines are at rest", func() bool { return steady(runtime.NumGoroutine) })
	goroutines, files := runtime.NumGoroutine(), descriptors(t)
	before := running()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("before:\n%s\nand after:\n%s", before, running())
		}
	})
	round(40, 1040)
	idle()
	until(t, fmt.Sprintf("%d goroutines and %d descriptors, as before", goroutines, files), func() bool {
		return runtime.NumGoroutine() <= goroutines && descriptors(t) <= files
	})
}

// running is what each goroutine is at, and what each descriptor is of.
func running() string {
	text := make([]byte, 1<<20)
	text = text[:runtime.Stack(text, true)]
	files, _ := filepath.Glob("/proc/self/fd/*")
	for _, file := range files {
		if of, err := os.Readlink(file); err == nil { // not the one that Glob had
			text = fmt.Appendf(text, "\n%s: %s", filepath.Base(file), of)
		}
	}
	return string(text)
}

// steady reports whether a count stays as it is over many looks.
func steady(count func() int) bool {
	first := count()
	for range 100 {
		runtime.Gosched()
		if count() != first {
			return false
		}
	}
	return true
}

// oneOfAKind makes the n-th upload: each kind of upload has its turn.
func (p *plateau) oneOfAKind(t *testing.T, n int) {
	fail := func(what string, a answer, err error) { t.Errorf("upload %d: %s: %v %v", n, what, a, err) }
	expect := func(status int, method, path, body string, headers ...string) answer {
		a, err := p.try(method, path, strings.NewReader(body), headers...)
		if err != nil || a.status != status {
			fail(method, a, err)
		}
		return a
	}
	switch n % 6 {
	case 0:
		expect(201, "POST", "/files/", "12345", offsetStream, "Upload-Length: 5")
	case 1:
		location := expect(201, "POST", "/files/", "", "Upload-Length: 5").get("Location")
		expect(204, "PATCH", location, "12345", offsetStream, "Upload-Offset: 0")
		expect(200, "GET", location, "")
	case 2:
		location := expect(201, "POST", "/files/", "12", offsetStream, "Upload-Length: 5").get("Location")
		expect(409, "PATCH", location, "345", offsetStream, "Upload-Offset: 1")
		expect(200, "HEAD", location, "")
		expect(204, "DELETE", location, "")
		expect(404, "HEAD", location, "")
	case 3: // the client leaves
		w := p.dial()
		w.begin("POST", "/files/", offsetStream, "Upload-Length: 5", "Content-Length: 5")
		w.send("12")
		_ = w.Close()
	case 4: // cut by a take-over
		location := expect(201, "POST", "/files/", "", "Upload-Length: 5").get("Location")
		w := p.dial()
		w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 5")
		expect(204, "DELETE", location, "")
		if a, err := w.hear("PATCH"); err != nil || a.status != 423 && a.status != 404 {
			fail("cut", a, err)
		}
		_ = w.Close()
	case 5: // chunked, and malformed
		w := p.dial()
		w.begin("POST", "/files/", offsetStream, "Upload-Length: 5", "Transfer-Encoding: chunked")
		w.send("1\r\nx\r\nnonsense\r\n")
		if a, err := w.hear("POST"); err != nil || a.status != 400 {
			fail("malformed", a, err)
		}
		_ = w.Close()
	}
}

// descriptors is how many this process has open. The outbox's folder of a minute
// is not counted: it is open until the minute and its events have gone, so that
// there are two of them where a minute ends.
func descriptors(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc, which only Linux has")
	}
	n := 0
	files, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		of, err := os.Readlink(file)
		if err == nil && filepath.Base(filepath.Dir(of)) != "pending" { // err: the one that Glob had
			n++
		}
	}
	return n
}
