package access

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is taken for a token is one, and is what was sent.
func FuzzBearer(f *testing.F) {
	for _, text := range []string{"", "Bearer x", "bearer  x ", "Basic eA==", "Bearer", "Bearer x y", "Bearer \x00", "Bearer " + strings.Repeat("x", maxToken+1)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := Bearer(http.Header{"Authorization": {text}})
		switch {
		case err != nil && (token != "" || !errors.Is(err, ErrMissing) && !errors.Is(err, ErrInvalid)):
			t.Fatalf("%q is %q with %v", text, token, err)
		case err != nil:
			return
		}
		if len(token) > maxToken || token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q has the token %q", text, token)
		}
		if !strings.EqualFold(strings.Join(strings.Fields(text), " "), "bearer "+token) {
			t.Fatalf("%q has the token %q", text, token)
		}
		if _, err := Bearer(http.Header{"Authorization": {text, text}}); !errors.Is(err, ErrInvalid) {
			t.Fatalf("two headers: %v", err)
		}
	})
}

// A file that is taken says the same when its lines are written again, and every line that
// counts is an owner's.
func FuzzTokens(f *testing.F) {
	_, made, err := NewToken("alice", true)
	if err != nil {
		f.Fatal(err)
	}
	line := made.Line()
	for _, text := range []string{
		"", "# a comment\n\n", line, line + "\n" + line, "\ufeff" + line, "urn:a:b:" + strings.TrimPrefix(line, "alice:"), ":" + line,
		"a\r\n", "a:" + strings.Repeat("0", 64), "a:" + strings.Repeat("0", 63) + "g", "\xff" + line,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := ParseTokens(data)
		if err != nil {
			if len(all) > 0 || !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("%d tokens with %v", len(all), err)
			}
			return
		}
		var b strings.Builder
		b.WriteString("# again\n")
		hashes := map[[sha256.Size]byte]bool{}
		for _, token := range all {
			if !validOwner(token.Owner) || hashes[token.Hash] {
				t.Fatalf("%+v is taken", token)
			}
			hashes[token.Hash] = true
			b.WriteString(token.Line() + "\n")
		}
		if again, err := ParseTokens([]byte(b.String())); err != nil || !slices.Equal(again, all) {
			t.Fatalf("%q became %+v (%v)", b.String(), again, err)
		}
	})
}

// No query but one that was signed opens anything.
func FuzzLinks(f *testing.F) {
	links := NewLinks(strings.Repeat("s", 32))
	now := time.Unix(1_700_000_000, 0)
	good := links.Sign("id", now.Add(time.Minute))
	f.Add("id", good)
	f.Add("id", links.Sign("id", now))
	f.Add("id2", good)
	f.Add("id", good+"&expires=1")
	f.Add("id", "expires=&signature=")
	f.Add("id", strings.ReplaceAll(good, "=", "=+"))
	f.Fuzz(func(t *testing.T, id, text string) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		expires, err := links.Check(id, query, now)
		switch {
		case err == nil:
			if links.Sign(id, expires) != linkExpires+"="+query.Get(linkExpires)+"&"+linkSignature+"="+query.Get(linkSignature) || !now.Before(expires) {
				t.Fatalf("%q opens %q", text, id)
			}
			if signed, _ := url.ParseQuery(good); id != "id" || query.Get(linkSignature) != signed.Get(linkSignature) {
				t.Fatalf("a signature was found: %q for %q", text, id)
			}
		case !errors.Is(err, ErrLinkInvalid) && !errors.Is(err, ErrLinkExpired):
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// Nothing that wasn't signed is anybody's token, and nothing takes the parser down.
func FuzzJWT(f *testing.F) {
	key, set := testKey(f)
	j := testJWT(f, set)
	good := testToken(f, key, "alice", time.Now().Add(time.Hour*24*365))
	parts := strings.Split(good, ".")
	for _, text := range []string{
		good, "", ".", "..", "...", strings.Repeat(".", 8000), parts[0] + "." + parts[1] + ".", parts[0] + ".bnVsbA." + parts[2],
		"bnVsbA." + parts[1] + "." + parts[2], "eyJhbGciOiJub25lIn0." + parts[1] + ".", parts[0] + "." + parts[1] + "." + parts[2][:80],
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		identity, err := j.Identify(t.Context(), text)
		if err == nil && text != good {
			t.Fatalf("%q is a token of %+v", text, identity)
		}
		if err != nil && (!errors.Is(err, ErrInvalid) || identity != Identity{}) {
			t.Fatalf("%q: %+v, %v", text, identity, err)
		}
	})
}

// Any set of keys is taken with keys that can verify, or not at all.
func FuzzKeys(f *testing.F) {
	_, set := testKey(f)
	f.Add(set)
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[null,1,{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeys(data)
		if (err == nil) == (len(keys) == 0) {
			t.Fatalf("%d keys with %v", len(keys), err)
		}
		for _, k := range keys {
			if len(k.kid) > maxKid || k.fits("HS256") || k.fits("none") || k.fits("") {
				t.Fatalf("%q is a key for what it can't be", k.kid)
			}
		}
	})
}
