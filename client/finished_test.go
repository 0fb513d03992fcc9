package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plateau/client"
)

// A finished upload stays remembered until the program has nothing left to do: then the file is uploaded anew.
func TestFinishedUploads(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1 << 20} {
		p := startPlateau(t)
		path, content := sourceFile(t, "a.bin", size)
		state := t.TempDir()
		first, _ := quick(t, p.files, func(o *client.Options) { o.State = state })
		address, err := first.Upload(bounded(t), path)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			again, said := quick(t, p.files, func(o *client.Options) { o.State = state })
			if got, err := again.Upload(bounded(t), path); err != nil || got != address {
				t.Errorf("in another run: %s, %v, want %s", got, err, address)
			}
			if f := said.of(client.Found); len(f) != 1 || f[0].Address != address || len(said.of(client.Created)) > 0 {
				t.Errorf("found %v, created %v", f, said.of(client.Created))
			}
		}
		p.wantOne(t, address, content)
		if err := first.Forget(); err != nil {
			t.Error(err)
		}
		if names, _ := filepath.Glob(filepath.Join(state, "*")); len(names) > 0 {
			t.Errorf("still remembered: %q", names)
		}
		if got, err := first.Upload(bounded(t), path); err != nil || got == address || len(p.all(t)) != 2 {
			t.Errorf("once forgotten: %s, %v; %d uploads", got, err, len(p.all(t)))
		}
	}
}

// The same file twice is one upload, also where nothing is remembered.
func TestSameFileTwice(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"", t.TempDir()} {
		p := startPlateau(t)
		path, content := sourceFile(t, "a.bin", 1000)
		uploader, said := quick(t, p.files, func(o *client.Options) { o.State = state })
		address, err := uploader.Upload(bounded(t), path)
		again, errAgain := uploader.Upload(bounded(t), path)
		if err := errors.Join(err, errAgain); err != nil || again != address || len(said.of(client.Found)) != 1 {
			t.Errorf("%v; %s, then %s", err, address, again)
		}
		p.wantOne(t, address, content)
	}
}

// A finished upload that the server doesn't say to be complete is uploaded anew; what passes is waited for.
func TestFinishedUploadIsGone(t *testing.T) {
	t.Parallel()
	for status, posts := range map[int]int{404: 2, 410: 2, 403: 2, 401: 2, 503: 1, 423: 1} {
		p := &partly{}
		heads := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				if heads++; heads == 1 {
					w.WriteHeader(status)
					return
				}
			}
			p.ServeHTTP(w, r)
		}))
		defer server.Close()
		path, _ := sourceFile(t, "a.bin", stubSize)
		state := t.TempDir()
		for range 2 {
			uploader, _ := quick(t, server.URL, func(o *client.Options) { o.State = state })
			if _, err := uploader.Upload(bounded(t), path); err != nil {
				t.Errorf("%d to HEAD: %v", status, err)
			}
			p.restart(posts == 2)
		}
		if n := p.count(http.MethodPost); n != posts || heads == 0 {
			t.Errorf("%d to HEAD: %d POSTs, want %d", status, n, posts)
		}
	}
}

// A run without the right token doesn't cost the memory of what is finished.
func TestFinishedUploadWithoutToken(t *testing.T) {
	t.Parallel()
	p := &partly{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		p.ServeHTTP(w, r)
	}))
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", stubSize)
	state := t.TempDir()
	for _, token := range []string{"right", "", "right"} {
		uploader, _ := quick(t, server.URL, func(o *client.Options) { o.State, o.Token = state, token })
		_, err := uploader.Upload(bounded(t), path)
		if _, refused := errors.AsType[*client.RefusedError](err); refused != (token == "") {
			t.Errorf("token %q: %v", token, err)
		}
	}
	if n := p.count(http.MethodPost); n != 1 {
		t.Errorf("%d POSTs, want 1", n)
	}
}

// restart makes the server forget what was uploaded, if it is to.
func (s *partly) restart(forget bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if forget {
		s.offset = 0
	}
}

// The error says whether a later run goes on, or begins anew.
func TestUnfinishedIsKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	vanishes := filepath.Join(t.TempDir(), "state")
	for state, want := range map[string]struct {
		kept    bool
		warning string
	}{
		t.TempDir(): {true, ""},
		"":          {false, ""},
		file:        {false, "a later run will begin this file anew"},
		vanishes:    {false, "a later run will begin this file anew"}, // before the address is written down
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			_ = os.RemoveAll(vanishes)
			w.Header().Set("Location", "/files/x")
			w.WriteHeader(http.StatusCreated)
		}))
		defer server.Close()
		path, _ := sourceFile(t, "a.bin", stubSize)
		uploader, said := quick(t, server.URL, func(o *client.Options) { o.State, o.RetryFor = state, 50*time.Millisecond })
		_, err := uploader.Upload(bounded(t), path)
		if e, ok := errors.AsType[*client.UnfinishedError](err); !ok || e.Kept != want.kept {
			t.Errorf("state %q: %#v, want kept %v", state, err, want.kept)
		}
		w := said.of(client.Warning)
		if len(w) > 0 != (want.warning != "") || len(w) > 0 && !strings.Contains(w[0].Err.Error(), want.warning) {
			t.Errorf("state %q: warnings %v, want %q", state, w, want.warning)
		}
	}
}
