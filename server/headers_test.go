package server_test

import (
	"net/http"
	"strings"
	"testing"

	"plateau/config"
)

// Every answer keeps browsers from guessing a type, and no error is kept by a cache. What
// depends on who asks is kept by nobody else.
func TestSecurityHeaders(t *testing.T) {
	p := run(t)
	location := p.file("<script>alert(1)</script>", "a.html", "text/html")
	for _, c := range []struct {
		method, path string
		headers      []string
	}{
		{"GET", "/", nil},
		{"GET", "/healthz", nil},
		{"GET", "/readyz", nil},
		{"GET", "/nowhere", nil},
		{"OPTIONS", "/files/", nil},
		{"POST", "/files/", []string{"Upload-Length: 3"}},
		{"POST", "/files/", nil},
		{"HEAD", location, nil},
		{"GET", location, nil},
		{"GET", location, []string{"Range: bytes=0-3"}},
		{"GET", location, []string{"Range: bytes=100-"}},
		{"PATCH", location, []string{offsetStream, "Upload-Offset: 7"}},
		{"GET", "/files/unknown", nil},
		{"POST", "/upload", []string{"Content-Type: multipart/form-data; boundary=x"}},
		{"BREW", "/upload", nil},
		{"DELETE", location, nil},
	} {
		a := p.do(c.method, c.path, "", c.headers...)
		if a.get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: not nosniff: %v", c.method, c.path, a)
		}
		if a.status >= 400 && a.get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %v", c.method, c.path, a)
		}
		if strings.HasPrefix(a.get("Content-Type"), "text/html") && a.get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: HTML without a policy: %v", c.method, c.path, a)
		}
		for _, name := range []string{"Server", "X-Powered-By", "Set-Cookie", "Strict-Transport-Security", "Access-Control-Allow-Credentials"} {
			if a.get(name) != "" {
				t.Errorf("%s %s: %s: %s", c.method, c.path, name, a.get(name))
			}
		}
	}
}

// Pages elsewhere may show a download where CORS lets some, else none may.
func TestWhoMayShowDownloads(t *testing.T) {
	for want, origins := range map[string][][]string{"cross-origin": {{"*"}, {"https://app.example"}}, "same-origin": {nil}} {
		for _, list := range origins {
			p := run(t, func(c *config.Config) { c.CORSOrigins = list })
			a := p.do("GET", p.file("x", "a.png", "image/png"), "")
			if a.status != 200 || a.get("Cross-Origin-Resource-Policy") != want {
				t.Errorf("%q: %v", list, a)
			}
		}
	}
}

// What operators see has no way out through the public listener, however it is asked for,
// and what clients do none through the operators'.
func TestListenersShareNothing(t *testing.T) {
	p := run(t, func(c *config.Config) { c.AdminToken = "hunter2" })
	token := "Authorization: Bearer hunter2"
	for _, path := range []string{
		"/metrics", "//metrics", "/METRICS", "/metrics/", "/%6detrics", "/./metrics", "/files/../metrics", "/files/%2e%2e/metrics",
		"/debug/", "/debug/flags", "/debug/flame/", "/debug/flight", "/debug/fgprof?seconds=1", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline",
		"/api/", "/api/live", "/operator/", "/operator/index.html", "/config",
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			for _, host := range []string{"", "http://" + p.AdminAddr(), "http://localhost:9091"} {
				w := p.dial()
				w.begin(method, host+path, token, "Content-Length: 0")
				if a := w.mustHear(method); a.status != 404 && a.status != 405 {
					t.Errorf("%s %s on the public listener: %v", method, host+path, a)
				}
			}
		}
	}
	for _, method := range []string{"GET", "POST", "OPTIONS", "PATCH", "DELETE"} {
		if a := p.do(method, "http://"+p.AdminAddr()+"/files/", "", token, "Upload-Length: 3"); a.status/100 == 2 {
			t.Errorf("%s /files/ on the admin listener: %v", method, a)
		}
		if a := p.do(method, "http://"+p.AdminAddr()+"/upload", "", token); a.status/100 == 2 {
			t.Errorf("%s /upload on the admin listener: %v", method, a)
		}
	}
	if a := p.do("OPTIONS", "http://"+p.AdminAddr()+"/metrics", "", "Origin: https://app.example"); a.get("Access-Control-Allow-Origin") != "" || a.status != http.StatusUnauthorized {
		t.Errorf("a preflight on the admin listener: %v", a)
	}
}

// With one address for both nothing starts.
func TestOneAddressForBothListeners(t *testing.T) {
	cfg := settings(t)
	cfg.Listen = nobody(t)
	cfg.AdminListen, cfg.Auth = ":"+cfg.Listen[strings.LastIndexByte(cfg.Listen, ':')+1:], "none"
	cfg.AdminToken = "hunter2"
	p := prepare(t, cfg)
	if err := p.Start(t.Context()); err == nil {
		t.Errorf("it listens at %s and at %s", p.Addr(), p.AdminAddr())
	}
}
