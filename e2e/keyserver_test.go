package e2e

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"time"
)

// keyServer is an issuer of JSON Web Tokens: it serves its public key as a set (RFC 7517) and signs with EdDSA.
type keyServer struct {
	t       *testing.T
	private ed25519.PrivateKey
	url     string
}

const (
	testIssuer   = "https://issuer.example"
	testAudience = "plateau"
)

func startKeyServer(t *testing.T) *keyServer {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{
			"kty": "OKP", "crv": "Ed25519", "kid": "test", "alg": "EdDSA", "use": "sig", "x": base64.RawURLEncoding.EncodeToString(public),
		}}})
	}))
	return &keyServer{t: t, private: private, url: "http://" + listener.Addr().String() + "/keys"}
}

// flags are those of a server that takes this issuer's tokens.
func (k *keyServer) flags() []string {
	return []string{
		"--auth", "jwt", "--jwt-jwks-url", k.url, "--jwt-issuer", testIssuer, "--jwt-audience", testAudience, "--jwt-leeway", "0s",
	}
}

// token signs a token for an owner that is valid until a time, which it holds in whole seconds.
func (k *keyServer) token(owner string, until time.Time) string {
	k.t.Helper()
	part := func(value map[string]any) string {
		text, err := json.Marshal(value)
		if err != nil {
			k.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]any{"alg": "EdDSA", "typ": "JWT", "kid": "test"}) + "." +
		part(map[string]any{"iss": testIssuer, "aud": testAudience, "sub": owner, "exp": until.Unix()})
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(k.private, []byte(signed)))
}
