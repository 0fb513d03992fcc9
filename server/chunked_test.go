package server_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// A client may stop anywhere in a chunked body: the server waits, without using
// the processor, and goes on.
func TestChunkedBodyThatPauses(t *testing.T) {
	p := run(t)
	for name, pieces := range map[string][2]string{
		"before the first chunk":   {"", "5\r\n12345\r\n0\r\n\r\n"},
		"in a chunk's size":        {"5", "\r\n12345\r\n0\r\n\r\n"},
		"in a chunk":               {"5\r\n123", "45\r\n0\r\n\r\n"},
		"at the end of a chunk":    {"3\r\n123", "\r\n2\r\n45\r\n0\r\n\r\n"},
		"between two chunks":       {"3\r\n123\r\n", "2\r\n45\r\n0\r\n\r\n"},
		"before the last chunk":    {"5\r\n12345\r\n", "0\r\n\r\n"},
		"before the trailer's end": {"5\r\n12345\r\n0\r\n", "\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := p.in(t)
			location := p.create("Upload-Length: 5")
			w := p.dial()
			w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Transfer-Encoding: chunked")
			w.send(pieces[0])
			until(t, "the body runs", func() bool { return p.Bodies() == 1 })
			before := processorTime(t)
			time.Sleep(300 * time.Millisecond) // the pause that this test is about
			if used := processorTime(t) - before; used > 150*time.Millisecond {
				t.Errorf("the server used the processor for %s of 300 ms of waiting", used)
			}
			w.send(pieces[1])
			if a := w.mustHear("PATCH"); a.status != 204 || a.get("Upload-Offset") != "5" {
				t.Errorf("heard %v", a)
			}
			until(t, "the request has ended", func() bool { return p.Running() == 0 })
			if got := p.data(location); got != "12345" {
				t.Errorf("the file has %q", got)
			}
		})
	}
}

// processorTime is what this process has used so far.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestChunkedBodies(t *testing.T) {
	p := run(t)
	for _, c := range []struct{ name, body, want string }{
		{"one chunk", "5\r\n12345\r\n0\r\n\r\n", "12345"},
		{"chunks with extensions", "2;a=b\r\n12\r\n3\r\n345\r\n0\r\n\r\n", "12345"},
		{"a trailer", "5\r\n12345\r\n0\r\nX-Trailer: y\r\n\r\n", "12345"},
		{"fewer than missing", "2\r\n12\r\n0\r\n\r\n", "12"},
		{"nothing", "0\r\n\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := p.in(t)
			location := p.create("Upload-Length: 5")
			w := p.dial()
			w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Transfer-Encoding: chunked")
			w.send(c.body)
			if a := w.mustHear("PATCH"); a.status != 204 || a.get("Upload-Offset") != fmt.Sprint(len(c.want)) {
				t.Fatalf("heard %v", a)
			}
			if got := p.data(location); got != c.want || p.sealed(location) != (len(c.want) == 5) {
				t.Errorf("the file has %q, sealed: %v", got, p.sealed(location))
			}
			// The connection can be used again.
			w.begin("HEAD", location)
			if a := w.mustHear("HEAD"); a.get("Upload-Offset") != fmt.Sprint(len(c.want)) {
				t.Errorf("HEAD: %v", a)
			}
		})
	}
	t.Run("malformed after good chunks", func(t *testing.T) {
		p := p.in(t)
		location := p.create("Upload-Length: 9")
		w := p.dial()
		w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Transfer-Encoding: chunked")
		w.send("5\r\n12345\r\nnonsense\r\n")
		if a := w.mustHear("PATCH"); a.status != 400 || a.code() != "ERR_BODY_MALFORMED" {
			t.Errorf("heard %v", a)
		}
		if got := p.offset(location); got != "5" {
			t.Errorf("offset %s: the good chunks are kept", got)
		}
	})
}
