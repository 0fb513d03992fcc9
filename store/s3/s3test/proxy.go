package s3test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// Proxy stands before a gateway, and speaks TLS if that does, by the same certificate. All its methods may be called by any
// goroutine, also by the functions of a fault.
type Proxy struct {
	// Endpoint is what the client is to take for the gateway's.
	Endpoint string

	t       testing.TB
	gateway *Gateway
	addr    string
	tls     *tls.Config    // towards the client; nil: none
	running sync.WaitGroup // the servers and the calls

	deciding sync.Mutex // held while a call is numbered and decided, so that numbers and decisions have one order

	opening sync.Mutex // held by Away and close; guards end
	end     func()     // ends the server; nil while it is away

	mu     sync.Mutex // guards what follows
	decide func(Call) Fault
	n      int
	nth    map[Operation]int
	calls  []*Call
	links  map[net.Conn]struct{}
	closed bool
}

// StartProxy starts a proxy before a gateway. It ends with the test, and then waits for what a fault's functions do.
func StartProxy(t testing.TB, g *Gateway) *Proxy {
	t.Helper()
	p := &Proxy{t: t, gateway: g, nth: map[Operation]int{}, links: map[net.Conn]struct{}{}}
	scheme := "http://"
	if g.certificate != nil {
		pair, err := tls.LoadX509KeyPair(g.certificate.cert, g.certificate.key)
		if err != nil {
			t.Fatal(err)
		}
		p.tls, scheme = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, "https://"
	}
	for tries := 1; ; tries++ {
		addr, err := freeAddr()
		if err == nil {
			p.addr = addr
			err = p.open()
		}
		if err == nil {
			break
		}
		if tries == 20 {
			t.Fatal(err)
		}
	}
	t.Cleanup(p.close)
	p.Endpoint = scheme + p.addr
	return p
}

// open listens and serves, until p.end. The caller holds opening, or nobody else knows of p.
func (p *Proxy) open() error {
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		return err
	}
	if p.tls != nil {
		listener = tls.NewListener(listener, p.tls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{
		Handler:     p,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState:   p.track,
		ErrorLog:    log.New(io.Discard, "", 0), // of connections that end early, which is the point
	}
	p.running.Go(func() { _ = server.Serve(listener) }) // it ends by Close only
	p.end = func() {
		p.reset()
		cancel()
		_ = server.Close() // of sockets
	}
	return nil
}

// Away makes the proxy be away, with all that it has in hand: connections are reset, calls end where they are, and new
// connections are refused. Away(false) brings it back at the same address.
func (p *Proxy) Away(away bool) {
	p.opening.Lock()
	defer p.opening.Unlock()
	if away {
		if p.end != nil {
			p.end()
			p.end = nil
		}
		return
	}
	if p.end != nil || p.isClosed() {
		return
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := p.open()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Errorf("the proxy can't come back: %v", err)
			return
		}
	}
}

// On lets decide choose what becomes of each call from now on, and starts the counting of Call.N and Call.Nth anew. It is called
// by one call at a time, in the order of N, before anything is done, and must not wait: what waits is a fault. Nil lets all pass.
func (p *Proxy) On(decide func(Call) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide, p.n = decide, 0
	clear(p.nth)
}

// Calls returns a copy of all calls since the start or the last Forget, in the order of their arrival.
func (p *Proxy) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := make([]Call, len(p.calls))
	for i, c := range p.calls {
		calls[i] = *c
	}
	return calls
}

// Counts returns how many of these calls there were of each operation.
func (p *Proxy) Counts() map[Operation]int {
	counts := map[Operation]int{}
	for _, c := range p.Calls() {
		counts[c.Operation]++
	}
	return counts
}

// Forget empties what Calls and Counts return.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = nil
}

// close ends the proxy and waits for its goroutines.
func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Away(true)
	p.running.Wait()
}

// enter counts a call among those that close waits for; false: it is too late.
func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.running.Add(1)
	}
	return !p.closed
}

func (p *Proxy) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// track keeps the connections from clients.
func (p *Proxy) track(conn net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		p.links[conn] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(p.links, conn)
	}
}

// reset makes the clients' connections end by a reset when they are closed.
func (p *Proxy) reset() {
	p.mu.Lock()
	links := slices.Collect(maps.Keys(p.links))
	p.mu.Unlock()
	for _, conn := range links {
		if over, ok := conn.(*tls.Conn); ok {
			conn = over.NetConn()
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // fails only when it is closed
		}
	}
}
