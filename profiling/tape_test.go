package profiling

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func begin(t *testing.T, s *tapes) *tape {
	t.Helper()
	got, err := s.begin()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestATapeIsBounded(t *testing.T) {
	s := newTapes(100_000, 150_000)
	first := begin(t, s)
	if first.taken != 0 {
		t.Errorf("%d bytes before anything was written", first.taken)
	}
	var want []byte
	for i := range 7 {
		part := bytes.Repeat([]byte{byte(i)}, 10_000)
		want = append(want, part...)
		if n, err := first.Write(part); n != len(part) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if first.taken > 2*len(want)+smallestBlock {
			t.Errorf("%d bytes taken for %d", first.taken, len(want))
		}
	}
	select {
	case <-first.full:
		t.Error("full below three quarters")
	default:
	}
	if n, err := first.Write(make([]byte, 10_000)); n != 10_000 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	<-first.full
	if n, err := first.Write(make([]byte, 50_000)); n != 20_000 || !errors.Is(err, errTapeFull) || first.taken != 100_000 {
		t.Errorf("%d, %v, %d taken", n, err, first.taken)
	}
	if !bytes.HasPrefix(first.bytes(), want) || len(first.bytes()) != 100_000 {
		t.Error("what was written is not what is kept")
	}
	if first.end() {
		t.Error("the whole, though not all had room")
	}

	second := begin(t, s) // of which the first has left half
	if n, err := second.Write(make([]byte, 100_000)); n >= 100_000 || !errors.Is(err, errTapeFull) {
		t.Errorf("%d, %v", n, err)
	}
	<-second.full
	if _, err := s.begin(); announce(http.Header{}, err) != http.StatusTooManyRequests {
		t.Errorf("a third: %v", err)
	}
	first.free()
	first.free()
	second.free()
	if s.left != 150_000 {
		t.Errorf("%d bytes given back", s.left)
	}
	third := begin(t, s)
	if _, err := third.Write(make([]byte, 10)); err != nil || !third.end() {
		t.Errorf("afterwards: %v", err)
	}
	if n, err := third.Write(make([]byte, smallestBlock)); n > smallestBlock-10 || err == nil {
		t.Errorf("a tape that has ended grows: %d, %v", n, err)
	}
	third.free()
}

// accepted is a listener that has accepted one connection.
type accepted struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (a accepted) Accept() (net.Conn, error) {
	select {
	case c := <-a.connections:
		return c, nil
	case <-a.closed:
		return nil, net.ErrClosed
	}
}
func (a accepted) Close() error   { close(a.closed); return nil }
func (a accepted) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// TestAClientThatDoesNotReadIsGivenUp: on a connection that buffers nothing.
func TestAClientThatDoesNotReadIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTapes(tapeBytes, tapesBytes)
		sent := make(chan time.Duration, 1)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			start := time.Now()
			tape := begin(t, s)
			defer func() { tape.free(); sent <- time.Since(start) }()
			_, _ = tape.Write(make([]byte, 10<<20))
			tape.send(w, http.StatusOK)
		})}
		client, connection := net.Pipe()
		l := accepted{make(chan net.Conn, 1), make(chan struct{})}
		l.connections <- connection
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(l) }()
		if _, err := client.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if took := <-sent; took != sendPatience {
			t.Errorf("given up after %s", took)
		}
		if s.left != tapesBytes {
			t.Errorf("%d bytes are not given back", tapesBytes-s.left)
		}
		_ = server.Close()
		_ = client.Close()
		<-served
	})
}
