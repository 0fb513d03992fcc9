package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"testing"

	"plateau/config"
)

// A new certificate is served to new connections once the server is told, without a
// stop; one that can't be read changes nothing.
func TestCertificateIsReadAgain(t *testing.T) {
	certFile, keyFile, first := certificate(t)
	otherCert, otherKey, second := certificate(t)
	p := run(t, func(c *config.Config) { c.TLSCert, c.TLSKey = certFile, keyFile })
	served := func(pool *x509.CertPool) bool {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		a, err := client.Get("https://" + p.Addr() + "/healthz")
		if err != nil {
			return false
		}
		_ = a.Body.Close()
		return a.StatusCode == 200
	}
	replace := func(file, by string) {
		t.Helper()
		text, err := os.ReadFile(by)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !served(first) || served(second) {
		t.Fatal("another certificate is served than the first")
	}
	replace(certFile, otherCert) // but not its key
	p.Reload()
	if !served(first) || !strings.Contains(p.log.String(), "the old one stays") {
		t.Error("a certificate without its key was taken, or nothing was said")
	}
	replace(keyFile, otherKey)
	p.Reload()
	if served(first) || !served(second) {
		t.Error("the new certificate is not served")
	}
}
