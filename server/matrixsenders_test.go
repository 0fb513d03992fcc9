package server_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// matrixSender is one sender of the matrix.
type matrixSender struct {
	name  string
	kind  kind
	token string // empty: none is sent
}

// senders are all that may come by with --auth jwt.
func (s *issuer) senders(t *testing.T) []matrixSender {
	now := time.Now()
	key, theirs := s.key("first"), ecKey(t)
	expired := map[string]any{"exp": now.Add(-time.Minute).Unix()}
	none := sign(t, jwt.SigningMethodNone, "first", jwt.UnsafeAllowNoneSignatureType, claims(theOwner))
	forged := func(head string) string { // with a signature of another token
		parts := strings.Split(s.token(theOwner), ".")
		return base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + parts[1] + "." + parts[2]
	}
	return []matrixSender{
		{"owner", owns, s.token(theOwner)},
		{"owner, for one of several", owns, s.token(theOwner, map[string]any{"aud": []string{"x", "other"}})},
		{"other owner", stranger, s.token("bob")},
		{"other owner with another role", stranger, s.token("bob", map[string]any{"roles": "upload-admins viewer"})},
		{"admin", admin, s.token("carol", map[string]any{"roles": []string{"viewer", "upload-admin"}})},
		{"no token", refused, ""},
		{"expired", ownsExpired, s.token(theOwner, expired)},
		{"other's expired", strangeExpired, s.token("bob", expired)},
		{"expired and wrong audience", refused, s.token(theOwner, expired, map[string]any{"aud": "elsewhere"})},
		{"expired and not signed here", refused, sign(t, jwt.SigningMethodES256, "first", theirs, claims(theOwner, expired))},
		{"wrong audience", refused, s.token(theOwner, map[string]any{"aud": "elsewhere"})},
		{"no audience", refused, s.token(theOwner, map[string]any{"aud": nil})},
		{"wrong issuer", refused, s.token(theOwner, map[string]any{"iss": testIssuer + "x"})},
		{"no issuer", refused, s.token(theOwner, map[string]any{"iss": nil})},
		{"never expires", refused, s.token(theOwner, map[string]any{"exp": nil})},
		{"not yet valid", ownsEarly, s.token(theOwner, map[string]any{"nbf": now.Add(time.Hour).Unix()})},
		{"no subject", refused, s.token(theOwner, map[string]any{"sub": nil})},
		{"empty subject", refused, s.token("")},
		{"subject that isn't UTF-8", refused, s.token("ali\ufffdce")},
		{"alg none", refused, none},
		{"alg none with a signature", refused, forged(`{"alg":"none","kid":"first","typ":"JWT"}`)},
		{"alg NoNe", refused, forged(`{"alg":"NoNe","kid":"first","typ":"JWT"}`)},
		{"HS256 signed with the public key", refused, sign(t, jwt.SigningMethodHS256, "first", pemOf(t, key), claims(theOwner))},
		{"HS256 signed with the public key, which it names not", refused, sign(t, jwt.SigningMethodHS256, "", pemOf(t, key), claims(theOwner))},
		{"an algorithm that isn't pinned", refused, sign(t, jwt.SigningMethodPS256, "rsa", s.key("rsa"), claims(theOwner))},
		{"an algorithm that the key is not for", refused, sign(t, jwt.SigningMethodRS256, "first", s.key("rsa"), claims(theOwner))},
		{"unknown kid", unsure, sign(t, jwt.SigningMethodES256, "second", theirs, claims(theOwner))},
		{"signed by another key", refused, sign(t, jwt.SigningMethodES256, "first", theirs, claims(theOwner))},
		{"not a token", refused, "x"},
		{"many dots", refused, strings.Repeat(".", 8000)},
	}
}
