package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// testKey returns a key called "k" and the set that it is in.
func testKey(t testing.TB) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key, testSet(t, map[string]any{"k": key.Public()})
}

func testSet(t testing.TB, keys map[string]any) []byte {
	t.Helper()
	var set jwkset.JWKSMarshal
	for kid, key := range keys {
		jwk, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, jwk.Marshal())
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func testToken(t testing.TB, key any, sub string, expires time.Time) string {
	t.Helper()
	method := jwt.SigningMethod(jwt.SigningMethodES256)
	if _, isEC := key.(*ecdsa.PrivateKey); !isEC {
		method = jwt.SigningMethodRS256
	}
	token := jwt.NewWithClaims(method, jwt.MapClaims{"sub": sub, "exp": expires.Unix()})
	token.Header["kid"] = "k"
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// testJWT checks tokens by a set of keys that a real server has given.
func testJWT(t testing.TB, set []byte, changes ...func(*JWTOptions)) *JWT {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) }))
	t.Cleanup(s.Close)
	opts := JWTOptions{JWKSURL: s.URL, Algorithms: []string{"RS256", "ES256", "EdDSA"}, Log: slog.New(slog.DiscardHandler), Pause: time.Nanosecond, Spread: time.Nanosecond}
	for _, change := range changes {
		change(&opts)
	}
	j, err := NewJWT(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, ended := t.Context(), make(chan struct{})
	go func() { defer close(ended); j.Run(ctx) }()
	t.Cleanup(func() { <-ended })
	return j
}

func TestOptions(t *testing.T) {
	_, err := NewJWT(JWTOptions{Algorithms: []string{"HS256", "none"}, Leeway: -1})
	for _, want := range []string{"JWKSURL", `"HS256"`, `"none"`, "Leeway", "Log"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v doesn't speak of %s", err, want)
		}
	}
	_, err = OpenTokens(TokensOptions{Every: -1})
	for _, want := range []string{"File", "Every", "Log"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v doesn't speak of %s", err, want)
		}
	}
}

// The keys that verify signatures are found among those that don't, and each is for its algorithms only.
func TestKeys(t *testing.T) {
	set := `{"keys":[
		{"kty":"EC","crv":"P-256","kid":"enc","use":"enc","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
		{"kty":"EC","crv":"P-256","kid":"ec","alg":"ES256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","x5u":"http://169.254.169.254/"},
		{"kty":"EC","crv":"P-256","kid":"off","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI6a0"},
		{"kty":"EC","crv":"secp256k1","kid":"k1","x":"AQ","y":"AQ"},
		{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty":"OKP","crv":"X25519","kid":"dh","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty":"RSA","kid":"short","n":"wJ4dWWOlZw","e":"AQAB"},
		{"kty":"oct","kid":"shared","k":"AQAB"}, 7]}`
	keys, err := parseKeys([]byte(set))
	if err != nil || len(keys) != 2 {
		t.Fatalf("%+v: %v", keys, err)
	}
	for _, row := range []struct {
		kid, alg     string
		found, known bool
	}{
		{"ec", "ES256", true, true},
		{"ec", "ES384", false, true},
		{"ec", "EdDSA", false, true},
		{"ed", "EdDSA", true, true},
		{"ed", "RS256", false, true},
		{"shared", "HS256", false, false},
		{"enc", "ES256", false, false},
	} {
		if key, known := keys.named(row.kid, row.alg); (key != nil) != row.found || known != row.known {
			t.Errorf("%q for %s: %v, known %t", row.kid, row.alg, key, known)
		}
	}
}

// What makes an admin.
func TestAdminClaim(t *testing.T) {
	for _, row := range []struct {
		wanted string
		claim  any
		want   bool
	}{
		{"", true, false},
		{"admin", true, true},
		{"admin", "true", false},
		{"admin", 1.0, false},
		{"admin", []any{"admin"}, false},
		{"admin=true", true, false},
		{"admin=yes", "yes", true},
		{"admin=yes", "a yes b", true},
		{"admin=yes", "yesterday", false},
		{"admin=yes", []any{"a", "yes"}, true},
		{"admin=yes", []any{"yes b", 1.0, nil}, false},
		{"admin=yes", map[string]any{"yes": true}, false},
		{"admin=yes", nil, false},
	} {
		if got := isAdmin(jwt.MapClaims{"admin": row.claim}, row.wanted); got != row.want {
			t.Errorf("%q with %v: %t", row.wanted, row.claim, got)
		}
	}
}

// Verified tokens are known for a minute, not past their end, and there are never more than there may be.
func TestVerified(t *testing.T) {
	var v verified
	now := time.Now()
	sum := func(n int) (s [32]byte) { return [32]byte{byte(n), byte(n >> 8), byte(n >> 16)} }
	for n := range 3 * verifiedMost {
		v.add(sum(n), Identity{Owner: "alice"}, now, now.Add(time.Hour), 0)
	}
	if n := len(v.young) + len(v.old); n > verifiedMost {
		t.Errorf("%d are kept", n)
	}
	v.add(sum(1), Identity{Owner: "bob"}, now, now.Add(time.Second), 0)
	for after, want := range map[time.Duration]bool{0: true, time.Second - 1: true, time.Second: false} {
		if _, known, _ := v.find(sum(1), now.Add(after)); known != want {
			t.Errorf("after %s it is known: %t", after, known)
		}
	}
	last := sum(3*verifiedMost - 1)
	for after, want := range map[time.Duration]bool{verifiedFor - 1: true, verifiedFor: false} {
		if _, known, _ := v.find(last, now.Add(after)); known != want {
			t.Errorf("after %s it is known: %t", after, known)
		}
	}
	v.forget()
	v.add(last, Identity{Owner: "alice"}, now, now.Add(time.Hour), 0) // it was verified with the keys of before
	if _, known, era := v.find(last, now); known || era != 1 {
		t.Errorf("it is known after all were forgotten, in era %d", era)
	}
}

// GO-2025-3553 (CVE-2025-30204): a header of many dots cost memory in proportion.
func TestGO20253553(t *testing.T) {
	key, set := testKey(t)
	j := testJWT(t, set)
	if _, err := j.Identify(t.Context(), testToken(t, key, "alice", time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{strings.Repeat(".", 1<<20), "Bearer " + strings.Repeat(".", 8000), strings.Repeat("a.", 4000)} {
		if allocated := testing.AllocsPerRun(10, func() {
			if _, err := j.Identify(t.Context(), token); !errors.Is(err, ErrInvalid) {
				t.Errorf("%.10q: %v", token, err)
			}
		}); allocated > 10 {
			t.Errorf("a token of %d dots is split: %.0f allocations", strings.Count(token, "."), allocated)
		}
	}
	header := http.Header{"Authorization": {"Bearer " + strings.Repeat(".", 1<<20)}}
	if token, err := Bearer(header); !errors.Is(err, ErrInvalid) || token != "" {
		t.Errorf("a token of a megabyte: %v", err)
	}
}
