package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plateau/config"
)

// Over TLS and HTTP/2 a form is read in another way, to the same end.
func TestFormsOverTLS(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			p := runTLS(t, protocol)
			large := strings.Repeat("large", 100_000)
			whole := formOf(t, part{field: "file", file: "a", text: large}, part{field: "file", file: "b", text: "x"})
			for _, body := range []io.Reader{strings.NewReader(whole), io.MultiReader(strings.NewReader(whole))} { // of known length and not
				a := p.postFrom(body)
				if files := stored(t, a); len(files) != 2 || p.data(files[0].ID) != large {
					t.Errorf("%+v", files)
				}
			}
			p.empty()
			if a := p.postFrom(strings.NewReader(whole[:300_000])); a.status != 400 || a.code() != "ERR_FORM_INCOMPLETE" || len(p.names()) > 0 {
				t.Errorf("a cut form: %v, %v", a, p.names())
			}
		})
	}
}

func (p *plateau) postFrom(body io.Reader) answer {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/upload", body)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+testBoundary)
	a, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer a.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(a.Body); err != nil {
		p.t.Fatal(err)
	}
	return answer{status: a.StatusCode, header: a.Header, body: text.String()}
}

// Stop, and a client that sends nothing, end a form: nothing of it is kept, and the
// answer says so.
func TestFormsThatAreCut(t *testing.T) {
	begin := "--" + testBoundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
	begun := func(p *plateau) *wire {
		w := p.dial()
		w.begin("POST", "/upload", formType, "Content-Length: 100000")
		w.send(begin + strings.Repeat("x", 1000))
		until(t, "a draft is there", func() bool { return len(p.names()) == 1 })
		return w
	}
	want := func(p *plateau, w *wire, code string) {
		t.Helper()
		a, err := w.hear("POST")
		if err != nil || a.status != 503 || a.code() != code || a.get("Retry-After") == "" || !strings.Contains(a.body, "send the form again") {
			t.Errorf("%v %v", a, err)
		}
		until(t, "the draft has gone", func() bool { return len(p.names()) == 0 })
	}
	t.Run("idle", func(t *testing.T) {
		p := run(t, func(c *config.Config) { c.IdleTimeout = 50 * time.Millisecond })
		want(p, begun(p), "ERR_BODY_IDLE")
	})
	t.Run("stop", func(t *testing.T) {
		p := run(t)
		w := begun(p)
		stopped := make(chan error, 1)
		go func() { stopped <- p.Stop(context.Background()) }()
		want(p, w, "ERR_SERVER_SHUTDOWN")
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// If the event of a later file can't be made safe, the answer says which files are
// stored: the client must not send those again.
func TestFormsThatAreHalfFinished(t *testing.T) {
	p := prepare(t, settings(t))
	var events atomic.Int64
	p.BeforeFinish(func() {
		if events.Add(1) == 2 {
			panic("bug")
		}
	})
	p.start()
	form := formOf(t, part{field: "file", file: "a", text: "1"}, part{field: "file", file: "b", text: "2"}, part{field: "file", file: "c"})
	a := p.do("POST", "/upload", form, formType, "Accept: application/problem+json") // which a list is not
	if a.status != 503 || a.get("Content-Type") != "application/json" || a.get("Retry-After") != "" || !strings.Contains(a.body, `"status": "stored"`) || !strings.Contains(a.body, `"status": "failed"`) {
		t.Errorf("%v", a)
	}
	if names := p.names(); len(names) != 2 {
		t.Errorf("%v", names)
	}
	p.metric("tusd_uploads_finished 1")
}

// A chunked form is whole with its closing boundary: a last chunk that doesn't come
// is not waited for until the idle timeout.
func TestFormsWithoutTheirLastChunk(t *testing.T) {
	p := run(t, func(c *config.Config) { c.IdleTimeout = time.Hour })
	form := formOf(t, part{field: "file", file: "a", text: "hello"})
	w := p.dial()
	w.begin("POST", "/upload", formType, "Transfer-Encoding: chunked")
	w.send(fmt.Sprintf("%x\r\n%s\r\n", len(form), form))
	a, err := w.hear("POST")
	if err != nil {
		t.Errorf("%v %v", a, err)
	}
	if files := stored(t, a); len(files) != 1 || p.data(files[0].ID) != "hello" {
		t.Errorf("%+v", files)
	}
}
