package bucket

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"
)

// pool is an HTTP client with connections of its own. It has no timeout over all:
// each attempt's context has one.
type pool struct {
	*http.Client
	transport *http.Transport
}

// newPool has at most conns connections, and keeps as many; 0: as many as are asked
// for, of which 64 are kept.
func newPool(conns int, roots *x509.CertPool) *pool {
	t := newTransport(roots)
	t.MaxConnsPerHost = conns
	t.MaxIdleConnsPerHost = conns
	if conns == 0 {
		t.MaxIdleConnsPerHost = 64
	}
	return &pool{
		Client: &http.Client{
			Transport: t,
			// A redirect would go to another region with this one's signature.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		transport: t,
	}
}

func newTransport(roots *x509.CertPool) *http.Transport {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       30 * time.Second,
		DisableCompression:    true,
	}
	if roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return t
}

func (p *pool) close() { p.transport.CloseIdleConnections() }
