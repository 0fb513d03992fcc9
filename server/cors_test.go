package server_test

import (
	"slices"
	"strings"
	"testing"

	"plateau/config"
)

// The names that clients are known to need, see the lists in cors.go.
const (
	mustAllow = "Authorization, Content-Type, Origin, X-Requested-With, X-Request-ID, X-HTTP-Method-Override, Tus-Resumable, " +
		"Upload-Length, Upload-Offset, Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Checksum, Upload-Complete, " +
		"Upload-Incomplete, Upload-Draft-Interop-Version, traceparent"
	mustExpose = "Location, Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Concat, Upload-Expires, " +
		"Upload-Complete, Upload-Draft-Interop-Version, Upload-Limit, Tus-Version, Tus-Resumable, Tus-Max-Size, Tus-Extension, " +
		"Tus-Checksum-Algorithm, X-Request-ID, Retry-After"
	mustMethods = "POST, HEAD, PATCH, OPTIONS, GET, DELETE"
)

func missing(list, must string) []string {
	got := strings.Split(strings.ToLower(list), ", ")
	return slices.DeleteFunc(strings.Split(must, ", "), func(name string) bool { return slices.Contains(got, strings.ToLower(name)) })
}

func preflight(p *plateau, path, origin string) answer {
	return p.do("OPTIONS", path, "", "Tus-Resumable:", "Origin: "+origin, "Access-Control-Request-Method: PATCH",
		"Access-Control-Request-Headers: tus-resumable,upload-offset")
}

func TestCORS(t *testing.T) {
	p := run(t)
	location := p.upload("x", "Upload-Length: 1")
	for _, path := range []string{"/files/", "/files", location} {
		a := preflight(p, path, "https://app.example")
		if a.status != 204 || a.get("Access-Control-Allow-Origin") != "*" || a.get("Access-Control-Max-Age") == "" {
			t.Errorf("%s: %v", path, a)
		}
		if m := missing(a.get("Access-Control-Allow-Methods"), mustMethods); len(m) > 0 {
			t.Errorf("%s: methods that are not allowed: %v", path, m)
		}
		if m := missing(a.get("Access-Control-Allow-Headers"), mustAllow); len(m) > 0 {
			t.Errorf("%s: headers that are not allowed: %v", path, m)
		}
	}
	for name, a := range map[string]answer{
		"HEAD":       p.do("HEAD", location, "", "Origin: https://app.example"),
		"GET":        p.do("GET", location, "", "Origin: https://app.example"),
		"POST":       p.do("POST", "/files/", "", "Upload-Length: 5", "Origin: https://app.example"),
		"an error":   p.do("PATCH", location, "x", offsetStream, "Upload-Offset: 9", "Origin: https://app.example"),
		"unknown id": p.do("HEAD", "/files/unknown", "", "Origin: https://app.example"),
	} {
		if m := missing(a.get("Access-Control-Expose-Headers"), mustExpose); len(m) > 0 || a.get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: not exposed: %v; %v", name, m, a)
		}
		if a.get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials are allowed", name)
		}
		if len(a.header.Values("Access-Control-Allow-Origin")) != 1 {
			t.Errorf("%s: the origin is allowed twice", name)
		}
	}
	if a := p.do("HEAD", location, ""); a.get("Access-Control-Expose-Headers") != "" {
		t.Errorf("without an origin: %v", a)
	}
}

func TestCORSOfSomeOrigins(t *testing.T) {
	p := run(t, func(c *config.Config) { c.CORSOrigins = []string{"https://app.example", "http://localhost:3000"} })
	for origin, allowed := range map[string]string{
		"https://app.example":       "https://app.example",
		"http://localhost:3000":     "http://localhost:3000",
		"https://app.example.evil":  "",
		"https://evil.app.example":  "",
		"http://app.example":        "",
		"http://localhost:3001":     "",
		"null":                      "",
		"https://app.example, evil": "",
	} {
		for name, a := range map[string]answer{
			"preflight": preflight(p, "/files/", origin),
			"HEAD":      p.do("HEAD", "/files/unknown", "", "Origin: "+origin),
		} {
			if a.get("Access-Control-Allow-Origin") != allowed || !slices.Contains(a.header.Values("Vary"), "Origin") {
				t.Errorf("%s from %s: %v", name, origin, a)
			}
			lists := a.get("Access-Control-Allow-Headers") + a.get("Access-Control-Expose-Headers")
			if (lists != "") != (allowed != "") {
				t.Errorf("%s from %s: %v", name, origin, a)
			}
		}
	}
	none := run(t, func(c *config.Config) { c.CORSOrigins = nil })
	if a := preflight(none, "/files/", "https://app.example"); a.get("Access-Control-Allow-Origin") != "" {
		t.Errorf("no origin is allowed: %v", a)
	}
}

func TestDiscovery(t *testing.T) {
	p := run(t, func(c *config.Config) { c.MaxSize = 12345 })
	a := p.do("OPTIONS", "/files/", "", "Tus-Resumable:")
	if a.status != 204 || a.get("Tus-Version") != "1.0.0" || a.get("Tus-Max-Size") != "12345" || a.get("Tus-Resumable") != "1.0.0" {
		t.Errorf("%v", a)
	}
	extensions := strings.Split(a.get("Tus-Extension"), ",") // a client splits so, and keeps spaces
	for _, want := range []string{"creation", "creation-with-upload", "creation-defer-length", "termination", "concatenation"} {
		if !slices.Contains(extensions, want) {
			t.Errorf("%q lacks %s", a.get("Tus-Extension"), want)
		}
	}
}
