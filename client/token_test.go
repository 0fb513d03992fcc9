package client_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
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
