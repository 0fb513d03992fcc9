package server

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"
)

// certificate is the TLS certificate of the public listener, which can be read
// again while connections use it.
type certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// load reads both files; after an error the last certificate stays.
func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("load --tls-cert and --tls-key: %w", err)
	}
	c.current.Store(&pair)
	return nil
}

// config is for the listener: each new connection gets the certificate of then.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// expires is the end of the certificate's time.
func (c *certificate) expires() time.Time {
	if leaf := c.current.Load().Leaf; leaf != nil {
		return leaf.NotAfter
	}
	return time.Time{}
}
