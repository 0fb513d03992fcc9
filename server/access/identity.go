package access

import (
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxToken is the longest token, in bytes.
	maxToken = 8 << 10
	// maxOwner is the longest name of an owner, in bytes.
	maxOwner = 256
)

// Identity is whose a token is.
type Identity struct {
	Owner string // 1 to 256 bytes of UTF-8 without control characters
	Admin bool   // may use everybody's uploads
}

// What Bearer and the Identify of Tokens and JWT say of a token; test with errors.Is. Their wrapping says more, for the
// log: it has nothing of the token in it, and isn't for the client.
var (
	// ErrMissing: there is no token.
	ErrMissing = errors.New("there is no token")
	// ErrInvalid: nobody has this token.
	ErrInvalid = errors.New("the token is not valid")
	// ErrExpired: all is well with the token but that its time is over. The identity that comes with it is right.
	ErrExpired = errors.New("the token has expired")
	// ErrEarly: all is well with the token but that its time (nbf) hasn't come. The identity that comes with it is right.
	ErrEarly = errors.New("the token is not valid yet")
	// ErrAway: whether the token is valid can't be known at the moment.
	ErrAway = errors.New("the keys that tokens are checked with can't be had")
)

// Bearer returns the token of a request's header (RFC 6750, 2.1), or ErrMissing or ErrInvalid. Another scheme than Bearer
// is no token; two headers are an invalid one, since whoever stands in front may have looked at the other.
func Bearer(h http.Header) (string, error) {
	values := h["Authorization"]
	switch len(values) {
	case 0:
		return "", ErrMissing
	case 1:
	default:
		return "", ErrInvalid
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrMissing
	}
	token = strings.Trim(token, " ")
	if token == "" || len(token) > maxToken {
		return "", ErrInvalid
	}
	for _, c := range []byte(token) {
		if c <= ' ' || c > '~' {
			return "", ErrInvalid
		}
	}
	return token, nil
}

// validOwner reports whether uploads can belong to this name.
func validOwner(name string) bool {
	return name != "" && len(name) <= maxOwner && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
}
