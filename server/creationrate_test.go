package server_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"plateau/config"
)

// A client that creates too fast is told when to come again, and nothing is made of its request.
func TestCreations(t *testing.T) {
	p := run(t, behindProxy, func(c *config.Config) { c.LimitCreations = 1 })
	const me, other = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"
	location := p.create("Upload-Length: 10", me)
	var refused answer
	until(t, "one is refused", func() bool { // a second may pass between two requests
		refused = p.do("POST", "/files/", "12345", offsetStream, "Upload-Length: 10", me)
		return refused.status != 201
	})
	mustRefuse(t, "POST", refused, "ERR_TOO_MANY_CREATIONS")
	if got := refused.get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %s", got)
	}
	checkError(t, "POST", refused, p.dir)
	p.create("Upload-Length: 10", other)
	for i, c := range "1234567890" { // no other request is slower for it
		if a := p.patch(location, i, string(c), me); a.status != 204 {
			t.Fatal(a)
		}
	}
	until(t, "it may create again", func() bool { return p.do("POST", "/files/", "", "Upload-Length: 10", me).status == 201 })
}

// Each file of a form is a creation. A form can't be sent in part, so it is taken whole, and its sender waits afterwards.
func TestCreationsByForms(t *testing.T) {
	p := run(t, func(c *config.Config) { c.LimitCreations = 1 })
	form := func(files int) (string, string) {
		var b strings.Builder
		for i := range files {
			fmt.Fprintf(&b, "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%d\"\r\n\r\nx\r\n", i)
		}
		b.WriteString("--B--\r\n")
		return b.String(), "Content-Type: multipart/form-data; boundary=B"
	}
	body, kind := form(300)
	if a := p.do("POST", "/upload", body, kind); a.status != 201 {
		t.Fatal(a)
	}
	a := p.do("POST", "/files/", "", "Upload-Length: 10")
	mustRefuse(t, "POST", a, "ERR_TOO_MANY_CREATIONS")
	if after, _ := strconv.Atoi(a.get("Retry-After")); after < 300-int(bound/time.Second) || after > 300 {
		t.Errorf("Retry-After %s, after 300 files at one a second", a.get("Retry-After"))
	}
	a = p.do("POST", "/upload", body, kind)
	mustRefuse(t, "POST", a, "ERR_TOO_MANY_CREATIONS")
	if n := len(p.names()); n != 600 {
		t.Errorf("%d files, want 300 uploads with their records", n)
	}
}
