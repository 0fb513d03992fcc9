package flags_test

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// growthbook is a server that speaks the part of GrowthBook's API that the SDKs use.
type growthbook struct {
	*httptest.Server
	switchable
	open        atomic.Int64 // connections
	full        atomic.Int64 // answers with a body
	notModified atomic.Int64
}

// serve starts one that tells no features.
func serve(t *testing.T) *growthbook {
	t.Helper()
	g := &growthbook{}
	g.tell(features(""))
	g.Server = httptest.NewUnstartedServer(&g.switchable)
	g.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			g.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			g.open.Add(-1)
		}
	}
	g.Start()
	t.Cleanup(func() {
		g.CloseClientConnections() // a hanging one would be waited for
		g.Close()
	})
	return g
}

// tell has it answer with a payload, and with 304 to who knows that.
func (g *growthbook) tell(payload string) {
	etag := fmt.Sprintf(`W/"%x"`, sha256.Sum256([]byte(payload)))
	g.set(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/features/"+clientKey {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			g.notModified.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		g.full.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, payload)
	})
}

// answer has it answer with a text, whatever the question.
func (g *growthbook) answer(status int, text string) {
	g.set(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	})
}

// hang has it never answer.
func (g *growthbook) hang() {
	g.set(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// half has it break off in its answer.
func (g *growthbook) half() {
	g.set(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"features": {`)
		panic(http.ErrAbortHandler)
	})
}
