package server_test

import (
	"strings"
	"testing"

	"plateau/config"
)

func (p *plateau) admin(path string, headers ...string) answer {
	p.t.Helper()
	return p.do("GET", "http://"+p.AdminAddr()+path, "", headers...)
}

func TestMetrics(t *testing.T) {
	p := run(t)
	location := p.create("Upload-Length: 5")
	p.patch(location, 0, "12345")
	p.do("DELETE", location, "")
	p.upload("123", "Upload-Length: 3")
	p.do("HEAD", location, "")
	p.do("GET", location, "")
	p.do("BREW", "/files/", "")
	w := p.dial()
	w.begin("POST", "/files/", offsetStream, "Upload-Length: 10", "Content-Length: 10")
	until(t, "only one request runs, and its upload is counted", func() bool {
		return p.Running() == 1 && strings.Contains(p.admin("/metrics").body, "\ntusd_uploads_created 3\n")
	})
	a := p.admin("/metrics")
	if a.status != 200 {
		t.Fatal(a)
	}
	for _, want := range []string{
		`plateau_http_request_duration_seconds_count{code="204",method="PATCH"} 1`,
		`plateau_http_request_duration_seconds_count{code="201",method="POST"} 2`,
		`plateau_http_request_duration_seconds_count{code="404",method="HEAD"} 1`,
		`plateau_http_request_duration_seconds_count{code="405",method="other"} 1`,
		`plateau_http_request_duration_seconds_bucket{code="204",method="PATCH",le="+Inf"} 1`,
		"plateau_uploads_in_flight 1",
		`plateau_errors_total{code="ERR_UPLOAD_NOT_FOUND"} 2`,
		`plateau_errors_total{code="ERR_METHOD_NOT_ALLOWED"} 1`,
		"tusd_bytes_received 8",
		"tusd_uploads_created 3",
		"tusd_uploads_finished 2",
		"tusd_uploads_terminated 1",
		`tusd_requests_total{method="PATCH"} 1`,
	} {
		if !strings.Contains(a.body, "\n"+want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	for _, name := range []string{"process_resident_memory_bytes", "go_goroutines", "process_open_fds", "process_cpu_seconds_total"} {
		if !strings.Contains(a.body, "\n"+name+" ") {
			t.Errorf("no %s", name)
		}
	}
	if t.Failed() {
		for line := range strings.Lines(a.body) {
			if strings.HasPrefix(line, "plateau_") || strings.HasPrefix(line, "tusd_") {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}

func TestAdminAddresses(t *testing.T) {
	p := run(t)
	paths := []string{
		"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine?debug=1", "/debug/pprof/cmdline",
		"/debug/pprof/symbol", "/debug/pprof/profile?seconds=1", "/debug/fgprof?seconds=1",
	}
	for _, path := range paths {
		if a := p.admin(path); a.status != 200 || a.body == "" {
			t.Errorf("%s on the admin listener: %d", path, a.status)
		}
		if a := p.do("GET", path, ""); a.status != 404 {
			t.Errorf("%s on the public listener: %d", path, a.status)
		}
	}
	for _, path := range []string{"/files/", "/healthz"} {
		if a := p.admin(path); a.status != 404 {
			t.Errorf("%s on the admin listener: %d", path, a.status)
		}
	}
}

func TestAdminToken(t *testing.T) {
	p := run(t, func(c *config.Config) { c.AdminToken = "hunter2" })
	for _, c := range []struct {
		authorization string
		status        int
	}{
		{"", 401},
		{"Bearer hunter2", 200},
		{"Basic " + b64("anyone:hunter2"), 200},
		{"Basic " + b64(":hunter2"), 200},
		{"Bearer hunter", 401},
		{"Bearer hunter22", 401},
		{"Bearer ", 401},
		{"Bearer", 401},
		{"hunter2", 401},
		{"Basic " + b64("hunter2:"), 401},
		{"Basic " + b64("hunter2:wrong"), 401},
		{"Basic nonsense", 401},
	} {
		var headers []string
		if c.authorization != "" {
			headers = append(headers, "Authorization: "+c.authorization)
		}
		for _, path := range []string{"/metrics", "/debug/pprof/cmdline", "/nowhere"} {
			want := c.status
			if path == "/nowhere" && want == 200 {
				want = 404
			}
			a := p.admin(path, headers...)
			if a.status != want || (want == 401) != (a.get("WWW-Authenticate") != "") || strings.Contains(a.body, "hunter2") {
				t.Errorf("%s with %q: %v", path, c.authorization, a)
			}
		}
	}
}

func TestAdminOff(t *testing.T) {
	p := run(t, func(c *config.Config) { c.AdminListen = "" })
	if p.AdminAddr() != "" {
		t.Errorf("the admin listens at %s", p.AdminAddr())
	}
	p.upload("x", "Upload-Length: 1")
}

func TestHealth(t *testing.T) {
	p := run(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		a := p.do("GET", path, "")
		if a.status != 200 || a.get("Cache-Control") != "no-store" || a.body == "" {
			t.Errorf("%s: %v", path, a)
		}
		if a := p.do("HEAD", path, ""); a.status != 200 || a.body != "" {
			t.Errorf("HEAD %s: %v", path, a)
		}
		if a := p.do("POST", path, ""); a.status != 405 {
			t.Errorf("POST %s: %v", path, a)
		}
	}
	if a := p.do("GET", "/", ""); a.status != 200 || !strings.HasPrefix(a.get("Content-Type"), "text/html") {
		t.Errorf("the page: %v", a)
	}
}
