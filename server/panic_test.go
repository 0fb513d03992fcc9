package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A panic costs its own request only.
func TestPanic(t *testing.T) {
	p := prepare(t, settings(t))
	p.WrapRoutes(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.Header.Get("X-Panic") {
			case "before":
				panic("secret of the machine")
			case "in the body": // below tusd, which holds the lock
				r.Body = panicking{r.Body}
			case "after":
				_, _ = io.WriteString(w, "half an answer")
				panic("secret of the machine")
			}
			next.ServeHTTP(w, r)
		})
	})
	p.start()
	location := p.create("Upload-Length: 10")
	for _, c := range []struct {
		method, path, when string
		status             int
	}{
		{"PATCH", location, "before", 500},
		{"PATCH", location, "in the body", 500},
		{"POST", "/files/", "in the body", 503},
		{"GET", location, "before", 500},
		{"DELETE", location, "before", 500},
	} {
		w := p.dial()
		headers := []string{offsetStream, "Upload-Offset: 0", "Content-Length: 10", "X-Panic: " + c.when}
		if c.method == "POST" {
			headers = append(headers, "Upload-Length: 10")
		}
		w.begin(c.method, c.path, headers...)
		a := w.mustHear(c.method)
		if a.status != c.status || a.code() != "ERR_INTERNAL_SERVER_ERROR" || strings.Contains(a.body, "secret") {
			t.Errorf("%s, panic %s: %v", c.method, c.when, a)
		}
		if got := p.offset(location); got != "0" {
			t.Errorf("offset %s", got)
		}
	}
	for _, c := range []struct{ method, when string }{{"HEAD", "before"}, {"GET", "after"}} {
		w := p.dial()
		w.begin(c.method, location, "X-Panic: "+c.when)
		if a, err := w.hear(c.method); err == nil {
			t.Errorf("%s, panic %s: heard %v, and not the end of the connection", c.method, c.when, a)
		}
	}
	if a := p.patch(location, 0, "1234567890"); a.status != 204 {
		t.Errorf("afterwards, PATCH heard %v", a)
	}
	until(t, "nothing runs", func() bool { return p.Running() == 0 && p.Bodies() == 0 })
	for _, line := range p.log.requests(t, "HEAD", location) {
		if line["panic"] != nil && line["level"] == "ERROR" && strings.Contains(line["stack"].(string), "goroutine") {
			return
		}
	}
	t.Error("the log doesn't tell of the panic on HEAD")
}

type panicking struct{ io.ReadCloser }

func (panicking) Read([]byte) (int, error) { panic("secret of the machine") }
