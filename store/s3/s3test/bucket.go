package s3test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// NewBucket makes a bucket and returns its name. It goes with the test, and all that is in it.
func (g *Gateway) NewBucket(t testing.TB) string {
	t.Helper()
	bucket := "test-" + strings.ToLower(rand.Text())
	if err := g.createBucket(bucket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Behind the gateway's back, since it may be stopped by now. What is left goes with its folder.
		if err := os.RemoveAll(filepath.Join(g.Folder, bucket)); err != nil {
			t.Logf("remove a bucket: %v", err)
		}
	})
	return bucket
}

// Path is the file of an object, whether it is there or not.
func (g *Gateway) Path(bucket, key string) string {
	return filepath.Join(g.Folder, bucket, filepath.FromSlash(key))
}

func (g *Gateway) createBucket(bucket string) error {
	status, err := g.call(http.MethodPut, "/"+bucket)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	if err != nil {
		return fmt.Errorf("make bucket %s: %w\n%s", bucket, err, &g.said)
	}
	return nil
}

// call makes a signed request without a body.
func (g *Gateway) call(method, path string) (status int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, g.Endpoint+path, nil)
	if err != nil {
		return 0, err
	}
	g.Sign(req)
	resp, err := g.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// trusting is nil without a certificate.
func trusting(ca []byte) *tls.Config {
	if ca == nil {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}
