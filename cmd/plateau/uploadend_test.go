package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plateau/client"
)

// A signal ends the context.
func TestUploadInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var stdout bytes.Buffer
	stderr := &onWrite{do: func(text string) {
		if strings.Contains(text, "trying again") {
			cancel()
		}
	}}
	code := run(ctx, process{
		args:    []string{"upload", smallFile(t, "a"), smallFile(t, "b"), "--to", tusServer(t, "") + "/away/", "--state", t.TempDir()},
		environ: []string{"TERM=dumb"}, stdout: &stdout, stderr: stderr,
	})
	if code != exitInterrupted || stdout.Len() > 0 || !strings.Contains(stderr.text.String(), "the same command goes on") ||
		strings.Count(stderr.text.String(), "stopped at") != 1 {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout.String(), stderr.text.String())
	}
}

// onWrite keeps what is written and tells of it.
type onWrite struct {
	text strings.Builder
	do   func(text string)
}

func (w *onWrite) Write(p []byte) (int, error) {
	w.do(string(p))
	return w.text.Write(p)
}

// What a file's name holds isn't done to a terminal.
func TestUploadNamesOnATerminal(t *testing.T) {
	evil := smallFile(t, "a\x1b]0;title\a")
	server := tusServer(t, "")
	for _, args := range [][]string{
		{evil, "--to", server},
		{evil, "--to", server + "/refuse/", "--quiet"},
		{evil, "--to", server + "/away/", "--quiet", "--retry-for", "1ms"},
		{evil, "--to", server, "--quiet", "--state", filepath.Join(evil, "no folder")},
	} {
		got := runCommand(t, []string{"XDG_STATE_HOME=" + t.TempDir()}, append([]string{"upload"}, args...)...)
		if strings.ContainsAny(got.stderr, "\x1b\a") || !strings.Contains(got.stderr, "a?]0;title?") {
			t.Errorf("%q: %q", args, got.stderr)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	stderr := &onWrite{do: func(string) { cancel() }}
	code := run(ctx, process{
		args:    []string{"upload", evil, "--quiet", "--to", server + "/away/", "--state", t.TempDir()},
		environ: nil, stdout: &bytes.Buffer{}, stderr: stderr,
	})
	if code != exitInterrupted || strings.ContainsAny(stderr.text.String(), "\x1b\a") {
		t.Errorf("interrupted: %d, %q", code, stderr.text.String())
	}
}

// counting passes requests on to a server, and counts the POSTs.
func counting(t *testing.T, server string) (address string, posts *atomic.Int32) {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	posts = new(atomic.Int32)
	pass := httputil.NewSingleHostReverseProxy(target)
	before := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(before.Close)
	return before.URL, posts
}

// What a command has finished is remembered until all of it is: run again, it uploads the rest only.
func TestUploadAgain(t *testing.T) {
	server, posts := counting(t, tusServer(t, ""))
	state, a, late := t.TempDir(), smallFile(t, "a"), filepath.Join(t.TempDir(), "late")
	command := []string{"upload", a, late, "--to", server, "--state", state}
	for range 2 {
		if got := runCommand(t, nil, command...); got.code != exitFailure || got.stdout != server+"/files/x\n" || posts.Load() != 1 {
			t.Errorf("%+v; %d POSTs", got, posts.Load())
		}
	}
	if got := runCommand(t, nil, command...); !strings.Contains(got.stderr, "already uploaded") {
		t.Errorf("%+v", got)
	}
	if err := os.Rename(smallFile(t, "late"), late); err != nil {
		t.Fatal(err)
	}
	if got := runCommand(t, nil, command...); got.code != exitOK || posts.Load() != 2 {
		t.Errorf("%+v; %d POSTs", got, posts.Load())
	}
	if left, _ := filepath.Glob(filepath.Join(state, "*")); len(left) > 0 {
		t.Errorf("still remembered: %q", left)
	}
	if got := runCommand(t, nil, command...); got.code != exitOK || posts.Load() != 4 { // it is another wish
		t.Errorf("%+v; %d POSTs", got, posts.Load())
	}
}

// Without a memory the same command begins anew, and that is what it says.
func TestUploadWithoutMemory(t *testing.T) {
	got := runCommand(t, nil, "upload", smallFile(t, "a"), "--to", tusServer(t, "")+"/away/", "--retry-for", "1ms")
	if got.code != exitUnfinished || strings.Contains(got.stderr, "is lost") || !strings.Contains(got.stderr, "begins it anew") {
		t.Errorf("%+v", got)
	}
}

// brokenWriter takes nothing.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

// Standard output that can't be written is no reason to leave files out.
func TestUploadCannotSay(t *testing.T) {
	server, posts := counting(t, tusServer(t, ""))
	var stderr bytes.Buffer
	a, b := smallFile(t, "a"), smallFile(t, "b")
	code := run(t.Context(), process{
		args:   []string{"upload", a, b, "--quiet", "--to", server, "--state", t.TempDir()},
		stdout: brokenWriter{}, stderr: &stderr,
	})
	if code != exitFailure || posts.Load() != 2 || strings.Count(stderr.String(), "\n") != 1 ||
		!strings.Contains(stderr.String(), "write the address of "+a) {
		t.Errorf("code %d, %d POSTs, %q", code, posts.Load(), stderr.String())
	}
}

// A signal ends it also while what it says stands in a pipe that nobody reads.
func TestUploadInterruptedInAWrite(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	defer close(over)
	stderr := &onWrite{do: func(string) {
		cancel()
		<-over
	}}
	begin := time.Now()
	code := run(ctx, process{
		args:    []string{"upload", smallFile(t, "a"), "--to", tusServer(t, ""), "--state", t.TempDir()},
		environ: nil, stdout: &bytes.Buffer{}, stderr: stderr,
	})
	if code != exitInterrupted || time.Since(begin) > 10*stopPatience {
		t.Errorf("code %d after %s", code, time.Since(begin))
	}
}

// Whoever wants quiet hears once of each file that it waits.
func TestUploadTroubles(t *testing.T) {
	var b strings.Builder
	watch := troubles(&b)
	for _, file := range []string{"a", "b"} {
		watch(client.Event{Kind: client.Started, File: file})
		for range 3 {
			watch(client.Event{Kind: client.Waiting, File: file, Err: errors.New("no")})
			watch(client.Event{Kind: client.Moved, File: file})
		}
	}
	if want := "plateau: a: no; trying again and again\nplateau: b: no; trying again and again\n"; b.String() != want {
		t.Errorf("said %q, want %q", b.String(), want)
	}
}
