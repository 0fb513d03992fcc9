package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// published is an issuer whose set of keys may change.
type published struct {
	*httptest.Server
	set   atomic.Pointer[[]byte]
	asked atomic.Int64
}

func publish(t *testing.T, set []byte) *published {
	t.Helper()
	p := &published{}
	p.set.Store(&set)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		_, _ = w.Write(*p.set.Load())
	}))
	t.Cleanup(p.Close)
	return p
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// tokenNaming is a token of alice whose kid is as given; empty: it has none.
func tokenNaming(t *testing.T, kid string, key *ecdsa.PrivateKey, changes ...func(jwt.MapClaims)) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": "alice", "exp": time.Now().Add(time.Hour).Unix()}
	for _, change := range changes {
		change(claims)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// heard asserts what Identify says of a token.
func heard(t *testing.T, j *JWT, what, token string, want error) {
	t.Helper()
	if _, err := j.Identify(t.Context(), token); !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

// later moves all looks that were made into the past.
func (j *JWT) later() {
	j.keys.mu.Lock()
	defer j.keys.mu.Unlock()
	j.keys.began, j.keys.asked = j.keys.began.Add(-2*time.Hour), time.Time{}
	for name, first := range j.keys.missed {
		j.keys.missed[name] = first.Add(-2 * time.Hour)
	}
}

func anHour(o *JWTOptions) { o.Spread = time.Hour }

// A token without a kid is good by any of the keys that fit, up to a bound.
func TestTokensWithoutKid(t *testing.T) {
	keys := map[string]any{}
	var all []*ecdsa.PrivateKey
	for n := range maxTried {
		all = append(all, ecKey(t))
		keys[fmt.Sprint(n)] = all[n].Public()
	}
	j := testJWT(t, testSet(t, keys))
	for n, key := range all {
		heard(t, j, fmt.Sprintf("key %d", n), tokenNaming(t, "", key), nil)
	}
	heard(t, j, "expired", tokenNaming(t, "", all[0], func(c jwt.MapClaims) { c["exp"] = 1 }), ErrExpired)
	for range 4 * maxTried {
		other := ecKey(t)
		all = append(all, other)
		keys[fmt.Sprint(len(all))] = other.Public()
	}
	set, err := parseKeys(testSet(t, keys))
	if err != nil {
		t.Fatal(err)
	}
	method := &counted{SigningMethod: jwt.SigningMethodES256}
	if key := set.verifying(method, "", nil); key != nil || method.verified != maxTried {
		t.Errorf("of %d keys %d were tried", len(set), method.verified)
	}
}

// counted counts how often a signature is verified.
type counted struct {
	jwt.SigningMethod
	verified int
}

func (c *counted) Verify(signed string, signature []byte, key any) error {
	c.verified++
	return c.SigningMethod.Verify(signed, signature, key)
}

// A new key, named or not, costs nobody an upload: its tokens hear ErrAway until it must have been everywhere, and are good as
// soon as it is seen.
func TestNewKeys(t *testing.T) {
	for _, kid := range []string{"new", ""} {
		t.Run("kid "+kid, func(t *testing.T) {
			old, fresh := ecKey(t), ecKey(t)
			before := testSet(t, map[string]any{"old": old.Public()})
			p := publish(t, before)
			j := testJWT(t, nil, anHour, func(o *JWTOptions) { o.JWKSURL = p.URL })
			heard(t, j, "the old key", tokenNaming(t, "old", old), nil)

			// The address answers from a cache.
			token := tokenNaming(t, kid, fresh)
			asked := p.asked.Load()
			for range 3 {
				heard(t, j, "a new key that isn't published yet", token, ErrAway)
			}
			if n := p.asked.Load() - asked; n != 1 {
				t.Errorf("the issuer was asked %d times for one key", n)
			}
			j.later()
			after := testSet(t, map[string]any{"old": old.Public(), "new": fresh.Public()})
			p.set.Store(&after)
			heard(t, j, "the new key", token, nil)
			heard(t, j, "the old key", tokenNaming(t, "", old), nil)

			p.set.Store(&before) // it is taken back
			none := tokenNaming(t, kid, ecKey(t))
			if kid != "" {
				none = tokenNaming(t, "none", fresh)
			}
			heard(t, j, "no key, at first", none, ErrAway)
			heard(t, j, "no key, a moment later", none, ErrAway)
			j.later()
			heard(t, j, "no key, after two looks", none, ErrInvalid)
			heard(t, j, "no key, again", none, ErrInvalid)
		})
	}
}

// Thousands of tokens with made-up keys cost the issuer a question now and then, and memory of a bound.
func TestMadeUpKeys(t *testing.T) {
	key, set := testKey(t)
	p := publish(t, set)
	j := testJWT(t, nil, anHour, func(o *JWTOptions) { o.JWKSURL, o.Pause = p.URL, time.Hour })
	heard(t, j, "the key", tokenNaming(t, "k", key), nil)
	asked, forger := p.asked.Load(), ecKey(t)
	for n := range 100 {
		heard(t, j, "a made-up key", tokenNaming(t, fmt.Sprint("made up ", n), forger), ErrAway)
		heard(t, j, "none", tokenNaming(t, "", forger), ErrAway)
	}
	if n := p.asked.Load() - asked; n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
	if len(j.keys.missed) != 1 || j.keys.waiters != 0 {
		t.Errorf("%d keys are remembered, %d wait", len(j.keys.missed), j.keys.waiters)
	}
	for n := range 2 * missedMost {
		j.keys.isGone(fmt.Sprint(n), time.Now(), true)
	}
	if len(j.keys.missed) > missedMost {
		t.Errorf("%d keys are remembered", len(j.keys.missed))
	}
	heard(t, j, "the key", tokenNaming(t, "k", key), nil)
}

// The issuer isn't asked for keys of tokens that are of no use in any case.
func TestNoKeyForOthersTokens(t *testing.T) {
	key, set := testKey(t)
	p := publish(t, set)
	j := testJWT(t, nil, func(o *JWTOptions) { o.JWKSURL, o.Issuer = p.URL, "us" })
	ours := func(c jwt.MapClaims) { c["iss"] = "us" }
	heard(t, j, "the key", tokenNaming(t, "k", key, ours), nil)
	asked := p.asked.Load()
	heard(t, j, "another issuer's", tokenNaming(t, "theirs", ecKey(t)), ErrInvalid)
	heard(t, j, "without exp", tokenNaming(t, "x", ecKey(t), ours, func(c jwt.MapClaims) { delete(c, "exp") }), ErrInvalid)
	if n := p.asked.Load() - asked; n != 0 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// What is merely too early is told from what isn't valid, as what is too late is.
func TestUntimely(t *testing.T) {
	key, set := testKey(t)
	j := testJWT(t, set, func(o *JWTOptions) { o.Audience, o.Leeway = []string{"us"}, time.Minute })
	now := time.Now()
	early, late := now.Add(time.Hour).Unix(), now.Add(-time.Hour).Unix()
	for what, row := range map[string]struct {
		claims jwt.MapClaims
		want   error
	}{
		"early":                 {jwt.MapClaims{"nbf": early, "aud": "us"}, ErrEarly},
		"within the leeway":     {jwt.MapClaims{"nbf": now.Add(20 * time.Second).Unix(), "aud": "us"}, nil},
		"early and for others":  {jwt.MapClaims{"nbf": early, "aud": "them"}, ErrInvalid},
		"early and for ever":    {jwt.MapClaims{"nbf": early, "aud": "us", "exp": nil}, ErrInvalid},
		"late":                  {jwt.MapClaims{"exp": late, "aud": "us"}, ErrExpired},
		"late, with an odd nbf": {jwt.MapClaims{"exp": late, "aud": "us", "nbf": "x"}, ErrInvalid},
		"both":                  {jwt.MapClaims{"exp": late, "nbf": early, "aud": "us"}, ErrExpired},
	} {
		token := tokenNaming(t, "k", key, func(c jwt.MapClaims) {
			for name, value := range row.claims {
				if c[name] = value; value == nil {
					delete(c, name)
				}
			}
		})
		who, err := j.Identify(t.Context(), token)
		if !errors.Is(err, row.want) || (who.Owner == "alice") == errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %+v, %v", what, who, err)
		}
	}
}
