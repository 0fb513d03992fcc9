package store_test

import (
	"regexp"
	"strings"
	"testing"

	"plateau/store"
)

func FuzzIDPrefix(f *testing.F) {
	for _, seed := range []string{"", "tenant1", "a-b", "a--b", "-a", "a-", "1a", "_a", "a_", "A9-_-9", "ä", "a.b", strings.Repeat("a", 32), strings.Repeat("a", 33)} {
		f.Add(seed)
	}
	valid := regexp.MustCompile(`\A[A-Za-z][A-Za-z0-9_]*(-[A-Za-z0-9_]+)*\z`)
	f.Fuzz(func(t *testing.T, prefix string) {
		if got, want := store.ValidIDPrefix(prefix), len(prefix) <= 32 && valid.MatchString(prefix); got != want {
			t.Fatalf("ValidIDPrefix(%q) is %t", prefix, got)
		}
		if store.ValidIDPrefix(prefix) {
			ctx := store.WithRequest(t.Context(), &store.Request{IDPrefix: prefix})
			for _, id := range []string{"0123", "a+b--c", "", "-x"} {
				p, rest := store.CutIDPrefix(store.PrefixID(ctx, id))
				if p != prefix+"--" || rest != id {
					t.Fatalf("%q and %q became %q and %q", prefix, id, p, rest)
				}
			}
		}
		if p, rest := store.CutIDPrefix(prefix); p+rest != prefix {
			t.Fatalf("%q became %q and %q", prefix, p, rest)
		}
	})
}

// A multipart upload's id may have two hyphens in it.
func TestNoIDPrefix(t *testing.T) {
	for _, id := range []string{"0123", "0123+a--b", "b-0123456789abcdef0123456789abcdef", "--a", "1--a", "a.info--b", ""} {
		if p, rest := store.CutIDPrefix(id); p != "" || rest != id {
			t.Errorf("%q has the prefix %q", id, p)
		}
	}
}
