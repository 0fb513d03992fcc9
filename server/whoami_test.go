package server_test

import (
	"strings"
	"testing"
)

// A page that has a token hears whose it is, and that the server asks for one.
func TestWhoami(t *testing.T) {
	id := issue(t)
	p := run(t, id.use)
	const owner = `ada "of" <b>`
	a := p.do("GET", "/whoami", "", bearer(id.token(owner)))
	if want := `{"owner":"ada \"of\" \u003cb\u003e"}` + "\n"; a.status != 200 || a.body != want || a.get("Cache-Control") != "no-store" || a.get("Content-Type") != "application/json" {
		t.Errorf("heard %v, want %s", a, want)
	}
	if page := p.do("GET", "/", "").body; strings.Contains(page, "data-max-size") && !strings.Contains(page, `data-auth="true"`) {
		t.Errorf("the page does not learn that it is asked for a token:\n%.300s", page)
	}
}

// While the issuer is away nothing is said of a token, and without --auth there is nobody to name.
func TestWhoamiWithoutAnAnswer(t *testing.T) {
	id := issue(t)
	id.change(func(s *issuer) { s.fails = 1000 })
	if a := run(t, id.use).do("GET", "/whoami", "", bearer(id.token("ada"))); a.status != 503 || a.get("Cache-Control") != "no-store" {
		t.Errorf("with the issuer away: %v", a)
	}
	if a := run(t).do("GET", "/whoami", ""); a.status != 404 {
		t.Errorf("with --auth none: %v", a)
	}
}
