package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A token that NewToken makes is found by its line.
func TestNewToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	var lines, secrets []string
	for _, name := range []string{"alice", "auth0|5f7c", "urn:example:bob", "Zoë Žižek"} {
		secret, line, err := NewToken(name, len(secrets) == 1)
		if err != nil || !strings.HasPrefix(secret, "plt_") || len(secret) != 47 || strings.Contains(line.Line(), secret) {
			t.Fatalf("%q: %q %+v %v", name, secret, line, err)
		}
		lines, secrets = append(lines, line.Line()), append(secrets, secret)
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := OpenTokens(TokensOptions{File: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Identity{{"alice", false}, {"auth0|5f7c", true}, {"urn:example:bob", false}, {"Zoë Žižek", false}} {
		if got, err := tokens.Identify(t.Context(), secrets[i]); got != want || err != nil {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	for _, secret := range []string{"", "plt_", secrets[0] + "x", secrets[0][:46], lines[0]} {
		if got, err := tokens.Identify(t.Context(), secret); !errors.Is(err, ErrInvalid) || got != (Identity{}) {
			t.Errorf("%q is %+v, %v", secret, got, err)
		}
	}
	for _, name := range []string{"", " a", "a ", "#a", "a\nb", "a\tb", "\xff", "a\x7f", strings.Repeat("a", 257)} {
		if _, line, err := NewToken(name, false); err == nil {
			t.Errorf("%q was taken: %+v", name, line)
		}
	}
}

// Every wrong line is named, and nothing of it is shown.
func TestWrongLines(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	text := strings.Join([]string{"alice", "alice:secret-token", "alice:" + hash[1:], "alice:" + hash + ":root", ":" + hash, "a\x01b:" + hash, "x:" + hash, "y:" + hash}, "\n")
	_, err := ParseTokens([]byte(text))
	if err == nil {
		t.Fatal("it was taken")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, n := range []int{1, 2, 3, 4, 5, 6, 8} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], fmt.Sprintf("line %d: ", n)) {
			t.Errorf("line %d is not named in %q", n, lines)
		}
	}
	if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "0a0a") {
		t.Errorf("the file is shown: %v", err)
	}
}

// Reload takes a change at once; a look by itself takes it the second time that it is seen.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write := func(owner string) string {
		t.Helper()
		secret, line, err := NewToken(owner, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(line.Line()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return secret
	}
	old := write("alice")
	tokens, err := OpenTokens(TokensOptions{File: file, Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	known := func(secret string) bool {
		_, err := tokens.Identify(t.Context(), secret)
		return err == nil
	}
	changed := write("bob")
	for look, want := range []bool{false, true} {
		if err := tokens.look(false); err != nil || known(changed) != want || known(old) == want {
			t.Errorf("after look %d: %t, %t, %v", look+1, known(changed), known(old), err)
		}
	}
	// One that changes with each look is taken when it has come to rest.
	for range 3 {
		write("carol")
		if err := tokens.look(false); err != nil || !known(changed) {
			t.Errorf("while it is being written: %v", err)
		}
	}
	last := write("dave")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); tokens.Run(ctx) }()
	tokens.Reload()
	for deadline := time.Now().Add(30 * time.Second); !known(last); {
		if time.Now().After(deadline) {
			t.Fatal("Reload has changed nothing")
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	cancel()
	<-ended
}

// A file of no bytes may be about to be written: it changes nothing, even by Reload. A comment alone lets nobody in.
func TestEmptyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret, line, err := NewToken("alice", false)
	if err != nil {
		t.Fatal(err)
	}
	write(line.Line())
	tokens, err := OpenTokens(TokensOptions{File: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	write("")
	for _, asked := range []bool{false, false, true} {
		if err := tokens.look(asked); err == nil || !strings.Contains(err.Error(), "no bytes") {
			t.Errorf("the empty file: %v", err)
		}
	}
	if _, err := tokens.Identify(t.Context(), secret); err != nil {
		t.Errorf("while the file is empty: %v", err)
	}
	write("# nobody\n")
	if err := tokens.look(true); err != nil {
		t.Error(err)
	}
	if _, err := tokens.Identify(t.Context(), secret); !errors.Is(err, ErrInvalid) {
		t.Errorf("after all tokens were taken back: %v", err)
	}
	write("")
	if _, err := OpenTokens(TokensOptions{File: file, Log: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("it was opened with an empty file")
	}
}
