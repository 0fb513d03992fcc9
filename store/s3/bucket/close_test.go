package bucket

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"
)

// counted is an endpoint that knows its connections.
type counted struct {
	*httptest.Server
	mu   sync.Mutex
	open map[net.Conn]bool
}

func newCounted(t *testing.T, h http.HandlerFunc) *counted {
	t.Helper()
	c := &counted{Server: httptest.NewUnstartedServer(h), open: map[net.Conn]bool{}}
	c.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if state == http.StateClosed {
			delete(c.open, conn)
		} else {
			c.open[conn] = true
		}
	}
	c.Start()
	t.Cleanup(c.Server.Close)
	return c
}

func (c *counted) conns() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open)
}

// eventually waits for what other goroutines are about to do.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	hangs := make(chan struct{}, 100)
	c := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/b/hang":
			hangs <- struct{}{}
			<-r.Context().Done()
		case "/b/open":
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "01")
			_ = http.NewResponseController(w).Flush()
			hangs <- struct{}{}
			<-r.Context().Done()
		}
	})
	before := runtime.NumGoroutine()
	b, _ := opened(t, Options{Name: "b", Endpoint: c.URL, AccessKey: "a", SecretKey: "s"}, nil)
	var all, opening sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 5 {
				must(b.Head(t.Context(), "a"))(t)
			}
			_, err := b.Head(t.Context(), "hang")
			wantError(t, err, ErrClosed)
		})
		opening.Go(func() { // a reader that nobody closes
			r, _, err := b.Open(t.Context(), "open", 0, -1)
			must(r, err)(t)
		})
	}
	for range 20 {
		<-hangs
	}
	opening.Wait()
	b.Close()
	all.Wait()
	b.Close()
	_, err := b.Head(t.Context(), "a")
	wantError(t, err, ErrClosed)
	eventually(t, "all connections closed", func() bool { return c.conns() == 0 })
	eventually(t, "all goroutines ended", func() bool { return runtime.NumGoroutine() <= before })
}

// Calls that come one after another share a connection, and no more than Conns are made.
func TestConnections(t *testing.T) {
	var mu sync.Mutex
	most, now := 0, 0
	c := newCounted(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		defer func() {
			mu.Lock()
			now--
			mu.Unlock()
		}()
		if r.Method == http.MethodGet {
			refuse(w, http.StatusNotFound, "NoSuchKey")
		}
	})
	o := Options{Name: "b", Endpoint: c.URL, AccessKey: "a", SecretKey: "s"}
	b, _ := opened(t, o, nil)
	for range 50 {
		must(b.Put(t.Context(), "a", text("x"), Any))(t)
		_, _, err := b.Read(t.Context(), "a", 1)
		wantError(t, err, ErrNotFound)
	}
	if n := c.conns(); n > 10 { // one, on a machine that isn't busy
		t.Errorf("%d connections for calls one after another", n)
	}
	o.Conns = 3
	b, _ = opened(t, o, nil)
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() { must(b.Put(t.Context(), "a", text("x"), Any))(t) })
	}
	all.Wait()
	if most > 3 {
		t.Errorf("%d requests at a time", most)
	}
}
