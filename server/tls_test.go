package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plateau/config"
)

// certificate writes a key and a certificate for loopback, signed by itself.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	return certFile, keyFile, pool
}

// runTLS starts a server with TLS, and a client that speaks one protocol only.
func runTLS(t *testing.T, protocol string) *plateau {
	t.Helper()
	certFile, keyFile, pool := certificate(t)
	p := run(t, func(c *config.Config) { c.TLSCert, c.TLSKey = certFile, keyFile })
	p.url = "https://" + p.Addr()
	var protocols http.Protocols
	protocols.SetHTTP1(protocol == "HTTP/1.1")
	protocols.SetHTTP2(protocol == "HTTP/2.0")
	p.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, Protocols: &protocols}
	return p
}

// http2Only speaks HTTP/2 and nothing else.
func http2Only(pool *x509.CertPool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, Protocols: protocols}
}

// held starts a request whose body sends text and then waits until the request
// ends. Its answer comes from the function that it returns.
func (p *plateau) held(t *testing.T, method, path, text string, headers ...string) func() answer {
	t.Helper()
	in, out := io.Pipe()
	type outcome struct {
		answer answer
		err    error
	}
	heard := make(chan outcome, 1)
	go func() {
		a, err := p.try(method, path, in, append([]string{offsetStream}, headers...)...)
		_ = in.CloseWithError(io.ErrClosedPipe) // ends the writer below
		heard <- outcome{a, err}
	}()
	go func() { _, _ = io.WriteString(out, text) }() // fails if the request ended first
	return func() answer {
		t.Helper()
		o := <-heard
		_ = out.Close()
		if o.err != nil {
			t.Fatalf("%s %s: %v", method, path, o.err)
		}
		return o.answer
	}
}

func TestTLS(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			p := runTLS(t, protocol)
			response, err := p.http.Get(p.url + "/healthz")
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.Proto != protocol {
				t.Fatalf("the server speaks %s", response.Proto)
			}
			data := randomText(seeded(t), 1<<20)
			length := fmt.Sprint("Upload-Length: ", len(data))
			if got := p.data(p.upload(data, length)); got != data {
				t.Error("the bytes of POST differ")
			}
			location := p.create(length)
			p.completes(t, location, data, "0")
			if a := p.do("GET", location, ""); a.body != data {
				t.Error("the bytes of GET differ")
			}
			// Without a length: chunked, or HTTP/2's own way.
			location = p.create("Upload-Length: 5")
			if a, err := p.try("PATCH", location, io.LimitReader(strings.NewReader("12345"), 5), offsetStream, "Upload-Offset: 0"); err != nil || a.status != 204 {
				t.Errorf("a body of unknown length: %v %v", a, err)
			}
			for text, status := range map[string]int{"": 204, "x": 413} {
				if a, err := p.try("PATCH", location, io.LimitReader(strings.NewReader(text), 5), offsetStream, "Upload-Offset: 5"); err != nil || a.status != status {
					t.Errorf("%q of unknown length at the end: %v %v", text, a, err)
				}
			}
			if a := p.patch(location, 3, strings.Repeat("x", 1<<20)); a.status != 409 {
				t.Errorf("a wrong offset: %v", a)
			}

			// Take-over.
			location = p.create("Upload-Length: 10")
			hear := p.held(t, "PATCH", location, "12345", "Upload-Offset: 0")
			until(t, "5 bytes are there", func() bool { return p.offset(location) == "5" })
			if a := p.patch(location, 9, "x"); a.status != 409 {
				t.Errorf("the other PATCH heard %v", a)
			}
			if a := hear(); a.status != 423 || a.code() != "ERR_UPLOAD_TAKEN_OVER" || a.get("Retry-After") == "" {
				t.Errorf("the first PATCH heard %v", a)
			}
			p.completes(t, location, "1234567890", "5")

			// Stop.
			location = p.create("Upload-Length: 10")
			hear = p.held(t, "PATCH", location, "12345", "Upload-Offset: 0")
			hearPost := p.held(t, "POST", "/files/", "123", "Upload-Length: 10")
			until(t, "5 bytes are there", func() bool { return p.offset(location) == "5" })
			until(t, "both run", func() bool { return p.Bodies() == 2 })
			p.stop()
			if a := hear(); a.status != 503 || a.code() != "ERR_SERVER_SHUTDOWN" || a.get("Retry-After") == "" {
				t.Errorf("PATCH heard %v", a)
			}
			post := hearPost()
			if post.status != 201 || post.get("Location") == "" || post.get("Upload-Offset") == "" {
				t.Errorf("POST heard %v", post)
			}
			p = p.again()
			p.completes(t, location, "1234567890", "5")
			p.completes(t, post.get("Location"), "1234567890", post.get("Upload-Offset"))
		})
	}
}

// A body that nobody wants doesn't hold an answer up with HTTP/2 either.
func TestIdleTimeoutOverTLS(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			certFile, keyFile, pool := certificate(t)
			p := run(t, func(c *config.Config) {
				c.TLSCert, c.TLSKey, c.IdleTimeout = certFile, keyFile, time.Second
			})
			p.url = "https://" + p.Addr()
			p.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: protocol == "HTTP/2.0"}
			location := p.create("Upload-Length: 10")
			if a := p.held(t, "PATCH", location, "12345", "Upload-Offset: 0")(); a.status != 503 || a.code() != "ERR_BODY_IDLE" {
				t.Errorf("heard %v", a)
			}
			p.completes(t, location, "1234567890", "5")
		})
	}
}
