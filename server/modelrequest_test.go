package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ask is a request of the model's clients.
type ask struct {
	method, path string
	who          string // whose token comes with it; empty: none
	version      bool   // whether it is tus 1.0.0
	header       []string
	body         []byte
	declared     int64 // Content-Length; -1: chunked
	cut          bool  // the connection breaks after body
}

// brokenOff is a body that ends before its time.
type brokenOff struct{ io.Reader }

func (b brokenOff) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// heard is a ResponseWriter that keeps an answer.
type heard struct {
	now    http.Header
	status int
	header http.Header // when status was said
	body   bytes.Buffer
}

func (h *heard) Header() http.Header { return h.now }

func (h *heard) WriteHeader(status int) {
	if h.status == 0 && status >= 200 {
		h.status, h.header = status, h.now.Clone()
	}
}

func (h *heard) Write(p []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(p)
}

func (h *heard) SetReadDeadline(time.Time) error  { return nil }
func (h *heard) SetWriteDeadline(time.Time) error { return nil }

// request is what net/http would make of it.
func (w *world) request(a ask) *http.Request {
	r := &http.Request{
		Method: a.method, URL: &url.URL{Path: a.path}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Host: "plateau.example", RemoteAddr: "127.0.0.1:1", Body: http.NoBody, ContentLength: a.declared, RequestURI: a.path,
	}
	if a.declared < 0 {
		r.TransferEncoding = []string{"chunked"}
	}
	if a.declared != 0 {
		var body io.Reader = bytes.NewReader(a.body)
		if a.cut {
			body = brokenOff{body}
		}
		r.Body = io.NopCloser(body)
	}
	if a.version {
		r.Header.Set("Tus-Resumable", "1.0.0")
	}
	if a.who != "" {
		r.Header.Set("Authorization", "Bearer "+w.tokens[a.who])
	}
	for _, h := range a.header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r.WithContext(w.t.Context())
}

// send sends a request and checks what holds for every answer.
func (w *world) send(a ask) answer {
	h := &heard{now: http.Header{}}
	broken := w.serve(h, a)
	got := answer{h.status, h.header, h.body.String()}
	w.trace = append(w.trace, fmt.Sprintf("%s %s by %q, version %v, %q, body %d of %d, cut %v: %d at %q of %q, %s %.60q",
		a.method, a.path, a.who, a.version, a.header, len(a.body), a.declared, a.cut,
		got.status, got.get("Upload-Offset"), got.get("Upload-Length"), got.get("Location"), got.body))
	method := w.method(a)
	switch {
	case broken != nil:
		w.fail("the handler panicked: %v", broken)
	case got.status == 0 || got.status >= 500:
		w.fail("no answer, or that of a fault")
	case method == "HEAD" && got.body != "":
		w.fail("HEAD has a body")
	case got.get("X-Content-Type-Options") != "nosniff":
		w.fail("not nosniff")
	case got.status < 400:
		return got
	case got.get("Upload-Offset") != "" || got.get("Location") != "" || got.get("Cache-Control") != "no-store":
		w.fail("an error with the header of a success")
	case method != "HEAD" && !strings.HasPrefix(got.body, "ERR_"):
		w.fail("an error without a code")
	case strings.Contains(got.body, w.dir) || strings.Contains(got.body, "uploads/"):
		w.fail("an error names a path")
	}
	if n, err := strconv.Atoi(got.get("Content-Length")); err == nil && method != "HEAD" && n != len(got.body) {
		w.fail("Content-Length is %d", n)
	}
	return got
}

// serve has the server answer, and returns what it panicked with.
func (w *world) serve(h *heard, a ask) (broken any) {
	defer func() { broken = recover() }()
	w.edge.ServeHTTP(h, w.request(a))
	return nil
}

// method is the request's method as the server takes it.
func (w *world) method(a ask) string {
	for _, h := range a.header {
		if override, ok := strings.CutPrefix(h, "X-HTTP-Method-Override: "); ok && a.method == "POST" {
			return strings.ToUpper(override)
		}
	}
	return a.method
}

// expects checks a status: one of the mistakes' if there are some, else right.
func (w *world) expects(got answer, mistakes []int, right int) bool {
	if len(mistakes) == 0 {
		mistakes = []int{right}
	}
	for _, status := range mistakes {
		if got.status == status {
			return status == right
		}
	}
	w.fail("heard %d, want one of %d", got.status, mistakes)
	return false
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(w.trace, "\n"))
}
