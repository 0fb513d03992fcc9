package hooks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plateau/hooks"
)

func newWebhook(t *testing.T, opts hooks.WebhookOptions) *hooks.Webhook {
	t.Helper()
	w, err := hooks.NewWebhook(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close(t.Context()) })
	return w
}

func TestWebhookOptions(t *testing.T) {
	for _, url := range []string{"", "x", "ftp://host/", "http://", "https://user:secret@host/", "http://[::1", "http://host/%zz"} {
		err := hooks.WebhookOptions{URL: url}.Validate()
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if err := (hooks.WebhookOptions{URL: "https://host/path?token=1"}).Validate(); err != nil {
		t.Error(err)
	}
}

// A request is a CloudEvent in binary mode, signed.
func TestWebhookRequest(t *testing.T) {
	type request struct {
		method string
		header http.Header
		body   []byte
	}
	requests := make(chan request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- request{r.Method, r.Header, body}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer s.Close()
	e := testEvents(t, 0, 1, 0)[0]
	e.Source, e.Trace = `/a "b" é%`, traceparent
	before := time.Now().Unix()
	if errs := newWebhook(t, hooks.WebhookOptions{URL: s.URL + "/in?x=1", Secret: "key"}).Send(t.Context(), []hooks.Event{e}); errs != nil {
		t.Fatal(errs)
	}
	r := <-requests
	for name, want := range map[string]string{
		"ce-specversion": "1.0",
		"ce-id":          "u000000:finished",
		"ce-source":      "/a%20%22b%22%20%C3%A9%25",
		"ce-type":        "dev.plateau.upload.finished.v1",
		"ce-subject":     "u000000",
		"ce-traceparent": traceparent,
		"ce-time":        "2026-11-29T05:41:07.123456789Z",
		"content-type":   "application/json",
	} {
		if got := r.header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if r.method != http.MethodPost || string(r.body) != string(e.Data) {
		t.Errorf("%s %s", r.method, r.body)
	}
	stamp, digest, _ := strings.Cut(strings.TrimPrefix(r.header.Get("X-Signature"), "t="), ",v1=")
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || at < before || at > time.Now().Unix() {
		t.Errorf("signed at %q", stamp)
	}
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(stamp + "." + e.ID + "." + string(r.body)))
	if digest != hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("the signature is %q", r.header.Get("X-Signature"))
	}
}

func TestWebhookAnswers(t *testing.T) {
	var status, followed atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			followed.Add(1)
		}
		if r.Header.Get("X-Signature") != "" {
			t.Error("signed without a secret")
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(int(status.Load()))
		_, _ = w.Write(make([]byte, 1000))
	}))
	defer s.Close()
	w := newWebhook(t, hooks.WebhookOptions{URL: s.URL})
	passing := errors.New("passing")
	for code, want := range map[int]error{
		200: nil, 201: nil, 202: nil,
		301: hooks.ErrOperator, 307: hooks.ErrOperator,
		400: hooks.ErrRejected, 405: hooks.ErrRejected, 410: hooks.ErrRejected, 413: hooks.ErrRejected, 422: hooks.ErrRejected,
		401: hooks.ErrOperator, 403: hooks.ErrOperator, 404: hooks.ErrOperator,
		408: passing, 429: passing, 500: passing, 502: passing, 503: passing,
	} {
		status.Store(int64(code))
		errs := w.Send(t.Context(), testEvents(t, 0, 1, 0))
		switch {
		case want == nil:
			if errs != nil {
				t.Errorf("%d: %v", code, errs)
			}
		case errs == nil || errs[0] == nil:
			t.Errorf("%d counts as delivered", code)
		case errors.Is(errs[0], hooks.ErrRejected) != (want == hooks.ErrRejected), errors.Is(errs[0], hooks.ErrOperator) != (want == hooks.ErrOperator):
			t.Errorf("%d: %v", code, errs[0])
		}
	}
	if followed.Load() > 0 {
		t.Error("a redirect was followed")
	}
}

// Eight at a time, over connections that are used again, and none is left.
func TestWebhookAtOnce(t *testing.T) {
	var running, most atomic.Int64
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	open := map[net.Conn]bool{}
	got := map[string]int{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		now := running.Add(1)
		defer running.Add(-1)
		mu.Lock()
		defer mu.Unlock()
		most.Store(max(most.Load(), now))
		got[r.Header.Get("ce-subject")]++
	}))
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		switch state {
		case http.StateNew:
			conns[c], open[c] = true, true
		case http.StateClosed, http.StateHijacked:
			delete(open, c)
		}
	}
	s.Start()
	defer s.Close()
	w := newWebhook(t, hooks.WebhookOptions{URL: s.URL})
	for range 4 {
		if errs := w.Send(t.Context(), testEvents(t, 0, 100, 0)); errs != nil {
			t.Fatal(errs)
		}
	}
	mu.Lock()
	if len(got) != 100 || got["u000042"] != 4 || most.Load() > 8 || len(conns) > 8 {
		t.Errorf("%d arrived, %d at a time, over %d connections", len(got), most.Load(), len(conns))
	}
	mu.Unlock()
	if err := w.Close(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "no connection is open", func() bool { mu.Lock(); defer mu.Unlock(); return len(open) == 0 })
}

// A receiver that says nothing costs one timeout, not one for each event.
func TestWebhookSilent(t *testing.T) {
	hang := make(chan struct{})
	var requests atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(hang)
	w := newWebhook(t, hooks.WebhookOptions{URL: s.URL, Timeout: 50 * time.Millisecond})
	errs := w.Send(t.Context(), testEvents(t, 0, 500, 0))
	if len(errs) != 500 {
		t.Fatalf("errors: %d", len(errs))
	}
	for i, err := range errs {
		if err == nil || errors.Is(err, hooks.ErrOperator) || errors.Is(err, hooks.ErrRejected) || errors.Is(err, hooks.ErrPoison) {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	if n := requests.Load(); n > 20 {
		t.Errorf("%d requests", n)
	}
}

// Nobody there; the address, whose query may be secret, stays out of the error.
func TestWebhookAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	errs := newWebhook(t, hooks.WebhookOptions{URL: "http://" + l.Addr().String() + "/?token=secret"}).Send(t.Context(), testEvents(t, 0, 1, 0))
	if len(errs) != 1 || errs[0] == nil || errors.Is(errs[0], hooks.ErrOperator) || strings.Contains(errs[0].Error(), "secret") {
		t.Errorf("errors are %v", errs)
	}
}

func TestWebhookTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	errs := newWebhook(t, hooks.WebhookOptions{URL: s.URL}).Send(t.Context(), testEvents(t, 0, 1, 0))
	if len(errs) != 1 || !errors.Is(errs[0], hooks.ErrOperator) {
		t.Errorf("a certificate that nobody trusts: %v", errs)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	trusting := newWebhook(t, hooks.WebhookOptions{URL: s.URL, TLS: &tls.Config{RootCAs: roots}})
	if errs := trusting.Send(t.Context(), testEvents(t, 0, 1, 0)); errs != nil {
		t.Error(errs)
	}
}
