package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const offsetStream = "Content-Type: application/offset+octet-stream"

// answer is what a client heard.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) get(name string) string { return a.header.Get(name) }

// code is the stable code at the start of an error's body.
func (a answer) code() string {
	code, _, _ := strings.Cut(a.body, ": ")
	return code
}

func (a answer) String() string { return fmt.Sprintf("%d %v %q", a.status, a.header, a.body) }

// try sends a tus request. A header is "Name: value"; without a value the name
// is not sent. A path may be an absolute URL.
func (p *plateau) try(method, path string, body io.Reader, headers ...string) (answer, error) {
	if strings.HasPrefix(path, "/") {
		path = p.url + path
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, path, body)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	for _, h := range headers {
		name, value, given := strings.Cut(h, ": ")
		name = strings.TrimSuffix(name, ":")
		if given {
			r.Header.Add(name, value)
		} else {
			r.Header.Del(name)
		}
	}
	if versions := r.Header.Values("Tus-Resumable"); len(versions) > 1 {
		r.Header.Set("Tus-Resumable", versions[1])
	}
	response, err := p.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	return read(response)
}

func read(response *http.Response) (answer, error) {
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text)}, err
}

// do is try for a request that must be answered.
func (p *plateau) do(method, path, body string, headers ...string) answer {
	p.t.Helper()
	a, err := p.try(method, path, strings.NewReader(body), headers...)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// create makes an upload and returns its address.
func (p *plateau) create(headers ...string) string {
	p.t.Helper()
	a := p.do("POST", "/files/", "", headers...)
	if a.status != http.StatusCreated {
		p.t.Fatalf("create: %v", a)
	}
	return a.get("Location")
}

// upload makes an upload that starts with data.
func (p *plateau) upload(data string, headers ...string) string {
	p.t.Helper()
	a := p.do("POST", "/files/", data, append([]string{offsetStream}, headers...)...)
	if a.status != http.StatusCreated || a.get("Upload-Offset") != fmt.Sprint(len(data)) {
		p.t.Fatalf("upload: %v", a)
	}
	return a.get("Location")
}

// patch sends data at an offset.
func (p *plateau) patch(location string, offset int, data string, headers ...string) answer {
	p.t.Helper()
	return p.do("PATCH", location, data, append([]string{offsetStream, fmt.Sprint("Upload-Offset: ", offset)}, headers...)...)
}

// offset asks how far an upload is.
func (p *plateau) offset(location string) string {
	p.t.Helper()
	a := p.do("HEAD", location, "")
	if a.status != http.StatusOK {
		p.t.Fatalf("HEAD %s: %v", location, a)
	}
	return a.get("Upload-Offset")
}

// wire is a connection that sends requests in pieces.
type wire struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

// dial connects to the public listener.
func (p *plateau) dial() *wire {
	p.t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		p.t.Fatal(err)
	}
	return newWire(p.t, c)
}

func newWire(t *testing.T, c net.Conn) *wire {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(bound)); err != nil {
		t.Fatal(err)
	}
	return &wire{Conn: c, t: t, in: bufio.NewReader(c)}
}

// send writes a request's start, or more of its body.
func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w, text); err != nil {
		w.t.Fatalf("send: %v", err)
	}
}

// begin sends the header of a request, with a version if none is given.
func (w *wire) begin(method, path string, headers ...string) {
	w.t.Helper()
	start := []string{method + " " + path + " HTTP/1.1", "Host: localhost"}
	if !slices.ContainsFunc(headers, func(h string) bool { return strings.HasPrefix(h, "Tus-Resumable:") }) {
		start = append(start, "Tus-Resumable: 1.0.0")
	}
	w.send(strings.Join(append(start, headers...), "\r\n") + "\r\n\r\n")
}

// hear reads an answer; 1xx answers are passed over.
func (w *wire) hear(method string) (answer, error) {
	for {
		response, err := http.ReadResponse(w.in, &http.Request{Method: method})
		if err != nil {
			return answer{}, err
		}
		if response.StatusCode >= 200 {
			return read(response)
		}
	}
}

func (w *wire) mustHear(method string) answer {
	w.t.Helper()
	a, err := w.hear(method)
	if err != nil {
		w.t.Fatalf("read the answer to %s: %v", method, err)
	}
	return a
}
