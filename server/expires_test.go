package server_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/config"
)

func TestUploadExpires(t *testing.T) {
	p := run(t, func(c *config.Config) { c.ExpireAfter = 2 * time.Hour })
	expires := func(what string, a answer) {
		t.Helper()
		at, err := time.Parse(http.TimeFormat, a.get("Upload-Expires"))
		if left := time.Until(at); err != nil || left < 119*time.Minute || left > 121*time.Minute {
			t.Errorf("%s: Upload-Expires is %q (%v)", what, a.get("Upload-Expires"), err)
		}
	}
	never := func(what string, a answer) {
		t.Helper()
		if _, has := a.header["Upload-Expires"]; has || a.status >= 300 {
			t.Errorf("%s: %v", what, a)
		}
	}
	a := p.do("POST", "/files/", "", "Upload-Length: 5")
	expires("POST", a)
	location := a.get("Location")
	expires("POST with data", p.do("POST", "/files/", "12", offsetStream, "Upload-Length: 5"))
	expires("POST without a length", p.do("POST", "/files/", "12", offsetStream, "Upload-Defer-Length: 1"))
	expires("PATCH", p.patch(location, 0, "12"))
	expires("HEAD", p.do("HEAD", location, ""))
	never("the last PATCH", p.patch(location, 2, "345"))
	never("HEAD of a finished one", p.do("HEAD", location, ""))
	never("GET", p.do("GET", location, ""))
	never("POST of all", p.do("POST", "/files/", "12345", offsetStream, "Upload-Length: 5"))
	never("POST of nothing", p.do("POST", "/files/", "", "Upload-Length: 0"))
	first, second := p.upload("ab", "Upload-Length: 2", "Upload-Concat: partial"), p.upload("c", "Upload-Length: 1", "Upload-Concat: partial")
	expires("HEAD of a complete part", p.do("HEAD", first, ""))
	never("POST of a final", p.do("POST", "/files/", "", "Upload-Concat: final;"+first+" "+second))
	never("HEAD of a part of a final", p.do("HEAD", first, ""))
	if a := p.patch(location+"0", 0, "x"); a.get("Upload-Expires") != "" {
		t.Errorf("an error with Upload-Expires: %v", a)
	}
	if a := p.do("OPTIONS", "/files/", ""); !slices.Contains(strings.Split(a.get("Tus-Extension"), ","), "expiration") {
		t.Errorf("Tus-Extension: %s", a.get("Tus-Extension"))
	}
	if a := p.do("HEAD", location, "", "Origin: https://a.example"); !strings.Contains(a.get("Access-Control-Expose-Headers"), "Upload-Expires") {
		t.Error("a page on another origin can't read Upload-Expires")
	}
}

func TestUploadsThatDoNotExpire(t *testing.T) {
	p := run(t, func(c *config.Config) { c.ExpireAfter = 0 })
	a := p.do("POST", "/files/", "", "Upload-Length: 5")
	if head := p.do("HEAD", a.get("Location"), ""); a.get("Upload-Expires")+head.get("Upload-Expires") != "" {
		t.Errorf("%v, %v", a, head)
	}
	if a := p.do("OPTIONS", "/files/", ""); strings.Contains(a.get("Tus-Extension"), "expiration") {
		t.Errorf("Tus-Extension: %s", a.get("Tus-Extension"))
	}
}
