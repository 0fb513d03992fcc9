package server_test

import (
	"strings"
	"testing"

	"plateau/config"
)

func baseURL(u string) func(*config.Config) {
	return func(c *config.Config) { c.BaseURL = u }
}

func TestLocation(t *testing.T) {
	for base, prefix := range map[string]string{
		"":                             "/files/",
		"https://up.example":           "https://up.example/files/",
		"https://up.example:8443/a/b":  "https://up.example:8443/a/b/files/",
		"http://files/files":           "http://files/files/files/",
		"https://up.example/with%20sp": "https://up.example/with%20sp/files/",
	} {
		p := run(t, baseURL(base))
		for _, path := range []string{"/files/", "/files"} {
			a := p.do("POST", path, "x", offsetStream, "Upload-Length: 3", "Host: evil.example",
				"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: gopher", "Forwarded: host=evil.example")
			id, found := strings.CutPrefix(a.get("Location"), prefix)
			if a.status != 201 || !found || len(id) != 32 {
				t.Fatalf("base %q: %v", base, a)
			}
			if got := p.offset("/files/" + id); got != "1" {
				t.Errorf("offset %s", got)
			}
		}
	}
}

func TestConcat(t *testing.T) {
	for name, c := range map[string]struct {
		base   string
		prefix string
		status int
	}{
		"path only":                      {"", "/files/", 201},
		"absolute":                       {"", "http://up.example/files/", 201},
		"a path before":                  {"", "http://up.example/a/b/files/", 201},
		"a host called files":            {"", "http://files/files/", 201},
		"ids only":                       {"", "", 201},
		"ours":                           {"https://up.example/a", "https://up.example/a/files/", 201},
		"ours in other letters":          {"https://up.example/a", "HTTPS://UP.example/a/files/", 201},
		"path only, where ours is known": {"https://up.example/a", "/a/files/", 201},
		"another host":                   {"https://up.example/a", "https://evil.example/a/files/", 400},
		"another host without a scheme":  {"https://up.example/a", "//evil.example/files/", 400},
		"another port":                   {"https://up.example/a", "https://up.example:81/files/", 400},
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, baseURL(c.base))
			one := idOf(p.upload("one ", "Upload-Length: 4", "Upload-Concat: partial"))
			two := idOf(p.upload("two", "Upload-Length: 3", "Upload-Concat: partial"))
			list := "final;" + c.prefix + one + "?x=/files/y  " + c.prefix + two + "#/files/z"
			metadata := "Upload-Metadata: filename " + b64("whole")
			a := p.do("POST", "/files/", "", "Upload-Concat: "+list, metadata)
			if a.status != c.status {
				t.Fatalf("heard %v", a)
			}
			if c.status != 201 {
				checkError(t, "POST", a, p.dir)
				return
			}
			final := "/files/" + idOf(a.get("Location"))
			if got := p.data(final); got != "one two" || !p.sealed(final) {
				t.Errorf("the file has %q", got)
			}
			if again := p.do("POST", "/files/", "", "Upload-Concat: "+list, metadata); again.get("Location") != a.get("Location") {
				t.Errorf("the same list again: %v", again)
			}
			head := p.do("HEAD", final, "")
			ours := strings.TrimSuffix(a.get("Location"), idOf(final))
			if want := "final;" + ours + one + " " + ours + two; head.get("Upload-Concat") != want || head.get("Upload-Offset") != "7" || head.get("Upload-Length") != "7" {
				t.Errorf("HEAD of the final: %v", head)
			}
			part := p.do("HEAD", "/files/"+one, "")
			if part.status != 200 || part.get("Upload-Concat") != "partial" || part.get("Upload-Offset") != "4" {
				t.Errorf("HEAD of a part: %v", part)
			}
			if a := p.do("GET", final, ""); a.body != "one two" || a.get("Content-Disposition") != `attachment; filename="whole"` {
				t.Errorf("GET: %v", a)
			}
		})
	}
}

func TestOverride(t *testing.T) {
	p := run(t)
	location := p.create("Upload-Length: 5")
	over := func(method, body string, headers ...string) answer {
		return p.do("POST", location, body, append(headers, "X-HTTP-Method-Override: "+method)...)
	}
	if a := over("PATCH", "123", offsetStream, "Upload-Offset: 0"); a.status != 204 || a.get("Upload-Offset") != "3" {
		t.Errorf("PATCH: %v", a)
	}
	if a := over("head", ""); a.status != 200 || a.get("Upload-Offset") != "3" || a.body != "" {
		t.Errorf("HEAD: %v", a)
	}
	if a := over("PATCH", "45", offsetStream, "Upload-Offset: 3"); a.status != 204 {
		t.Errorf("PATCH: %v", a)
	}
	if a := over("GET", ""); a.status != 200 || a.body != "12345" {
		t.Errorf("GET: %v", a)
	}
	if a := over("DELETE", ""); a.status != 204 {
		t.Errorf("DELETE: %v", a)
	}
	if a := over("HEAD", ""); a.status != 404 || a.body != "" {
		t.Errorf("HEAD of what is gone: %v", a)
	}
	if a := p.do("PATCH", "/files/", "", "X-HTTP-Method-Override: POST", "Upload-Length: 5"); a.status != 405 {
		t.Errorf("only a POST can be overridden: %v", a)
	}
}

// Lengths that come late, and bodies without bytes.
func TestCompletion(t *testing.T) {
	p := run(t)
	empty := p.create("Upload-Length: 0")
	if !p.sealed(empty) || p.offset(empty) != "0" {
		t.Error("an empty upload is not finished")
	}
	if a := p.patch(empty, 0, ""); a.status != 204 {
		t.Error(a)
	}
	deferred := p.upload("12345", "Upload-Defer-Length: 1")
	if head := p.do("HEAD", deferred, ""); head.get("Upload-Defer-Length") != "1" || head.get("Upload-Length") != "" {
		t.Error(head)
	}
	if a := p.patch(deferred, 5, "", "Upload-Length: 5"); a.status != 204 || !p.sealed(deferred) {
		t.Errorf("the length declared at the end: %v", a)
	}
	deferred = p.create("Upload-Defer-Length: 1")
	if a := p.patch(deferred, 0, "12345", "Upload-Length: 5"); a.status != 204 || !p.sealed(deferred) {
		t.Errorf("the length declared with all bytes: %v", a)
	}
	again := p.create("Upload-Defer-Length: 1")
	if a := p.patch(again, 0, "12", "Upload-Length: 5"); a.status != 204 {
		t.Errorf("the length declared with the first bytes: %v", a)
	}
	if a := p.patch(again, 2, "3", "Upload-Length: 6"); a.status != 400 {
		t.Errorf("another length declared: %v", a)
	}
	if a := p.patch(again, 2, "345", "Upload-Length: 5"); a.status != 204 || !p.sealed(again) {
		t.Errorf("the length declared again, after a break: %v", a)
	}
	if a := p.patch(deferred, 5, ""); a.status != 204 || a.get("Upload-Offset") != "5" {
		t.Errorf("PATCH at the end, without a body: %v", a)
	}
	if a := p.do("DELETE", deferred, ""); a.status != 204 {
		t.Error(a)
	}
	for _, contentType := range []string{"application/offset+octet-stream; charset=utf-8", "Application/Offset+Octet-Stream"} {
		location := p.create("Upload-Length: 1")
		if a := p.do("PATCH", location, "x", "Content-Type: "+contentType, "Upload-Offset: 0"); a.status != 204 {
			t.Errorf("%s: %v", contentType, a)
		}
	}
}
