package server_test

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"plateau/config"
)

// behindProxy makes this machine a proxy that is believed.
func behindProxy(c *config.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

func connectionsOfAddress(n int) func(*config.Config) {
	return func(c *config.Config) { c.LimitAddressConnections = n }
}

// mustRefuse wants a client to be told that it is at a limit of its own.
func mustRefuse(t *testing.T, method string, a answer, code string) {
	t.Helper()
	after, err := strconv.Atoi(a.get("Retry-After"))
	if err != nil || after < 1 {
		t.Errorf("%s: Retry-After %q", method, a.get("Retry-After"))
	}
	if method == "HEAD" {
		if a.status != 423 {
			t.Errorf("HEAD heard %v", a)
		}
		return
	}
	if a.status != 503 || a.code() != code {
		t.Errorf("%s heard %v, want 503 %s", method, a, code)
	}
}

func (w *wire) asks(method, path string, headers ...string) answer {
	w.t.Helper()
	w.begin(method, path, headers...)
	return w.mustHear(method)
}

// mustBeClosed wants the server to have closed the connection, with an answer before that or without.
func (w *wire) mustBeClosed() {
	w.t.Helper()
	if n, err := w.in.Read(make([]byte, 1)); n > 0 || err == nil || strings.Contains(err.Error(), "timeout") {
		w.t.Errorf("the connection is open: %d bytes, %v", n, err)
	}
}

// An address that has more connections than it may is told so; one that has twice as many is not even heard.
func TestAddressConnections(t *testing.T) {
	p := run(t, connectionsOfAddress(2))
	one, two := p.dial(), p.dial()
	for _, w := range []*wire{one, two} {
		if a := w.asks("GET", "/healthz"); a.status != 200 {
			t.Fatal(a)
		}
	}
	three, four := p.dial(), p.dial()
	for method, w := range map[string]*wire{"PATCH": three, "HEAD": four} {
		a := w.asks(method, "/files/0123456789abcdef0123456789abcdef", offsetStream, "Upload-Offset: 0")
		mustRefuse(t, method, a, "ERR_TOO_MANY_CONNECTIONS")
		w.mustBeClosed()
	}
	// Those that were there before go on.
	for _, w := range []*wire{one, two} {
		if a := w.asks("GET", "/healthz"); a.status != 200 {
			t.Fatal(a)
		}
	}
	until(t, "those that were refused are gone", func() bool { return p.Connections("127.0.0.1") == 2 })
	silent := []*wire{p.dial(), p.dial()}
	if fifth, err := net.Dial("tcp", p.Addr()); err == nil { // else it is closed already
		newWire(t, fifth).mustBeClosed()
	}
	p.metric("plateau_connections_dropped_total 1")
	p.metric(`plateau_errors_total{code="ERR_TOO_MANY_CONNECTIONS"} 2`)
	p.metric(`plateau_limited_clients{holding="connections"} 1`)

	// One that came too early is served once others have left.
	_ = one.Close()
	_ = two.Close()
	late := silent[0]
	until(t, "the first two are gone", func() bool { return p.Connections("127.0.0.1") == 2 })
	if a := late.asks("GET", "/healthz"); a.status != 200 {
		t.Errorf("when there is room again: %v", a)
	}
	_ = late.Close()
	_ = silent[1].Close()
	p.metric(`plateau_limited_clients{holding="connections"} 0`)

	// It is not the server's trouble, and a flood of it is none of the log.
	warned := 0
	for _, line := range p.log.all(t) {
		if line["level"] == "ERROR" {
			t.Errorf("logged: %v", line)
		}
		if line["level"] == "WARN" {
			warned++
			if line["limit"] != "limit-address-connections" || line["client"] != "127.0.0.1" {
				t.Errorf("logged: %v", line)
			}
		}
	}
	if warned != 1 {
		t.Errorf("%d warnings", warned)
	}
}

// A refused body is not waited for, and its connection's slot is free again.
func TestAddressConnectionsWithBodies(t *testing.T) {
	p := run(t, connectionsOfAddress(1))
	first := p.dial()
	first.asks("GET", "/healthz")
	for range 3 {
		w := p.dial()
		w.begin("POST", "/files/", offsetStream, "Upload-Length: 1000000000", "Content-Length: 1000000000")
		w.send(strings.Repeat("x", 100_000))
		mustRefuse(t, "POST", w.mustHear("POST"), "ERR_TOO_MANY_CONNECTIONS")
		_ = w.Close()
		until(t, "it is gone", func() bool { return p.Connections("127.0.0.1") == 1 })
	}
	if files := p.folder(); len(files) > 0 {
		t.Errorf("left over: %v", files)
	}
}

// Behind a proxy it is requests that are counted, by the address that the proxy tells; its own connections are not.
func TestForwardedRequests(t *testing.T) {
	p := run(t, behindProxy, connectionsOfAddress(2))
	location := p.create("Upload-Length: 10", "X-Forwarded-For: 203.0.113.9")
	held := func(from string) *wire {
		t.Helper()
		before := p.Bodies()
		w := p.dial()
		w.begin("POST", "/files/", offsetStream, "Upload-Length: 10", "Content-Length: 10", "X-Forwarded-For: "+from)
		until(t, "the body runs", func() bool { return p.Bodies() == before+1 })
		return w
	}
	one := held("192.0.2.1")
	held("10.0.0.1, 192.0.2.1") // what the client itself wrote before is not believed
	held("2001:db8::1")
	held("2001:db8::2")
	proxy := p.dial()
	for _, from := range []string{"192.0.2.1", "2001:db8::ffff"} {
		for _, method := range []string{"GET", "HEAD", "DELETE"} {
			mustRefuse(t, method, proxy.asks(method, location, "X-Forwarded-For: "+from), "ERR_TOO_MANY_CONNECTIONS")
		}
	}
	// The connection is the proxy's, and others' requests come on it too.
	for _, from := range []string{"192.0.2.2", "2001:db8:0:1::1"} {
		if a := proxy.asks("HEAD", location, "X-Forwarded-For: "+from); a.status != 200 {
			t.Errorf("%s: %v", from, a)
		}
	}
	one.send("1234567890")
	if a := one.mustHear("POST"); a.status != 201 {
		t.Fatal(a)
	}
	until(t, "the request has ended", func() bool { return p.Bodies() == 3 })
	if a := proxy.asks("HEAD", location, "X-Forwarded-For: 192.0.2.1"); a.status != 200 {
		t.Errorf("when there is room again: %v", a)
	}
	p.stop()
	if n := p.LimitedClients(); n != 0 {
		t.Errorf("%d clients are counted though nothing runs", n)
	}
}

// The requests of one HTTP/2 connection are counted, and a client that is alone at its address is never refused: it
// waits for its own.
func TestHTTP2Requests(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	p := run(t, connectionsOfAddress(3), func(c *config.Config) { c.TLSCert, c.TLSKey = certFile, keyFile })
	p.url = "https://" + p.Addr()
	p.http.Transport = http2Only(pool)
	var hear []func() answer
	var locations []string
	for i := range 3 {
		locations = append(locations, p.create("Upload-Length: 10"))
		hear = append(hear, p.held(t, "PATCH", locations[i], "12345", "Upload-Offset: 0"))
		until(t, "it runs", func() bool { return p.Bodies() == i+1 })
	}
	// A second connection may come, but no request of it.
	other := *p
	other.http = &http.Client{Transport: http2Only(pool), Timeout: bound}
	mustRefuse(t, "GET", other.do("GET", "/healthz", ""), "ERR_TOO_MANY_CONNECTIONS")
	mustRefuse(t, "HEAD", other.do("HEAD", locations[0], ""), "ERR_TOO_MANY_CONNECTIONS")
	p.CutBodies()
	for _, h := range hear {
		if a := h(); a.status != 503 {
			t.Error(a)
		}
	}
	if a := other.do("HEAD", locations[0], ""); a.status != 200 {
		t.Errorf("when there is room again: %v", a)
	}
}

// So many uploads of a client may be sent at once. What carries no body, and what takes a lost request's place, is none.
func TestUploadsAtOnce(t *testing.T) {
	p := run(t, behindProxy, func(c *config.Config) { c.LimitOwnerUploads = 2 })
	const me, other = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"
	first := p.create("Upload-Length: 10", me)
	one := p.dial()
	one.begin("PATCH", first, offsetStream, "Upload-Offset: 0", "Content-Length: 10", me)
	one.send("12345")
	until(t, "5 bytes are there", func() bool { return p.offset(first) == "5" })
	two := p.dial()
	two.begin("POST", "/upload", "Content-Type: multipart/form-data; boundary=B", "Content-Length: 1000", me)
	until(t, "two bodies run", func() bool { return p.Bodies() == 2 })

	second := p.create("Upload-Length: 10", me)
	mustRefuse(t, "PATCH", p.patch(second, 0, "x", me), "ERR_TOO_MANY_UPLOADS")
	mustRefuse(t, "POST", p.do("POST", "/files/", "x", offsetStream, "Upload-Length: 10", me), "ERR_TOO_MANY_UPLOADS")
	mustRefuse(t, "POST", p.do("POST", "/upload", "x", "Content-Type: multipart/form-data; boundary=B", me), "ERR_TOO_MANY_UPLOADS")
	if a := p.do("HEAD", second, "", me); a.status != 200 {
		t.Errorf("HEAD heard %v", a)
	}
	if a := p.do("DELETE", second, "", me); a.status != 204 {
		t.Errorf("DELETE heard %v", a)
	}
	p.upload("x", "Upload-Length: 1", other)

	// Its network has changed: it goes on where it was.
	if a := p.patch(first, 5, "67890", me); a.status != 204 {
		t.Errorf("the PATCH that takes over heard %v", a)
	}
	if a := one.mustHear("PATCH"); a.status != 423 {
		t.Errorf("the lost one heard %v", a)
	}
	until(t, "both have ended", func() bool { return p.Bodies() == 1 })
	p.upload("x", "Upload-Length: 1", me)
	p.stop()
	if n := p.LimitedClients(); n != 0 {
		t.Errorf("%d clients are counted though nothing runs", n)
	}
}

// A panic lets go of what its request held.
func TestSharesAfterPanic(t *testing.T) {
	p := prepare(t, func() config.Config {
		c := settings(t)
		behindProxy(&c)
		c.LimitAddressConnections, c.LimitOwnerUploads = 1, 1
		return c
	}())
	p.WrapRoutes(func(routes http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			routes.ServeHTTP(w, r)
			if r.Header.Get("X-Request-ID") == "panic" {
				panic("told so")
			}
		})
	})
	p.start()
	for range 3 {
		_, _ = p.try("POST", "/files/", strings.NewReader("x"), offsetStream, "Upload-Length: 2", "X-Request-ID: panic")
	}
	p.upload("x", "Upload-Length: 1")
	p.stop()
	if n := p.LimitedClients(); n != 0 {
		t.Errorf("%d clients are counted though nothing runs", n)
	}
}
