package server_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"plateau/config"
)

const (
	testIssuer   = "https://id.example/"
	testAudience = "plateau"
)

// issuer is a real issuer of tokens: its keys are at an address of loopback.
type issuer struct {
	*httptest.Server
	t *testing.T

	mu    sync.Mutex // guards what follows
	keys  map[string]crypto.Signer
	fails int // how many requests are answered 503
	asked int // requests
}

// issue starts an issuer with one key, whose name is "first".
func issue(t *testing.T) *issuer {
	t.Helper()
	s := &issuer{t: t, keys: map[string]crypto.Signer{"first": ecKey(t)}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func ecKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *issuer) serve(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.fails > 0 {
		s.fails--
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	set := jwkset.JWKSMarshal{}
	for kid, key := range s.keys {
		jwk, err := jwkset.NewJWKFromKey(key.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid, USE: jwkset.UseSig}})
		if err != nil {
			s.t.Error(err)
			return
		}
		set.Keys = append(set.Keys, jwk.Marshal())
	}
	if err := json.NewEncoder(w).Encode(set); err != nil {
		s.t.Error(err)
	}
}

// change changes what the issuer does, while nobody asks it.
func (s *issuer) change(f func(s *issuer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *issuer) key(kid string) crypto.Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[kid]
}

// use makes a server take the issuer's tokens.
func (s *issuer) use(c *config.Config) {
	c.Auth, c.JWTJWKSURL, c.JWTIssuer, c.JWTAudience = "jwt", s.URL+"/keys", testIssuer, []string{testAudience, "other"}
	c.JWTLeeway, c.JWTAdminClaim = time.Second, "roles=upload-admin"
}

// claims are those of a valid token of sub, with changes; nil takes a claim away.
func claims(sub string, changes ...map[string]any) jwt.MapClaims {
	now := time.Now()
	all := jwt.MapClaims{
		"iss": testIssuer, "aud": testAudience, "sub": sub,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for _, c := range changes {
		maps.Copy(all, c)
	}
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

// sign makes a token by an algorithm, with a key that may be of the wrong kind.
func sign(t *testing.T, alg jwt.SigningMethod, kid string, key any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(alg, c)
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// token makes a token of sub, signed by the issuer's first key.
func (s *issuer) token(sub string, changes ...map[string]any) string {
	s.t.Helper()
	return sign(s.t, jwt.SigningMethodES256, "first", s.key("first"), claims(sub, changes...))
}

// pemOf is a public key as attackers use it for a shared secret.
func pemOf(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// bearer is the header of a token.
func bearer(token string) string { return "Authorization: Bearer " + token }

// tokenLine is a line of a tokens' file.
func tokenLine(owner, token string, suffix ...string) string {
	sum := sha256.Sum256([]byte(token))
	return owner + ":" + hex.EncodeToString(sum[:]) + strings.Join(suffix, "") + "\n"
}

// tokensFile writes a tokens' file, as a whole.
func tokensFile(t *testing.T, path string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// withTokens makes a server take the tokens of a file.
func withTokens(t *testing.T, lines ...string) (use func(*config.Config), path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tokens")
	tokensFile(t, path, lines...)
	return func(c *config.Config) { c.Auth, c.AuthTokensFile = "token", path }, path
}
