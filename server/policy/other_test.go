package policy_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plateau/server/policy"
)

// bound is how long a test waits for what must happen.
const bound = 30 * time.Second

// other is a policy server.
type other struct {
	*httptest.Server
	asked atomic.Int64
	conns atomic.Int64 // that were made
	open  atomic.Int64 // and are not closed

	mu     sync.Mutex
	answer http.HandlerFunc
	last   string // question
}

func newOther(t *testing.T, answer http.HandlerFunc) *other {
	t.Helper()
	o := &other{answer: answer}
	o.Server = httptest.NewUnstartedServer(http.HandlerFunc(o.serve))
	o.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			o.conns.Add(1)
			o.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			o.open.Add(-1)
		}
	}
	o.Start()
	t.Cleanup(o.Close)
	return o
}

func (o *other) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	o.asked.Add(1)
	o.mu.Lock()
	o.last = string(body)
	answer := o.answer
	o.mu.Unlock()
	answer(w, r)
}

func (o *other) set(answer http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

const yes = `{"allow":true}`

func newAsker(t *testing.T, o policy.Options) *policy.Asker {
	t.Helper()
	if o.Timeout == 0 {
		o.Timeout = bound
	}
	a, err := policy.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, bound)
		}
	}
}
