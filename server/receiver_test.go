package server_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"plateau/config"
)

// announced returns the ids of the events on a server's standard output.
func (p *plateau) announced() []string {
	p.t.Helper()
	var ids []string
	for _, line := range p.out.all(p.t) {
		id, _ := line["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

// announces waits for the event of an upload.
func (p *plateau) announces(location string) {
	p.t.Helper()
	until(p.t, "the event of "+location, func() bool { return slices.Contains(p.announced(), idOf(location)+":finished") })
}

// metric waits until /metrics has the line.
func (p *plateau) metric(line string) {
	p.t.Helper()
	until(p.t, "the metric "+line, func() bool { return strings.Contains(p.admin("/metrics").body, "\n"+line+"\n") })
}

// receiver is a webhook of the test, which answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex // guards what follows
	status int
	heard  []string // event ids, in order
	bodies []string
	header http.Header
}

func receive(t *testing.T, status int) *receiver {
	r := &receiver{status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		text, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.heard = append(r.heard, request.Header.Get("ce-id"))
		r.bodies = append(r.bodies, string(text))
		r.header = request.Header
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.heard)
}

func (r *receiver) use(c *config.Config) {
	c.WebhookURL, c.WebhookSecret = r.URL+"/in?token=hidden", "hunter2"
}

// nobody is an address that refuses connections.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
