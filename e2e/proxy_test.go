package e2e

import (
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
)

// proxy stands between a client and a server. It passes bytes on as they are, and
//   - counts requests that reached a server, and the bytes of their bodies;
//   - holds the bytes of every upload at an offset that the test sets (hold), so that requests stay in mid-body;
//   - cuts the client's connection in place of passing an answer on, where the test says so (pass).
//
// A server that is down, or dies, looks to the client as it would without the proxy: the connection ends.
// It knows HTTP/1.1, with Content-Length and chunked.
type proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup
	// pass says whether an answer reaches the client. It is set before the first connection, nil means always.
	pass func(*http.Request, *http.Response) bool

	mu        sync.Mutex // guards what follows
	changed   *sync.Cond // limit or a link's end changed
	limit     int64
	closed    bool
	links     map[*link]struct{}
	exchanges []*exchange
	refused   int // connections that no server took
}

// exchange is one request that reached a server.
type exchange struct {
	method, path string
	request      http.Header
	start        int64 // the offset at which the body begins
	length       int64 // of the body; of a chunked one it is known when it has ended
	sent         int64 // bytes of the body passed on
	over         bool  // no more of it will be
	status       int   // 0 while there is no answer
	answer       http.Header
}

// reached is the offset up to which the upload's bytes have been passed on.
func (e exchange) reached() int64 { return e.start + e.sent }

// inside says whether the request is, or ended, in the middle of its body, without an answer.
func (e exchange) inside() bool { return e.status == 0 && 0 < e.sent && e.sent < e.length }

// startProxy listens on loopback in front of target until the test ends.
func startProxy(t *testing.T, target string, pass func(*http.Request, *http.Response) bool) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: target, listener: listener, pass: pass, limit: math.MaxInt64, links: map[*link]struct{}{}}
	p.changed = sync.NewCond(&p.mu)
	t.Cleanup(p.close)
	p.running.Go(p.accept)
	return p
}

func (p *proxy) files() string { return "http://" + p.listener.Addr().String() + "/files/" }

// hold lets every upload go on to this offset and no further.
func (p *proxy) hold(offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = offset
	p.changed.Broadcast()
}

// release lets everything through.
func (p *proxy) release() { p.hold(math.MaxInt64) }

// seen returns a copy of the exchanges with this method so far; an empty method means all.
func (p *proxy) seen(method string) []exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []exchange
	for _, e := range p.exchanges {
		if method == "" || e.method == method {
			list = append(list, *e)
		}
	}
	return list
}

// last is the latest request with this method to reach a server.
func (p *proxy) last(method string) exchange {
	list := p.seen(method)
	if len(list) == 0 {
		return exchange{}
	}
	return list[len(list)-1]
}

// bodyBytes is how much of the bodies of PATCH and POST requests has been passed on.
func (p *proxy) bodyBytes() int64 {
	var sum int64
	for _, e := range p.seen("") {
		sum += e.sent
	}
	return sum
}

// refusals counts the connections that no server took.
func (p *proxy) refusals() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for l := range p.links {
		l.ended = true
		_ = l.client.Close()
		_ = l.server.Close()
	}
	p.changed.Broadcast()
	p.mu.Unlock()
	p.running.Wait()
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(conn.(*net.TCPConn)) })
	}
}

// statuses lists what a proxy's clients heard, in the order of the requests.
func statuses(list []exchange) []int {
	return slices.Collect(func(yield func(int) bool) {
		for _, e := range list {
			if !yield(e.status) {
				return
			}
		}
	})
}
