package server_test

import (
	"net"
	"strings"
	"testing"

	"plateau/config"
)

// s3Away makes a server keep uploads in a bucket at an address where nobody listens.
func s3Away(t *testing.T) func(*config.Config) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) {
		c.Store, c.S3Bucket, c.S3Endpoint = "s3", "uploads", endpoint
		c.Durability = "finish"
	}
}

// A server starts and is ready while its bucket is away, and says so. Who uploads
// hears that it passes: nobody throws an upload away.
func TestBucketAway(t *testing.T) {
	p := run(t, s3Away(t))
	location := "/files/019ae0000000" + strings.Repeat("0", 20) + "+abc-._~="
	for _, c := range []struct {
		method, path, body string
		headers            []string
		status             int
	}{
		{"POST", "/files/", "", []string{"Upload-Length: 5"}, 503},
		{"PATCH", location, "12345", []string{offsetStream, "Upload-Offset: 0"}, 503},
		{"HEAD", location, "", nil, 423},
		{"GET", location, "", nil, 503},
		{"DELETE", location, "", nil, 503},
	} {
		a := p.do(c.method, c.path, c.body, c.headers...)
		if a.status != c.status || c.method != "HEAD" && a.code() != "ERR_STORAGE_AWAY" {
			t.Errorf("%s heard %v", c.method, a)
		}
		checkError(t, c.method, a, p.dir)
	}
	a := p.do("GET", "/readyz", "")
	if a.status != 200 || !strings.Contains(a.body, "S3: the endpoint can't be reached, for ") {
		t.Errorf("/readyz says %v", a)
	}
	if !strings.Contains(p.log.String(), "S3 is in trouble: the endpoint can't be reached") {
		t.Errorf("the log doesn't say that the bucket is away:\n%s", p.log)
	}
	p.metric(`plateau_errors_total{code="ERR_STORAGE_AWAY"} 5`)
}
