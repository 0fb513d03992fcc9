package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"plateau/client"
)

// The token reaches the endpoint's own origin only.
func TestToken(t *testing.T) {
	t.Parallel()
	const token = "s3cret"
	elsewhere := &stub{}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.note(r)
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s to another place has Authorization %q", r.Method, r.Header.Get("Authorization"))
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer other.Close()
	location := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("%s has Authorization %q", r.Method, r.Header.Get("Authorization"))
		}
		w.Header().Set("Location", location)
		switch {
		case r.URL.Path == "/redirects/":
			w.WriteHeader(http.StatusTemporaryRedirect)
		case r.Method == http.MethodPost:
			w.WriteHeader(http.StatusCreated)
		default:
			n, _ := io.Copy(io.Discard, r.Body)
			w.Header().Set("Upload-Offset", strconv.FormatInt(n, 10))
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", stubSize)
	run := func(path, endpoint string) error {
		uploader, _ := quick(t, endpoint, func(o *client.Options) { o.Token = token })
		_, err := uploader.Upload(bounded(t), path)
		if err != nil && strings.Contains(err.Error(), token) {
			t.Errorf("the token is told: %v", err)
		}
		return err
	}

	for _, location = range []string{"/files/x", server.URL + "/files/x", "x"} {
		if err := run(path, server.URL); err != nil {
			t.Errorf("Location %q: %v", location, err)
		}
	}
	location = other.URL + "/files/x"
	err := run(path, server.URL+"/files/")
	if err == nil || !strings.Contains(err.Error(), "no token was sent there") || elsewhere.count("PATCH") != 1 {
		t.Errorf("Location elsewhere: %v, %d requests there", err, elsewhere.count("PATCH"))
	}
	if err := run(path, server.URL+"/redirects/"); err == nil || elsewhere.count("POST") != 0 {
		t.Errorf("redirect: %v, %d requests there", err, elsewhere.count("POST"))
	}
	for _, location = range []string{"", "ftp://host/x", "http://user:pw@host/x", "://"} {
		if err := run(path, server.URL); err == nil || !strings.Contains(err.Error(), "not that of a tus server") {
			t.Errorf("Location %q: %v", location, err)
		}
	}
}

// A token that has expired, as HEAD hears of it, is nothing to wait for; and with another token the upload goes on.
func TestTokenExpired(t *testing.T) {
	t.Parallel()
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch expired := r.Header.Get("Authorization") == "Bearer old"; {
		case r.Method == http.MethodPost:
			posts.Add(1)
			w.Header().Set("Location", "/files/x")
			w.WriteHeader(http.StatusCreated)
		case expired:
			w.Header().Set("WWW-Authenticate", `Bearer realm="plateau", error="invalid_token", error_description="the token has expired"`)
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(map[bool]int{true: http.StatusLocked, false: http.StatusUnauthorized}[r.Method == http.MethodHead])
		case r.Method == http.MethodHead:
			w.Header().Set("Upload-Offset", "0")
		default:
			n, _ := io.Copy(io.Discard, r.Body)
			w.Header().Set("Upload-Offset", strconv.FormatInt(n, 10))
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", stubSize)
	state := t.TempDir()
	for i, token := range []string{"old", "old", "new"} {
		uploader, _ := quick(t, server.URL, func(o *client.Options) { o.Token, o.State = token, state })
		_, err := uploader.Upload(bounded(t), path)
		status, refused := errors.AsType[*client.StatusError](err)
		if refused != (token == "old") || refused && (!status.Unauthorized || !strings.Contains(err.Error(), "token") && i > 0) {
			t.Errorf("run %d with the token %q: %v", i, token, err)
		}
	}
	if posts.Load() != 1 {
		t.Errorf("it was begun %d times", posts.Load())
	}
}
