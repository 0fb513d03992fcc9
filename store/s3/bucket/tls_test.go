package bucket

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plateau/store/s3/s3test"
)

// Over TLS it is the same: an unsigned payload, and the sum in a header.
func TestOverTLS(t *testing.T) {
	g := s3test.StartTLS(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, g.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	distrusting, _ := opened(t, optionsFor(g, g.Bucket), nil)
	err := distrusting.Check(t.Context())
	wantError(t, err, ErrRefused)
	wantWords(t, err, "certificate")

	t.Setenv("AWS_CA_BUNDLE", ca)
	b, _ := opened(t, optionsFor(g, g.Bucket), nil)
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	bad := text("x")
	bad.CRC32C++
	_, err = b.Put(t.Context(), "a", bad, Absent)
	wantError(t, err, ErrDamaged)
	id := must(b.CreateMultipart(t.Context(), "a", nil, ""))(t)
	list, all := parts(t, b, "a", id, 5*mib, 3)
	must(b.Complete(t.Context(), "a", id, list, int64(len(all))))(t)
	data, _, err := b.Read(t.Context(), "a", 6*mib)
	if err != nil || !bytes.Equal(data, all) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if c := b.calls.transport.TLSClientConfig; c == nil || c.MinVersion < tls.VersionTLS12 || http.DefaultTransport == http.RoundTripper(b.calls.transport) {
		t.Errorf("%+v", c)
	}
}

func TestCheckOfAnEndpointWithoutTLS(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	b, made := opened(t, Options{Name: "b", Endpoint: strings.Replace(plain.URL, "http:", "https:", 1), AccessKey: "a", SecretKey: "s"}, nil)
	err := b.Check(t.Context())
	wantError(t, err, ErrRefused)
	wantWords(t, err, "speaks http, not https")
	if got := Words(err); got != "the endpoint speaks http, not https" {
		t.Errorf("words %q", got)
	}
	made.want(t, "ListObjectsV2")
}
