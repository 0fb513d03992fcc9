package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

const (
	shortHeader = 300 * time.Millisecond
	shortIdle   = 600 * time.Millisecond
)

// runShort starts a server that waits only so long for headers and for the next request, and with TLS if a pool is wanted.
func runShort(t *testing.T, secure bool) (p *plateau, pool *x509.CertPool) {
	t.Helper()
	cfg := settings(t)
	cfg.IdleTimeout = bound // of bodies: what ends here is ended by something else
	if secure {
		cfg.TLSCert, cfg.TLSKey, pool = certificate(t)
	}
	p = prepare(t, cfg)
	p.SetTimeouts(shortHeader, shortIdle)
	return p.start(), pool
}

// trickles sends text byte by byte until the server closes the connection, which it must.
func (w *wire) trickles(text string, every time.Duration) {
	w.t.Helper()
	gone := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, w.in)
		gone <- err
	}()
	tick := time.NewTicker(every)
	defer tick.Stop()
	late := time.After(bound / 2)
	for i := 0; ; i++ {
		select {
		case <-gone:
			return
		case <-late:
			w.t.Errorf("the connection is still open after %d bytes", i)
			_ = w.Close()
			<-gone
			return
		case <-tick.C:
			if text != "" {
				_, _ = w.Write([]byte{text[i%len(text)]}) // an error: it is closed, and the reader says so
			}
		}
	}
}

// dialTLS connects and speaks TLS, and a protocol.
func (p *plateau) dialTLS(pool *x509.CertPool, protocol string) *wire {
	p.t.Helper()
	c, err := tls.Dial("tcp", p.Addr(), &tls.Config{RootCAs: pool, NextProtos: []string{protocol}})
	if err != nil {
		p.t.Fatal(err)
	}
	if got := c.ConnectionState().NegotiatedProtocol; got != protocol {
		p.t.Fatalf("the server speaks %q", got)
	}
	return newWire(p.t, c)
}

// http2 is a connection that has begun to speak HTTP/2.
func (p *plateau) http2(pool *x509.CertPool) *wire {
	p.t.Helper()
	w := p.dialTLS(pool, "h2")
	w.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	w.frame(http2Settings, 0, 0, "")
	return w
}

const (
	http2Headers      = 1
	http2Settings     = 4
	http2Ping         = 6
	http2WindowUpdate = 8
	endStream         = 1
	endHeaders        = 4
)

// frame sends a frame of HTTP/2 (RFC 9113, 4.1).
func (w *wire) frame(kind, flags byte, stream uint32, payload string) {
	w.t.Helper()
	w.send(frameHead(kind, flags, stream, len(payload)) + payload)
}

func frameHead(kind, flags byte, stream uint32, length int) string {
	return string([]byte{
		byte(length >> 16), byte(length >> 8), byte(length), kind, flags,
		byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream),
	})
}

// Whatever a client does slowly before its request has begun, its connection ends.
func TestSlowloris(t *testing.T) {
	plain, _ := runShort(t, false)
	secure, pool := runShort(t, true)
	const every = 20 * time.Millisecond
	head := "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Padding: " + strings.Repeat("a", 100_000)
	for name, slow := range map[string]func(t *testing.T){
		"silence":               func(t *testing.T) { plain.in(t).dial().trickles("", every) },
		"a header byte by byte": func(t *testing.T) { plain.in(t).dial().trickles(head, every) },
		"empty lines first":     func(t *testing.T) { plain.in(t).dial().trickles("\r\n", every) },
		"the next request's header byte by byte": func(t *testing.T) {
			w := plain.in(t).dial()
			w.asks("GET", "/healthz")
			w.trickles(head, every)
		},
		"no next request": func(t *testing.T) {
			w := plain.in(t).dial()
			w.asks("GET", "/healthz")
			w.trickles("", every)
		},
		"no TLS handshake": func(t *testing.T) { secure.in(t).dial().trickles("", every) },
		"a TLS handshake byte by byte": func(t *testing.T) {
			secure.in(t).dial().trickles("\x16\x03\x01\x10\x00\x01\x00\x0f\xfc\x03\x03"+strings.Repeat("\x00", 4000), every)
		},
		"silence after the TLS handshake": func(t *testing.T) { secure.in(t).dialTLS(pool, "http/1.1").trickles("", every) },
		"a header byte by byte, over TLS": func(t *testing.T) { secure.in(t).dialTLS(pool, "http/1.1").trickles(head, every) },
		"no request of HTTP/2":            func(t *testing.T) { secure.in(t).http2(pool).trickles("", every) },
		"nothing but pings of HTTP/2":     func(t *testing.T) { secure.in(t).http2(pool).trickles(pings(200), every/10) },
		"a header of HTTP/2 byte by byte": func(t *testing.T) {
			secure.in(t).http2(pool).trickles(frameHead(http2Headers, endHeaders, 1, 10_000)+strings.Repeat("\x00", 10_000), every)
		},
		"a header of HTTP/2 without its end": func(t *testing.T) { secure.in(t).http2(pool).trickles(frameHead(http2Headers, 0, 1, 1)+"\x82", every) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slow(t)
		})
	}
}

func pings(n int) string { return strings.Repeat(frameHead(http2Ping, 0, 0, 8)+"12345678", n) }

// A body that trickles is cut by the least rate, however it is framed: what frames it doesn't count.
func TestMinRateOfEveryFraming(t *testing.T) {
	certFile, keyFile, pool := certificate(t)
	cfg := settings(t)
	cfg.IdleTimeout, cfg.MinRate = bound, 1<<20
	p := prepare(t, cfg)
	p.SetRateGrace(200 * time.Millisecond)
	p.start()
	for name, body := range map[string]struct{ header, text string }{
		"length":             {"Content-Length: 1000000", "x"},
		"chunks":             {"Transfer-Encoding: chunked", "1\r\nx\r\n"},
		"endless extension":  {"Transfer-Encoding: chunked", "1;" + strings.Repeat("x", 4000)},
		"endless chunk size": {"Transfer-Encoding: chunked", strings.Repeat("0", 4000)},
		"endless trailer":    {"Transfer-Encoding: chunked", "0\r\nX-Trailer: " + strings.Repeat("x", 4000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := p.in(t)
			location := p.create("Upload-Length: 1000000")
			w := p.dial()
			w.begin("PATCH", location, offsetStream, "Upload-Offset: 0", body.header)
			w.trickles(body.text, 10*time.Millisecond)
			until(t, "the body has ended", func() bool { return len(p.log.requests(t, "PATCH", location)) == 1 })
			if line := p.log.requests(t, "PATCH", location)[0]; line["code"] != "ERR_BODY_TOO_SLOW" && name != "endless trailer" { // of which net/http hides why it ended
				t.Errorf("%v", line)
			}
		})
	}
	t.Run("HTTP/2", func(t *testing.T) {
		t.Parallel()
		cfg := settings(t)
		cfg.IdleTimeout, cfg.MinRate, cfg.TLSCert, cfg.TLSKey = bound, 1<<20, certFile, keyFile
		p := prepare(t, cfg)
		p.SetRateGrace(200 * time.Millisecond)
		p.start()
		p.url, p.http.Transport = "https://"+p.Addr(), http2Only(pool)
		location := p.create("Upload-Length: 1000000")
		in, out := io.Pipe()
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for range time.Tick(10 * time.Millisecond) {
				if _, err := out.Write([]byte("x")); err != nil {
					return
				}
			}
		}()
		a, err := p.try("PATCH", location, in, offsetStream, "Upload-Offset: 0")
		_ = in.Close()
		<-sent
		if err != nil || a.status != 503 || a.code() != "ERR_BODY_TOO_SLOW" {
			t.Errorf("%v %v", a, err)
		}
	})
}

// A client of HTTP/2 that takes nothing any more loses its connection, however long a download may take otherwise: net/http
// would wait for ever to say goodbye.
func TestHTTP2ClientThatDoesNotRead(t *testing.T) {
	cfg := settings(t)
	var pool *x509.CertPool
	cfg.TLSCert, cfg.TLSKey, pool = certificate(t)
	p := prepare(t, cfg)
	p.SetHTTP2WriteTimeout(200 * time.Millisecond)
	p.start()
	p.url, p.http.Transport = "https://"+p.Addr(), http2Only(pool)
	const size = 32 << 20 // more than the buffers between the two
	location := p.upload(strings.Repeat("x", size), fmt.Sprint("Upload-Length: ", size))
	p.http.CloseIdleConnections()

	w := p.http2(pool)
	const wide = "\x7f\xff\x00\x00" // 2 GiB less 64 KiB
	w.frame(http2Settings, 0, 0, "\x00\x04"+wide)
	w.frame(http2WindowUpdate, 0, 0, wide)
	// HPACK (RFC 7541): GET, https, this path, this host.
	w.frame(http2Headers, endHeaders|endStream, 1, "\x82\x87\x04"+string(rune(len(location)))+location+"\x01\x01x")
	until(t, "the download has begun", func() bool { return p.Running() == 1 })
	until(t, "the download has ended", func() bool { return p.Running() == 0 })
	if lines := p.log.requests(t, "GET", location); len(lines) != 1 || lines[0]["status"] != 200.0 || lines[0]["bytes"].(float64) >= size {
		t.Errorf("the log says %v", lines)
	}
}

// A connection that is closed without having sent anything leaves nothing.
func TestConnectionsLeaveNothing(t *testing.T) {
	p := run(t, connectionsOfAddress(1000))
	for range 300 {
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(c, "GET /healthz HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	until(t, "all are forgotten", func() bool { return p.Connections("127.0.0.1") == 0 })
}
