package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"plateau/config"
)

func TestHealthURL(t *testing.T) {
	for listen, want := range map[string]string{
		":8080":          "http://127.0.0.1:8080/healthz",
		"0.0.0.0:1":      "http://127.0.0.1:1/healthz",
		"[::]:1":         "http://[::1]:1/healthz",
		"127.0.0.2:1":    "http://127.0.0.2:1/healthz",
		"[::1]:1":        "http://[::1]:1/healthz",
		"localhost:1":    "http://localhost:1/healthz",
		"192.0.2.1:1234": "http://192.0.2.1:1234/healthz",
	} {
		if got, err := healthURL(config.Config{Listen: listen}); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", listen, got, err, want)
		}
	}
	if got, _ := healthURL(config.Config{Listen: ":1", TLSCert: "cert"}); got != "https://127.0.0.1:1/healthz" {
		t.Errorf("with TLS: %q", got)
	}
	if got, err := healthURL(config.Config{Listen: ":0"}); err == nil {
		t.Errorf("port 0: %q", got)
	}
}

func TestHealthcheck(t *testing.T) {
	status := http.StatusOK
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/elsewhere") // must not be followed
		w.WriteHeader(status)
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())

	// :port is what the image listens on.
	if got := runCommand(t, nil, "healthcheck", "--listen", ":"+port, "--auth=none"); got.code != exitOK || !strings.HasPrefix(got.stdout, "healthy: ") {
		t.Errorf("%+v", got)
	}
	for _, status = range []int{http.StatusFound, http.StatusNotFound, http.StatusServiceUnavailable} {
		got := runCommand(t, nil, "healthcheck", "--listen", "127.0.0.1:"+port)
		if got.code != exitFailure || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, http.StatusText(status)) {
			t.Errorf("%d: %+v", status, got)
		}
	}
	srv.Close()
	if got := runCommand(t, nil, "healthcheck", "--listen", "127.0.0.1:"+port); got.code != exitFailure || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("nobody there: %+v", got)
	}
	if got := runCommand(t, nil, "healthcheck", "--listen", "nonsense"); got.code != exitFailure {
		t.Errorf("mistakes: %+v", got)
	}
}

func TestHealthcheckOverTLS(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	if err := askHealth(t.Context(), srv.URL+"/healthz"); err != nil {
		t.Error(err)
	}
}

func TestHealthcheckDoesNotWaitForEver(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // connections wait in its queue, unanswered
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := runCommand(t, nil, "healthcheck", "--listen", listener.Addr().String())
	if got.code != exitFailure || !strings.Contains(got.stderr, "deadline exceeded") {
		t.Errorf("%+v", got)
	}
}
