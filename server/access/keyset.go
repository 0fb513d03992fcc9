package access

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

const (
	// maxKeys is the most keys of a set.
	maxKeys = 1000
	// maxTried is how many keys a token without a kid is tried with.
	maxTried = 8
	// leastRSA and mostRSA are the bits that an RSA key may have: RFC 7518 asks for the least, and what is longer takes long.
	leastRSA, mostRSA = 2048, 8192
)

// publicKey is one key of an issuer.
type publicKey struct {
	kid string // may be empty
	key any    // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	alg string // the only algorithm that it is for; empty: any that fits
}

// keySet are the keys of an issuer, in its order. It isn't changed once it is there.
type keySet []publicKey

// parseKeys reads a JSON Web Key Set (RFC 7517, 5). Keys that can't verify a signature here are passed over: an issuer may have
// others for others.
func parseKeys(data []byte) (keySet, error) {
	var given struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &given); err != nil {
		return nil, errors.New("it is no JSON Web Key Set")
	}
	if len(given.Keys) > maxKeys {
		return nil, fmt.Errorf("it has more than %d keys", maxKeys)
	}
	var set keySet
	var unusable []error
	for n, raw := range given.Keys {
		key, err := parseKey(raw)
		if err != nil {
			unusable = append(unusable, fmt.Errorf("key %d: %w", n+1, err))
			continue
		}
		set = append(set, key)
	}
	if len(set) == 0 {
		return nil, errors.Join(append([]error{errors.New("it has no key that can be used")}, unusable[:min(len(unusable), maxMistakes)]...)...)
	}
	return set, nil
}

func parseKey(raw json.RawMessage) (key publicKey, err error) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(raw, &m); err != nil {
		return key, errors.New("it is no JSON Web Key")
	}
	switch {
	case len(m.KID) > maxKid:
		return key, fmt.Errorf("its kid has more than %d bytes", maxKid)
	case m.USE != "" && m.USE != jwkset.UseSig:
		return key, fmt.Errorf("it is not for signatures but for %q", m.USE)
	case len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify):
		return key, errors.New("it is not for verifying")
	}
	// Of a certificate nothing is wanted: that the key is the issuer's the address says.
	m.X5C, m.X5T, m.X5TS256, m.X5U = nil, "", "", ""
	parsed, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return key, err
	}
	key = publicKey{kid: m.KID, key: parsed.Key(), alg: string(m.ALG)}
	switch k := key.key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < leastRSA || bits > mostRSA {
			return key, fmt.Errorf("an RSA key must have %d to %d bits, but it has %d", leastRSA, mostRSA, bits)
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return key, fmt.Errorf("a key of type %s verifies no signature", m.KTY)
	}
	return key, nil
}

// named returns the key that a token names, for its algorithm; nil: there is none. known says whether there is a key of that
// name at all.
func (s keySet) named(kid, alg string) (key any, known bool) {
	for _, k := range s {
		if k.kid != kid {
			continue
		}
		if k.fits(alg) {
			return k.key, true
		}
		known = true
	}
	return nil, known
}

// verifying returns the key that a token without a kid is signed with; nil: there is none among the first maxTried that fit.
func (s keySet) verifying(method jwt.SigningMethod, signed string, signature []byte) any {
	tried := 0
	for _, k := range s {
		if !k.fits(method.Alg()) {
			continue
		}
		if method.Verify(signed, signature, k.key) == nil {
			return k.key
		}
		if tried++; tried == maxTried {
			break
		}
	}
	return nil
}

// fits reports whether the key is for an algorithm (RFC 7518, 3.1; RFC 8037). A curve belongs to one algorithm only.
func (k publicKey) fits(alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, alg)
	case *ecdsa.PublicKey:
		return alg == "ES256" && key.Curve == elliptic.P256() || alg == "ES384" && key.Curve == elliptic.P384() ||
			alg == "ES512" && key.Curve == elliptic.P521()
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}
