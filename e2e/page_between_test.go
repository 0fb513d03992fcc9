package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// between stands between a page and the server as a load balancer does, and answers in the server's place where the test says
// so: with what a server says that is full, too busy, or asks for a token.
type between struct {
	addr string

	mu       sync.Mutex // guards what follows
	target   string     // host:port of the server
	answer   func(*http.Request) int
	requests []*http.Request // of uploads
}

// startBetween listens on loopback until the test ends, for a server that may not have started yet (see to). It takes requests below
// a path, which begins with a slash and ends without one, and passes them on without it.
func startBetween(t *testing.T, path string) *between {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &between{addr: listener.Addr().String()}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			b.mu.Lock()
			defer b.mu.Unlock()
			r.SetURL(&url.URL{Scheme: "http", Host: b.target})
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	serveOn(t, listener, http.StripPrefix(path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := b.see(r); status != 0 {
			http.Error(w, "ERR_TEST: raw words of a server", status)
			return
		}
		forward.ServeHTTP(w, r)
	})))
	return b
}

// to sets the server's host:port.
func (b *between) to(target string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.target = target
}

// answers sets what the status of an answer is; 0 passes the request on.
func (b *between) answers(status func(*http.Request) int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = status
}

// see remembers a request and says what to answer in the server's place.
func (b *between) see(r *http.Request) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Method != http.MethodGet {
		b.requests = append(b.requests, r)
	}
	if b.answer == nil || r.Method == http.MethodGet {
		return 0
	}
	return b.answer(r)
}

// count says how many requests there were with this method, or all but GET.
func (b *between) count(method string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, r := range b.requests {
		if method == "" || r.Method == method {
			n++
		}
	}
	return n
}

// serveOn serves a handler until the test ends.
func serveOn(t *testing.T, listener net.Listener, h http.Handler) {
	t.Helper()
	server := &http.Server{Handler: h}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = server.Close()
		_ = server.Shutdown(context.Background())
		<-done
	})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
}
