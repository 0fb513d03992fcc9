package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"plateau/config"
)

// checkProblem checks that a problem says what the text of the same error does.
func checkProblem(t *testing.T, method string, a, asText answer) {
	t.Helper()
	if a.status != asText.status || a.get("Cache-Control") != "no-store" || asText.get("Cache-Control") != "no-store" {
		t.Errorf("the problem is %v, the text %v", a, asText)
	}
	for name := range asText.header {
		if name != "Content-Type" && name != "Content-Length" && name != "Date" && a.get(name) != asText.get(name) {
			t.Errorf("%s is %q, in the text %q", name, a.get(name), asText.get(name))
		}
	}
	if method == "HEAD" {
		if a.body != "" {
			t.Errorf("HEAD has a body: %q", a.body)
		}
		return
	}
	if a.get("Content-Type") != "application/problem+json" || a.get("Content-Length") != fmt.Sprint(len(a.body)) {
		t.Errorf("%v", a)
	}
	var said map[string]any
	if err := json.Unmarshal([]byte(a.body), &said); err != nil {
		t.Fatalf("%q: %v", a.body, err)
	}
	want := map[string]any{
		"type": "about:blank", "title": http.StatusText(a.status), "status": float64(a.status), "code": asText.code(),
		"detail": strings.TrimSuffix(strings.TrimPrefix(asText.body, asText.code()+": "), "\n"),
	}
	if fmt.Sprint(said) != fmt.Sprint(want) {
		t.Errorf("the problem is %v, want %v", said, want)
	}
}

func TestProblems(t *testing.T) {
	p := run(t)
	form := []string{"Content-Type: multipart/form-data; boundary=x"}
	location := p.file("0123456789", "digits.txt", "text/plain")
	for _, c := range []struct {
		method, path, body string
		status             int
		headers            []string
	}{
		{"GET", "/nowhere", "", 404, nil},
		{"PUT", "/healthz", "", 405, nil},
		{"GET", "/files/unknown", "", 404, nil},
		{"HEAD", "/files/unknown", "", 404, nil},
		{"PATCH", location, "x", 409, []string{offsetStream, "Upload-Offset: 3"}}, // tusd's own
		{"GET", location, "", 416, []string{"Range: bytes=10-"}},
		{"GET", location, "", 412, []string{`If-Match: "other"`}},
		{"POST", "/upload", "--x", 400, form},
		{"POST", "/upload", "--x--\r\n", 400, form},
		{"GET", "/upload", "", 405, nil},
	} {
		asText := p.do(c.method, c.path, c.body, c.headers...)
		if asText.status != c.status {
			t.Errorf("%s %s: %v, want %d", c.method, c.path, asText, c.status)
		}
		checkError(t, c.method, asText, p.dir)
		for _, accept := range []string{"application/problem+json", "application/problem+json, */*;q=0.5", "application/*"} {
			checkProblem(t, c.method, p.do(c.method, c.path, c.body, append(c.headers, "Accept: "+accept)...), asText)
		}
		for _, accept := range []string{"*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "application/json"} {
			checkError(t, c.method, p.do(c.method, c.path, c.body, append(c.headers, "Accept: "+accept)...), p.dir)
		}
	}
	// What goes well says nothing of it.
	if a := p.do("GET", location, "", "Accept: application/problem+json"); a.status != 200 || a.body != "0123456789" {
		t.Errorf("%v", a)
	}
}

// A text that isn't an error's stays what it is, a problem's header never waits for ever.
func TestTextsThatAreNoErrors(t *testing.T) {
	p := prepare(t, settings(t))
	p.WrapRoutes(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if status := map[string]int{"/bare": 418, "/said": 418}[r.URL.Path]; status != 0 {
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				w.WriteHeader(status)
				if r.URL.Path == "/said" {
					_, _ = w.Write([]byte("no code\n"))
					_, _ = w.Write([]byte("more\n"))
				}
				return
			}
			if r.URL.Path == "/panic" {
				panic("on purpose")
			}
			next.ServeHTTP(w, r)
		})
	})
	p.start()
	accept := "Accept: application/problem+json"
	for path, body := range map[string]string{"/bare": "", "/said": "no code\nmore\n"} {
		if a := p.do("GET", path, "", accept); a.status != 418 || a.body != body || !strings.HasPrefix(a.get("Content-Type"), "text/plain") {
			t.Errorf("%s: %v", path, a)
		}
	}
	checkProblem(t, "GET", p.do("GET", "/panic", "", accept), p.do("GET", "/panic", ""))
}

// What the server says before it reads a body is a problem too.
func TestProblemOfAnOverload(t *testing.T) {
	p := run(t, func(c *config.Config) { c.MaxUploads = 1 })
	w := p.dial()
	w.begin("POST", "/files/", offsetStream, "Upload-Length: 10", "Content-Length: 10")
	until(t, "the only body runs", func() bool { return p.Bodies() == 1 })
	full := []string{offsetStream, "Upload-Length: 5"}
	asText := p.do("POST", "/files/", "12345", full...)
	if asText.status != 503 || asText.code() != "ERR_OVERLOADED" {
		t.Fatalf("%v", asText)
	}
	checkProblem(t, "POST", p.do("POST", "/files/", "12345", append(full, "Accept: application/problem+json")...), asText)
}
