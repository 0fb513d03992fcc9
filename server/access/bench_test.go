package access

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What the identity of a request costs: a token that was verified a moment ago, one that was not, one of a file.
func BenchmarkIdentify(b *testing.B) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	ecKey, ecSet := testKey(b)
	for name, from := range map[string]struct {
		set []byte
		key any
	}{"RS256": {testSet(b, map[string]any{"k": rsaKey.Public()}), rsaKey}, "ES256": {ecSet, ecKey}} {
		j := testJWT(b, from.set)
		token := testToken(b, from.key, "alice", time.Now().Add(time.Hour))
		b.Run(name+" known", func(b *testing.B) { identify(b, j.Identify, token, func() {}) })
		b.Run(name+" new", func(b *testing.B) { identify(b, j.Identify, token, j.verified.forget) })
	}
	secret, line, err := NewToken("alice", false)
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte(line.Line()), 0o600); err != nil {
		b.Fatal(err)
	}
	tokens, err := OpenTokens(TokensOptions{File: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("file", func(b *testing.B) { identify(b, tokens.Identify, secret, func() {}) })
}

func identify(b *testing.B, by func(context.Context, string) (Identity, error), token string, before func()) {
	b.ReportAllocs()
	for b.Loop() {
		before()
		if who, err := by(b.Context(), token); err != nil || who.Owner != "alice" {
			b.Fatal(who, err)
		}
	}
}
