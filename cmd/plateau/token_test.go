package main

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A token is shown once, and its line is what the file needs.
func TestToken(t *testing.T) {
	hashOf := func(secret string) string {
		sum := sha256.Sum256([]byte(secret))
		return hex.EncodeToString(sum[:])
	}
	got := runCommand(t, nil, "token", "alice", "--admin")
	secret, line, _ := strings.Cut(got.stdout, "\n")
	if got.code != exitOK || got.stderr != "" || !strings.HasPrefix(secret, "plt_") || line != "alice:"+hashOf(secret)+":admin\n" {
		t.Fatalf("%+v", got)
	}

	file := filepath.Join(t.TempDir(), "tokens")
	want := ""
	for _, row := range []struct {
		args string
		code int
		line string // NAME: and what follows the hash
	}{
		{"alice --file " + file, exitOK, "alice:"},
		{"--file=" + file + " --admin bob", exitOK, "bob::admin"},
		{"alice --file " + file, exitUsage, ""},
		{"alice --another --file " + file, exitOK, "alice:"},
		{"alice --admin=maybe --file " + file, exitUsage, ""},
		{"--file " + file, exitUsage, ""},
		{"a b --file " + file, exitUsage, ""},
		{"carol --fiel " + file, exitUsage, ""},
		{"carol --file " + file + "/x", exitFailure, ""},
		{"#carol --file " + file, exitUsage, ""},
	} {
		got := runCommand(t, nil, append([]string{"token"}, strings.Fields(row.args)...)...)
		if got.code != row.code || (got.code == exitOK) != (got.stderr == "") || strings.Contains(got.stderr, "plt_") {
			t.Errorf("%s: %+v", row.args, got)
		}
		if row.line != "" {
			name, rest, _ := strings.Cut(row.line, ":")
			want += name + ":" + hashOf(strings.TrimSpace(got.stdout)) + rest + "\n"
		} else if got.stdout != "" {
			t.Errorf("%s has printed %q", row.args, got.stdout)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != want {
		t.Errorf("the file is\n%s(%v), want\n%s", text, err, want)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v (%v)", info.Mode(), err)
	}

	// A file with a mistake is not made worse, and one without a newline at its end not broken.
	for before, after := range map[string]bool{"carol:not a hash\n": false, "dave:" + strings.Repeat("0a", 32): true} {
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		got := runCommand(t, nil, "token", "alice", "--file", file)
		text, err := os.ReadFile(file)
		if err != nil || (got.code == exitOK) != after || strings.HasPrefix(string(text), before+"\nalice:") != after || !after && string(text) != before {
			t.Errorf("%q became %q: %+v", before, text, got)
		}
	}
}

// The server takes what plateau token makes, reads the file again at SIGHUP, and doesn't start with a mistake in it.
func TestServeTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	made := runCommand(t, nil, "token", "alice", "--file", file)
	args := append(serveArgs(filepath.Join(t.TempDir(), "data")), "--auth=token", "--auth-tokens-file="+file)
	p := start(t, "main", args...)
	listen, _ := p.await(t, "serving")["listen"].(string)
	for token, want := range map[string]int{strings.TrimSpace(made.stdout): http.StatusCreated, "plt_x": http.StatusUnauthorized} {
		req, err := http.NewRequest(http.MethodPost, "http://"+listen+"/files/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Tus-Resumable", "1.0.0")
		req.Header.Set("Upload-Length", "5")
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.Body.Close() != nil || resp.StatusCode != want {
			t.Errorf("%v %v, want %d", resp, err, want)
		}
	}
	if got := runCommand(t, nil, "token", "bob", "--file", file); got.code != exitOK {
		t.Fatalf("%+v", got)
	}
	p.signal(t, syscall.SIGHUP)
	if n := p.await(t, "the tokens' file was read again")["tokens"]; n != 2.0 {
		t.Errorf("it has %v tokens", n)
	}
	p.signal(t, syscall.SIGTERM)
	p.wait(t)

	if err := os.WriteFile(file, []byte("alice:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p = start(t, "main", args...)
	if status := p.wait(t); status.ExitStatus() != exitUsage || !strings.Contains(p.output(), "line 1: ") || strings.Contains(p.output(), "alice:secret") {
		t.Errorf("ended with %v:\n%s", status, p.output())
	}
}
