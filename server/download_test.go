package server_test

import (
	"fmt"
	"strings"
	"testing"

	"plateau/config"
)

// file makes a finished upload with a name and a type.
func (p *plateau) file(data, name, mediaType string) string {
	p.t.Helper()
	return p.upload(data, fmt.Sprint("Upload-Length: ", len(data)), "Upload-Metadata: filename "+b64(name)+",filetype "+b64(mediaType))
}

func TestDownload(t *testing.T) {
	p := run(t)
	location := p.file("0123456789", "digits.txt", "text/plain")
	whole := p.do("GET", location, "")
	if whole.status != 200 || whole.body != "0123456789" || whole.get("Content-Length") != "10" {
		t.Fatalf("%v", whole)
	}
	for name, want := range map[string]string{
		"Content-Type":            "text/plain",
		"Content-Disposition":     `inline; filename="digits.txt"`,
		"Content-Security-Policy": "default-src 'none'; sandbox",
		"X-Content-Type-Options":  "nosniff",
		"Referrer-Policy":         "no-referrer",
		"Cache-Control":           "private",
		"Accept-Ranges":           "bytes",
		"ETag":                    `"` + idOf(location) + `"`,
	} {
		if got := whole.get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if whole.get("Last-Modified") == "" {
		t.Error("no Last-Modified")
	}
	for _, c := range []struct {
		header, value string
		status        int
		body          string
	}{
		{"Range", "bytes=2-4", 206, "234"},
		{"Range", "bytes=7-", 206, "789"},
		{"Range", "bytes=-2", 206, "89"},
		{"Range", "bytes=0-100", 206, "0123456789"},
		{"If-None-Match", whole.get("ETag"), 304, ""},
		{"If-None-Match", `"other"`, 200, "0123456789"},
		{"If-Modified-Since", whole.get("Last-Modified"), 304, ""},
		{"If-Match", `"other"`, 412, "ERR_PRECONDITION_FAILED: a condition of the request is not met\n"},
	} {
		a := p.do("GET", location, "", c.header+": "+c.value)
		if a.status != c.status || a.body != c.body {
			t.Errorf("%s: %s: %v", c.header, c.value, a)
		}
		if a.get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s: not nosniff", c.header, c.value)
		}
	}
	if a := p.do("GET", location, "", "Range: bytes=2-4"); a.get("Content-Range") != "bytes 2-4/10" {
		t.Errorf("Content-Range %q", a.get("Content-Range"))
	}
	if a := p.do("GET", location, "", "Range: bytes=2-3,5-6"); a.status != 206 || !strings.Contains(a.body, "\r\n\r\n23\r\n") || !strings.Contains(a.body, "\r\n\r\n56\r\n") {
		t.Errorf("two ranges: %v", a)
	}
	if a := p.do("GET", location, "", "If-Range: \"other\"", "Range: bytes=2-4"); a.status != 200 {
		t.Errorf("If-Range of another: %v", a)
	}
	a := p.do("GET", location, "", "Range: bytes=10-")
	if a.status != 416 || a.get("Content-Range") != "bytes */10" {
		t.Errorf("a range beyond the end: %v", a)
	}
	// HEAD speaks of the upload, whatever GET would send.
	head := p.do("HEAD", location, "")
	if head.status != 200 || head.get("Upload-Offset") != "10" || head.get("Upload-Length") != "10" ||
		head.get("Content-Type") != "" || head.get("Cache-Control") != "no-store" || head.get("Upload-Metadata") == "" {
		t.Errorf("HEAD: %v", head)
	}
}

func TestLargeDownload(t *testing.T) {
	p := run(t)
	data := randomText(seeded(t), 3<<20)
	location := p.file(data, "large", "application/x-large")
	if a := p.do("GET", location, ""); a.body != data {
		t.Errorf("%d bytes differ from the %d sent", len(a.body), len(data))
	}
	if a := p.do("GET", location, "", fmt.Sprintf("Range: bytes=%d-%d", 1000, 2<<20)); a.body != data[1000:2<<20+1] {
		t.Error("the range differs")
	}
}

func TestDownloadTypesAndNames(t *testing.T) {
	p := run(t)
	for _, c := range []struct{ name, mediaType, wantType, wantDisposition string }{
		{"a.png", "image/png", "image/png", `inline; filename="a.png"`},
		{"a.mp4", "Video/MP4", "video/mp4", `inline; filename="a.mp4"`},
		{"a.html", "text/html", "text/html", `attachment; filename="a.html"`},
		{"a.svg", "image/svg+xml", "image/svg+xml", `attachment; filename="a.svg"`},
		{"a.pdf", "application/pdf", "application/pdf", `attachment; filename="a.pdf"`},
		{"a.xml", "text/xml", "text/xml", `attachment; filename="a.xml"`},
		{"a.js", "text/javascript", "text/javascript", `attachment; filename="a.js"`},
		{"a", "", "application/octet-stream", `attachment; filename="a"`},
		{"a", "nonsense;;;", "application/octet-stream", `attachment; filename="a"`},
		{"a", "text/html\r\nX-Evil: 1", "application/octet-stream", `attachment; filename="a"`},
		{"größe 100%.txt", "text/plain; charset=utf-8", "text/plain; charset=utf-8", `inline; filename="gr__e 100_.txt"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20100%25.txt`},
		{"日本.zip", "application/zip", "application/zip", `attachment; filename="__.zip"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.zip`},
		{`a"b;c\d.txt`, "text/plain", "text/plain", `inline; filename="d.txt"`},
		{`a"b;c.txt`, "text/plain", "text/plain", `inline; filename="a_b;c.txt"; filename*=UTF-8''a%22b%3Bc.txt`},
		{"../../etc/passwd", "", "application/octet-stream", `attachment; filename="passwd"`},
		{"a\r\nX-Evil: 1", "", "application/octet-stream", `attachment; filename="aX-Evil: 1"`},
		{"it's (1)*.txt", "text/plain", "text/plain", `inline; filename="it's (1)*.txt"`},
		{"", "image/png", "image/png", "inline"},
	} {
		a := p.do("GET", p.file("x", c.name, c.mediaType), "")
		if a.status != 200 || a.get("Content-Type") != c.wantType || a.get("Content-Disposition") != c.wantDisposition || a.get("X-Evil") != "" {
			t.Errorf("%q, %q: %v", c.name, c.mediaType, a)
		}
	}
}

func TestNoDownload(t *testing.T) {
	for name, downloads := range map[string]string{"on": "true", "off": "false"} {
		t.Run(name, func(t *testing.T) {
			p := run(t, func(c *config.Config) { c.Downloads = downloads })
			locations := map[string]string{
				"receiving": p.upload("12345", "Upload-Length: 10"),
				"deferred":  p.upload("12345", "Upload-Defer-Length: 1"),
				"part":      p.upload("12345", "Upload-Length: 5", "Upload-Concat: partial"),
				"unknown":   "/files/0123456789abcdef0123456789abcdef",
			}
			if downloads == "false" {
				locations["finished"] = p.upload("12345", "Upload-Length: 5")
			}
			for state, location := range locations {
				a := p.do("GET", location, "")
				if a.status != 404 || strings.Contains(a.body, "12345") {
					t.Errorf("%s: %v", state, a)
				}
				checkError(t, "GET", a, p.dir)
			}
		})
	}
}
