package server_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"plateau/config"
)

// link asks for a signed address.
func (p *plateau) link(location, query string, headers ...string) (address string, expires time.Time) {
	p.t.Helper()
	a := p.do("POST", "/links/"+idOf(location)+query, "", headers...)
	var said struct {
		URL     string
		Expires time.Time
	}
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || a.status != 201 || a.get("Location") != said.URL || !strings.Contains(a.body, said.URL) || a.get("Cache-Control") != "no-store" {
		p.t.Fatalf("the link: %v (%v)", a, err)
	}
	return said.URL, said.Expires
}

// near reports whether a time is d from now, give or take half a minute.
func near(at time.Time, d time.Duration) bool { return time.Until(at.Add(-d)).Abs() < 30*time.Second }

// A signed address gives one finished upload, by GET, to whoever has it.
func TestLinks(t *testing.T) {
	p := guardedServer(t)
	alice := bearer("a-secret")
	location := p.upload("hello", "Upload-Length: 5", alice)
	other := p.upload("other", "Upload-Length: 5", alice)
	address, expires := p.link(location, "", alice)
	if !strings.HasPrefix(address, location+"?expires=") || !near(expires, 15*time.Minute) {
		t.Errorf("the link is %s until %s", address, expires)
	}
	if a := p.do("GET", address, ""); a.status != 200 || a.body != "hello" || a.get("Cache-Control") != "private, no-cache" {
		t.Errorf("GET: %v", a)
	}
	if a := p.do("GET", address+"&utm_source=mail", "", "Range: bytes=1-2", bearer("nobodys")); a.status != 206 || a.body != "el" {
		t.Errorf("a part of it: %v", a)
	}
	for _, method := range []string{"HEAD", "PATCH", "DELETE", "POST"} {
		if a := p.do(method, address, "", offsetStream, "Upload-Offset: 5"); a.status != 401 {
			t.Errorf("%s by a link: %v", method, a)
		}
	}
	if a := p.do("DELETE", address, "", bearer("b-secret")); a.status != 404 {
		t.Errorf("DELETE by a link of another owner: %v", a)
	}

	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	signature, at := u.Query().Get("signature"), u.Query().Get("expires")
	flipped := "A"
	if signature[0] == 'A' {
		flipped = "B"
	}
	for _, wrong := range []string{
		idOf(other) + "?" + u.RawQuery,
		idOf(location) + "?expires=" + fmt.Sprint(expires.Unix()+1) + "&signature=" + signature,
		idOf(location) + "?expires=0" + at + "&signature=" + signature,
		idOf(location) + "?expires=" + at + "&signature=" + flipped + signature[1:],
		idOf(location) + "?expires=" + at + "&signature=" + signature[:42],
		idOf(location) + "?expires=" + at + "&signature=",
		idOf(location) + "?signature=" + signature,
		idOf(location) + "?expires=" + at + "&" + u.RawQuery,
		idOf(location) + "?" + u.RawQuery + "&signature=" + signature,
		"0123456789abcdef0123456789abcdef?" + u.RawQuery,
	} {
		if a := p.do("GET", "/files/"+wrong, "", alice); a.status != 403 || a.code() != "ERR_LINK_INVALID" || !strings.Contains(a.body, "link") {
			t.Errorf("%s heard %v", wrong, a)
		}
	}

	short, _ := p.link(location, "?valid=1s", alice)
	until(t, "the link expires", func() bool { return p.do("GET", short, "").status != 200 })
	if a := p.do("GET", short, ""); a.status != 403 || a.code() != "ERR_LINK_EXPIRED" {
		t.Errorf("an expired link: %v", a)
	}
	if a := p.do("DELETE", location, "", alice); a.status != 204 {
		t.Fatalf("delete: %v", a)
	}
	if a := p.do("GET", address, ""); a.status != 404 {
		t.Errorf("a link to what was removed: %v", a)
	}
}

// Who may ask for a link, and for how long.
func TestLinkRequests(t *testing.T) {
	p := guardedServer(t, func(c *config.Config) { c.LinkTime, c.BaseURL = time.Hour, "https://up.example/a" })
	alice := bearer("a-secret")
	location := "/files/" + idOf(p.upload("hello", "Upload-Length: 5", alice))
	for query, want := range map[string]time.Duration{"": time.Hour, "?valid=10m": 10 * time.Minute, "?valid=1000h": time.Hour} {
		address, expires := p.link(location, query, bearer("c-secret"))
		if !strings.HasPrefix(address, "https://up.example/a"+location+"?expires=") || !near(expires, want) {
			t.Errorf("%q made %s until %s", query, address, expires)
		}
	}
	for _, query := range []string{"?valid=", "?valid=0", "?valid=-1m", "?valid=10", "?valid=x", "?valid=1ms"} {
		if a := p.do("POST", "/links/"+idOf(location)+query, "", alice); a.status != 400 || a.code() != "ERR_INVALID_LINK_TIME" {
			t.Errorf("%q heard %v", query, a)
		}
	}
	for _, path := range []string{"/links/", "/links/..%2f..%2fetc", "/links/" + idOf(location) + "/x"} {
		if a := p.do("POST", path, "", alice); a.status != 404 {
			t.Errorf("POST %s heard %v", path, a)
		}
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		if a := p.do(method, "/links/"+idOf(location), "", alice); a.status != 405 || a.get("Allow") != "POST, OPTIONS" {
			t.Errorf("%s heard %v", method, a)
		}
	}
	if a := p.do("OPTIONS", "/links/"+idOf(location), "", "Origin: https://app.example", "Access-Control-Request-Method: POST"); a.status != 204 || !strings.Contains(a.get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("OPTIONS heard %v", a)
	}

	off := guardedServer(t, func(c *config.Config) { c.Downloads = "false" })
	location = off.upload("hello", "Upload-Length: 5", alice)
	if a := off.do("POST", "/links/"+idOf(location), "", alice); a.status != 404 {
		t.Errorf("without downloads: %v", a)
	}
}

// Links of one secret hold at every server that has it; without one a restart ends them. They
// work without tokens too.
func TestLinkSecret(t *testing.T) {
	secret := func(c *config.Config) { c.LinkSecret = strings.Repeat("s", 32) }
	p := run(t, secret)
	location := p.upload("hello", "Upload-Length: 5")
	address, _ := p.link(location, "")
	for _, row := range []struct {
		change func(*config.Config)
		status int
	}{{secret, 200}, {func(*config.Config) {}, 403}} {
		p.stop()
		p = p.againWith(row.change)
		if a := p.do("GET", address, ""); a.status != row.status {
			t.Errorf("after a restart: %v, want %d", a, row.status)
		}
	}
	if a := p.do("GET", location, ""); a.status != 200 {
		t.Errorf("without a link: %v", a)
	}
}
