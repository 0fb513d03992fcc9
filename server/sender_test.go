package server_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// seeded returns a source of random numbers, whose seed is printed.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// randomText is n random letters.
func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	b.Grow(n)
	for range n {
		b.WriteByte("abcdefghijklmnopqrstuvwxyz012345"[r.Uint32()&31])
	}
	return b.String()
}

// sender is a client that sends all of a body but its last byte, in random
// pieces, and then waits: so its request ends only when the server ends it.
type sender struct {
	method, location, data string
	wire                   *wire
	answer                 answer
	err                    error
	done                   chan struct{} // closed when answer or err is there
}

// sends starts a sender. A location of /files/ makes a POST. progress is called
// after each piece.
func (p *plateau) sends(location, data string, seed uint64, progress func()) *sender {
	p.t.Helper()
	s := &sender{method: "PATCH", location: location, data: data, wire: p.dial(), done: make(chan struct{})}
	headers := []string{offsetStream, "Upload-Offset: 0", fmt.Sprint("Content-Length: ", len(data))}
	if location == "/files/" {
		s.method = "POST"
		headers = append(headers, fmt.Sprint("Upload-Length: ", len(data)))
	}
	s.wire.begin(s.method, location, headers...)
	var running sync.WaitGroup
	running.Go(func() { s.send(rand.New(rand.NewPCG(seed, 1)), progress) })
	running.Go(func() {
		defer close(s.done)
		s.answer, s.err = s.wire.hear(s.method)
	})
	p.t.Cleanup(func() {
		_ = s.wire.Close()
		running.Wait()
	})
	return s
}

func (s *sender) send(r *rand.Rand, progress func()) {
	for rest := s.data[:len(s.data)-1]; rest != ""; {
		select {
		case <-s.done:
			return
		default:
		}
		n := min(len(rest), 1+r.IntN(16<<10))
		if _, err := s.wire.Write([]byte(rest[:n])); err != nil {
			return // the server cut the connection; the answer says why
		}
		rest = rest[n:]
		progress()
	}
}

// wait waits for the answer.
func (s *sender) wait(t *testing.T) answer {
	t.Helper()
	<-s.done // the connection has a deadline
	if s.err != nil {
		t.Fatalf("%s %s heard nothing: %v", s.method, s.location, s.err)
	}
	return s.answer
}

// cutBy checks that the sender was cut rightly, and returns where to go on.
func (s *sender) cutBy(t *testing.T, status int, code string) (location string) {
	t.Helper()
	a := s.wait(t)
	if s.method == "POST" {
		if a.status != 201 || a.get("Location") == "" || a.get("Upload-Offset") == "" {
			t.Errorf("POST heard %v, want 201 with Location and Upload-Offset", a)
		}
		return a.get("Location")
	}
	if a.status != status || a.code() != code || a.get("Retry-After") == "" || a.get("Upload-Offset") != "" {
		t.Errorf("PATCH heard %v, want %d %s with Retry-After", a, status, code)
	}
	return s.location
}

// completes goes on with an upload to its end and compares the bytes.
func (p *plateau) completes(t *testing.T, location, data string, acknowledged string) {
	t.Helper()
	at, err := strconv.Atoi(p.offset(location))
	if err != nil {
		t.Fatal(err)
	}
	if least, err := strconv.Atoi(acknowledged); err == nil && at < least {
		t.Errorf("the offset is %d, but %d was acknowledged", at, least)
	}
	if got := p.data(location); got != data[:at] {
		t.Errorf("the first %d bytes differ", at)
	}
	if a := p.patch(location, at, data[at:]); a.status != 204 || a.get("Upload-Offset") != fmt.Sprint(len(data)) {
		t.Errorf("the rest from %d heard %v", at, a)
	}
	if p.data(location) != data || !p.sealed(location) {
		t.Errorf("the upload is not whole and sealed")
	}
}
