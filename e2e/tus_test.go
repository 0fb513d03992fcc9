package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"
)

// answer is what a server said to a plain tus request.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // the connection ended without an answer
}

func (a answer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	return fmt.Sprintf("%d %s", a.status, a.body)
}

func (a answer) offset() int64 {
	n, err := strconv.ParseInt(a.header.Get("Upload-Offset"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// tus sends plain tus requests, one connection each, so that net/http never repeats one.
type tus struct {
	ctx   context.Context
	files string // where uploads are created
	// closing adds "Connection: close" to each request, as proxies do that speak HTTP/1.0 to their servers.
	closing bool
	// kept is what all requests share their connections in; nil: each has its own.
	kept *http.Transport
}

func newTus(ctx context.Context, files string) *tus { return &tus{ctx: ctx, files: files} }

// headers is a short way to write request headers.
type headers map[string]string

// do sends one request; a relative address is resolved against the server's.
func (c *tus) do(method, address string, h headers, body []byte) answer {
	at, err := url.Parse(c.files)
	if err != nil {
		return answer{err: err}
	}
	target, err := at.Parse(address)
	if err != nil {
		return answer{err: err}
	}
	// A server that died and came back may stand at another address: only the path counts.
	target.Scheme, target.Host = at.Scheme, at.Host
	request, err := http.NewRequestWithContext(c.ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	request.Header.Set("Tus-Resumable", "1.0.0")
	for _, name := range slices.Sorted(maps.Keys(h)) {
		request.Header.Set(name, h[name])
	}
	transport := c.kept
	if transport == nil {
		transport = &http.Transport{DisableKeepAlives: c.closing}
		defer transport.CloseIdleConnections()
	}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text), err: err}
}

// create makes an upload and returns the answer; its address is the Location header.
func (c *tus) create(size int64, h headers) answer {
	all := headers{"Upload-Length": strconv.FormatInt(size, 10), "Upload-Metadata": "filename " + base64.StdEncoding.EncodeToString([]byte("e2e.bin"))}
	maps.Copy(all, h)
	if all["Upload-Length"] == "-1" {
		delete(all, "Upload-Length")
		all["Upload-Defer-Length"] = "1"
	}
	return c.do(http.MethodPost, c.files, all, nil)
}

func (c *tus) patch(address string, offset int64, body []byte, h headers) answer {
	all := headers{"Upload-Offset": strconv.FormatInt(offset, 10), "Content-Type": "application/offset+octet-stream"}
	maps.Copy(all, h)
	return c.do(http.MethodPatch, address, all, body)
}

func (c *tus) head(address string) answer { return c.do(http.MethodHead, address, nil, nil) }

func (c *tus) get(address string) answer { return c.do(http.MethodGet, address, nil, nil) }

// mustCreate makes an upload and returns its address.
func (c *tus) mustCreate(t *testing.T, size int64, h headers) string {
	t.Helper()
	a := c.create(size, h)
	if a.status != http.StatusCreated || a.header.Get("Location") == "" {
		t.Fatalf("POST: %v", a)
	}
	return a.header.Get("Location")
}

// mustPatch sends bytes at an offset and wants all of them acknowledged.
func (c *tus) mustPatch(t *testing.T, address string, offset int64, body []byte) {
	t.Helper()
	a := c.patch(address, offset, body, nil)
	if want := offset + int64(len(body)); a.status != http.StatusNoContent || a.offset() != want {
		t.Fatalf("PATCH at %d: %v with offset %d, want 204 with %d", offset, a, a.offset(), want)
	}
}

// mustHead wants an upload to stand at this offset.
func (c *tus) mustHead(t *testing.T, address string, offset int64) {
	t.Helper()
	if a := c.head(address); a.status != http.StatusOK || a.offset() != offset {
		t.Fatalf("HEAD: %v with offset %d, want 200 with %d", a, a.offset(), offset)
	}
}

// mustGet wants a finished upload to be served as it was sent.
func (c *tus) mustGet(t *testing.T, address string, want []byte) {
	t.Helper()
	if a := c.get(address); a.status != http.StatusOK || a.body != string(want) {
		t.Fatalf("GET: status %d with %d bytes, error %v; want 200 with the %d that were sent", a.status, len(a.body), a.err, len(want))
	}
}
