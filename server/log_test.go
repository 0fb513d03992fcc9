package server_test

import (
	"net/netip"
	"strings"
	"testing"

	"plateau/config"
)

// the one line about a request; it is written after the answer.
func (p *plateau) line(method, path string) map[string]any {
	p.t.Helper()
	until(p.t, "a line about "+method+" "+path, func() bool { return len(p.log.requests(p.t, method, path)) > 0 })
	until(p.t, "no request runs", func() bool { return p.Running() == 0 })
	lines := p.log.requests(p.t, method, path)
	if len(lines) != 1 {
		p.t.Errorf("%d lines about %s %s", len(lines), method, path)
	}
	return lines[0]
}

func TestLogLine(t *testing.T) {
	p := run(t)
	location := p.do("POST", "/files/", "12345", offsetStream, "Upload-Length: 10", "X-Request-ID: first").get("Location")
	p.patch(location, 5, "678")
	p.patch(location+"0", 5, "678")
	p.do("DELETE", location, "", "Tus-Resumable: 9", "X-Request-ID: "+strings.Repeat("x", 1000))
	p.do("GET", "/files/../x%0Ay", "")
	for _, c := range []struct {
		method, path string
		want         map[string]any
	}{
		{"POST", "/files/", map[string]any{"level": "INFO", "upload": idOf(location), "status": 201., "bytes": 5., "client": "127.0.0.1", "request_id": "first"}},
		{"PATCH", location, map[string]any{"level": "INFO", "upload": idOf(location), "status": 204., "bytes": 3., "request_id": nil, "code": nil, "error": nil}},
		{"PATCH", location + "0", map[string]any{"level": "INFO", "upload": idOf(location) + "0", "status": 404., "code": "ERR_UPLOAD_NOT_FOUND"}},
		{"DELETE", location, map[string]any{"status": 412., "code": "ERR_UNSUPPORTED_VERSION", "request_id": strings.Repeat("x", 128)}},
		{"GET", "/files/../x\ny", map[string]any{"status": 404., "upload": "", "code": "ERR_UPLOAD_NOT_FOUND"}},
	} {
		line := p.line(c.method, c.path)
		for name, want := range c.want {
			if line[name] != want {
				t.Errorf("%s %q: %s is %v, want %v", c.method, c.path, name, line[name], want)
			}
		}
		if took, ok := line["duration"].(float64); !ok || took <= 0 {
			t.Errorf("%s: duration %v", c.method, line["duration"])
		}
	}
}

func TestLogOfServing(t *testing.T) {
	p := run(t)
	for _, line := range p.log.all(t) {
		if line["msg"] == "serving" {
			if line["listen"] != p.Addr() || line["url"] != "http://"+p.Addr()+"/files/" || line["admin"] != p.AdminAddr() {
				t.Errorf("%v", line)
			}
			return
		}
	}
	t.Error("no line says where the server serves")
}

func TestClientBehindProxies(t *testing.T) {
	prefixes := func(c *config.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	}
	for name, c := range map[string]struct {
		trust     func(*config.Config)
		forwarded []string
		want      string
	}{
		"nobody is trusted":      {func(*config.Config) {}, []string{"192.0.2.1"}, "127.0.0.1"},
		"no header":              {prefixes, nil, "127.0.0.1"},
		"one hop":                {prefixes, []string{"192.0.2.1"}, "192.0.2.1"},
		"a forged first hop":     {prefixes, []string{"198.51.100.9, 192.0.2.1"}, "192.0.2.1"},
		"more proxies":           {prefixes, []string{"198.51.100.9, 192.0.2.1, 10.1.2.3", "2001:db8::1"}, "192.0.2.1"},
		"IPv6":                   {prefixes, []string{"2001:db9::7,10.0.0.1"}, "2001:db9::7"},
		"IPv4 as IPv6":           {prefixes, []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		"nothing but proxies":    {prefixes, []string{"10.0.0.7, 10.0.0.8"}, "10.0.0.7"},
		"nonsense before":        {prefixes, []string{"<script>, 192.0.2.1"}, "192.0.2.1"},
		"nonsense at the end":    {prefixes, []string{"192.0.2.1, nonsense"}, "127.0.0.1"},
		"nonsense after a proxy": {prefixes, []string{"nonsense, 10.0.0.7"}, "10.0.0.7"},
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, c.trust)
			var headers []string
			for _, f := range c.forwarded {
				headers = append(headers, "X-Forwarded-For: "+f)
			}
			p.do("GET", "/healthz", "", headers...)
			if got := p.line("GET", "/healthz")["client"]; got != c.want {
				t.Errorf("the client is %v, want %s", got, c.want)
			}
		})
	}
}
