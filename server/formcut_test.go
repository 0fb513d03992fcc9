package server_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"plateau/config"
)

// A form is stored as a whole or not at all, wherever it ends: with its body, and
// with its connection. So it is for one that comes in chunks.
func TestFormsCutAtEveryByte(t *testing.T) {
	whole := formOf(t,
		part{field: "file", file: "a", text: "first"},
		part{field: "note", text: "x"},
		part{field: "file", file: "b", kind: "text/plain", text: strings.Repeat("second", 20)},
	)
	for _, chunked := range []bool{false, true} {
		t.Run(fmt.Sprint("chunked=", chunked), func(t *testing.T) {
			p := run(t)
			for n := range len(whole) + 1 {
				body := io.Reader(strings.NewReader(whole[:n]))
				if chunked {
					body = io.MultiReader(body) // whose length nobody knows
				}
				r, err := http.NewRequest("POST", p.url+"/upload", body)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "multipart/form-data; boundary="+testBoundary)
				a, err := p.http.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(a.Body)
				_ = a.Body.Close()
				stored := n >= len(whole)-2 // the last line break says nothing
				if stored != (a.StatusCode == 201) || !stored && a.StatusCode != 400 {
					t.Fatalf("%d of %d bytes: %d %s", n, len(whole), a.StatusCode, text)
				}
				if names := p.names(); stored != (len(names) == 4) || !stored && len(names) > 0 {
					t.Fatalf("%d of %d bytes leave %v", n, len(whole), names)
				}
				p.empty()
			}
		})
	}
	t.Run("connection", func(t *testing.T) {
		p := run(t)
		for n := range len(whole) - 2 {
			w := p.dial()
			w.begin("POST", "/upload", formType, fmt.Sprint("Content-Length: ", len(whole)))
			w.send(whole[:n])
			_ = w.Close()
		}
		until(t, "all requests have ended", func() bool { return p.Running() == 0 })
		if names := p.names(); len(names) > 0 {
			t.Errorf("forms that broke off leave %v", names)
		}
		if len(p.announced()) > 0 {
			t.Errorf("events: %v", p.announced())
		}
	})
}

// empty removes all uploads.
func (p *plateau) empty() {
	p.t.Helper()
	for _, name := range p.names() {
		if err := os.Remove(p.dir + "/uploads/" + name); err != nil {
			p.t.Fatal(err)
		}
	}
}

// How a form arrives does not matter: any pieces make the same uploads, and a
// boundary may lie between two of them.
func TestFormsInPieces(t *testing.T) {
	random := seeded(t)
	p := run(t, func(c *config.Config) { c.WriteBlock, c.BufferPool = 64<<10, 64<<10 })
	for range 40 {
		texts := []string{"", "\r\n--" + testBoundary[:5], randomText(random, random.IntN(200_000)), "\r\n\r\n--\r\n" + randomText(random, random.IntN(5000))}
		var parts []part
		for i, text := range texts {
			parts = append(parts, part{field: "file", file: fmt.Sprint(i), text: text})
		}
		body := formOf(t, parts...)
		w := p.dial()
		w.begin("POST", "/upload", formType, fmt.Sprint("Content-Length: ", len(body)))
		for rest := body; rest != ""; {
			n := min(len(rest), 1+random.IntN(1+len(body)/8))
			if random.IntN(3) == 0 {
				n = min(n, 1+random.IntN(100))
			}
			w.send(rest[:n])
			rest = rest[n:]
			runtime.Gosched()
		}
		a, err := w.hear("POST")
		if err != nil {
			t.Fatal(err)
		}
		files := stored(t, a)
		_ = w.Close()
		for i, f := range files {
			if p.data(f.ID) != texts[i] {
				t.Errorf("file %d has other bytes: %d, want %d", i, f.Size, len(texts[i]))
			}
		}
		if len(files) != len(texts) {
			t.Errorf("%d files", len(files))
		}
		p.empty()
	}
}

// endless reads as a pattern for so many bytes.
type endless struct {
	pattern string
	left    int64
	at      int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && int64(n) < e.left {
		m := copy(p[n:min(len(p), n+int(e.left)-n)], e.pattern[e.at:])
		e.at = (e.at + m) % len(e.pattern)
		n += m
	}
	n = int(min(int64(n), e.left))
	e.left -= int64(n)
	return n, nil
}

// Forms made to exhaust the server hear a clear answer, at once, and cost no
// memory to speak of.
func TestHostileForms(t *testing.T) {
	p := run(t)
	begin := "--" + testBoundary + "\r\n"
	head := begin + "Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n"
	for what, c := range map[string]struct {
		body   io.Reader
		status int
		code   string
	}{
		"100,000 fields":         {&endless{pattern: begin + "Content-Disposition: form-data; name=\"x\"\r\n\r\n\r\n", left: 100_000 * 80}, 413, "ERR_FORM_TOO_MANY_PARTS"},
		"100,000 files":          {&endless{pattern: head + "\r\nx\r\n", left: 100_000 * 90}, 413, "ERR_FORM_TOO_MANY_PARTS"},
		"100,000 empty":          {&endless{pattern: begin + "Content-Disposition: form-data; name=\"x\"; filename=\"\"\r\n\r\n\r\n", left: 100_000 * 90}, 413, "ERR_FORM_TOO_MANY_PARTS"},
		"9 MiB of header":        {io.MultiReader(strings.NewReader(begin+"X-Long: "), &endless{pattern: "x", left: 9 << 20}), 431, "ERR_FORM_HEADER_TOO_LARGE"},
		"9 MiB of header lines":  {io.MultiReader(strings.NewReader(begin), &endless{pattern: "X-Many: y\r\n", left: 9 << 20}), 431, "ERR_FORM_HEADER_TOO_LARGE"},
		"1 GB of preamble":       {&endless{pattern: "lines of nothing\r\n", left: 1 << 30}, 431, "ERR_FORM_HEADER_TOO_LARGE"},
		"1 GB of one long line":  {&endless{pattern: "x", left: 1 << 30}, 431, "ERR_FORM_HEADER_TOO_LARGE"},
		"no closing boundary":    {io.MultiReader(strings.NewReader(head+"\r\n"), &endless{pattern: "x", left: 1 << 20}), 400, "ERR_FORM_INCOMPLETE"},
		"nearly boundaries only": {io.MultiReader(strings.NewReader(head+"\r\n"), &endless{pattern: "\r\n--" + testBoundary[:9], left: 8 << 20}), 400, "ERR_FORM_INCOMPLETE"},
	} {
		t.Run(what, func(t *testing.T) {
			p := p.in(t)
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			most := p.watchHeap()
			r, err := http.NewRequest("POST", p.url+"/upload", io.MultiReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = 2 << 30 // the server must not wait for it
			if e, ok := c.body.(*endless); !ok || e.left < 1<<30 {
				r.ContentLength = -1
			}
			r.Header.Set("Content-Type", "multipart/form-data; boundary="+testBoundary)
			a, err := p.http.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(a.Body)
			_ = a.Body.Close()
			if a.StatusCode != c.status || !strings.HasPrefix(string(text), c.code+": ") {
				t.Errorf("%d %s", a.StatusCode, text)
			}
			until(t, "the request has ended", func() bool { return p.Running() == 0 })
			if names := p.names(); len(names) > 0 {
				t.Errorf("%d files are left", len(names))
			}
			runtime.ReadMemStats(&after)
			if grown := most() - before.HeapAlloc; int64(grown) > 32<<20 {
				t.Errorf("the heap grew by %d bytes", grown)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > 64<<20 {
				t.Errorf("%d bytes were allocated", made)
			}
		})
	}
}

// watchHeap looks at the heap until the returned function is called, which says how
// large it was at most.
func (p *plateau) watchHeap() func() uint64 {
	stop := make(chan struct{})
	var most uint64
	var running sync.WaitGroup
	running.Go(func() {
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-stop:
				return
			default:
				runtime.Gosched()
			}
		}
	})
	return func() uint64 {
		close(stop)
		running.Wait()
		return most
	}
}
