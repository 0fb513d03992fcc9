package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

func TestGzip(t *testing.T) {
	files := built()
	script := strings.Repeat("const a = 1;\n", 1000)
	files["assets/big.js"] = &fstest.MapFile{Data: []byte(script)}
	h := newTestHandler(t, files)

	plain := do(t, h, http.MethodGet, "/assets/big.js")
	if plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Vary") != "Accept-Encoding" || body(t, plain) != script {
		t.Errorf("without Accept-Encoding: %v", plain.Header)
	}
	packed := do(t, h, http.MethodGet, "/assets/big.js", "Accept-Encoding", "br, gzip;q=0.8")
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" ||
		packed.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("gzip: %v", packed.Header)
	}
	raw := body(t, packed)
	if length := packed.Header.Get("Content-Length"); length != strconv.Itoa(len(raw)) {
		t.Errorf("Content-Length %q, body of %d bytes", length, len(raw))
	}
	z, err := gzip.NewReader(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != script {
		t.Errorf("unpacked: %d bytes, %v", len(text), err)
	}

	tag := packed.Header.Get("ETag")
	if tag == plain.Header.Get("ETag") {
		t.Errorf("both forms have the ETag %s", tag)
	}
	again := do(t, h, http.MethodGet, "/assets/big.js", "Accept-Encoding", "gzip", "If-None-Match", tag)
	if again.StatusCode != http.StatusNotModified || body(t, again) != "" || again.Header.Get("Content-Length") != "" {
		t.Errorf("unchanged: %s %v", again.Status, again.Header)
	}
	head := do(t, h, http.MethodHead, "/assets/big.js", "Accept-Encoding", "gzip")
	if head.Header.Get("Content-Length") != strconv.Itoa(len(raw)) || body(t, head) != "" {
		t.Errorf("HEAD: %v", head.Header)
	}
	part := do(t, h, http.MethodGet, "/assets/big.js", "Accept-Encoding", "gzip", "Range", "bytes=6-10")
	if part.StatusCode != http.StatusPartialContent || part.Header.Get("Content-Encoding") != "" || body(t, part) != "a = 1" {
		t.Errorf("a range: %s %v", part.Status, part.Header)
	}
	if small := do(t, h, http.MethodGet, "/assets/app.js", "Accept-Encoding", "gzip"); small.Header.Get("Content-Encoding") != "" {
		t.Errorf("nine bytes are compressed: %v", small.Header)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "deflate, gzip;q=1.0, *;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0": false,
		"gzip ; q=0.001": true, "br": false, "x-gzip": false, "*": false,
	} {
		if got := acceptsGzip(http.Header{"Accept-Encoding": {header}}); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
