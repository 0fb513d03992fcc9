package server

import (
	"errors"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/server/access"
)

// The answers to requests whose token or link is not enough. WWW-Authenticate is as
// RFC 6750 has it (3.); nobody but the log hears more of what is wrong with a token.

// challenge is what WWW-Authenticate begins with.
const (
	challenge        = `Bearer realm="plateau"`
	challengeExpired = challenge + `, error="invalid_token", error_description="the token has expired"`
	challengeEarly   = challenge + `, error="invalid_token", error_description="the token is not valid yet"`
)

// refusal is the answer to an error of package access.
func refusal(err error) handler.Error {
	switch {
	case errors.Is(err, access.ErrMissing):
		return unauthorized("ERR_TOKEN_MISSING", "this needs a token", challenge)
	case errors.Is(err, access.ErrExpired):
		return unauthorized("ERR_TOKEN_EXPIRED", "the token has expired", challengeExpired)
	case errors.Is(err, access.ErrEarly):
		return unauthorized("ERR_TOKEN_NOT_YET_VALID", "the token is not valid yet", challengeEarly)
	case errors.Is(err, access.ErrAway):
		return tokenKeysAway()
	case errors.Is(err, access.ErrLinkExpired):
		return handler.NewError("ERR_LINK_EXPIRED", "this link has expired; ask whoever gave it to you for a new one", http.StatusForbidden)
	case errors.Is(err, access.ErrLinkInvalid):
		return handler.NewError("ERR_LINK_INVALID", "this link is not valid; it may have been cut off or changed on its way", http.StatusForbidden)
	}
	return unauthorized("ERR_TOKEN_INVALID", "the token is not valid here", challenge+`, error="invalid_token"`)
}

func unauthorized(code, message, authenticate string) handler.Error {
	e := handler.NewError(code, message, http.StatusUnauthorized)
	e.HTTPResponse.Header["WWW-Authenticate"] = authenticate
	return e
}

// tokenKeysAway: whether the token is valid can't be known now.
func tokenKeysAway() handler.Error {
	e := handler.NewError("ERR_TOKEN_KEYS_AWAY", "tokens can't be checked at the moment; try again", http.StatusServiceUnavailable)
	e.HTTPResponse.Header["Retry-After"] = "1"
	return e
}

// tokenUntimely is what HEAD hears of its owner's upload, by access.ErrExpired or ErrEarly:
// with a new token, or later, the upload goes on. WWW-Authenticate tells it from a lock, for
// who looks.
func tokenUntimely(reason error) handler.Error {
	e := handler.NewError("ERR_TOKEN_EXPIRED", "the token has expired; go on with a new one", http.StatusLocked)
	e.HTTPResponse.Header["WWW-Authenticate"] = challengeExpired
	if errors.Is(reason, access.ErrEarly) {
		e = handler.NewError("ERR_TOKEN_NOT_YET_VALID", "the token is not valid yet; wait, or go on with another one", http.StatusLocked)
		e.HTTPResponse.Header["WWW-Authenticate"] = challengeEarly
	}
	e.HTTPResponse.Header["Retry-After"] = "1"
	return e
}

func invalidLinkTime() handler.Error {
	return handler.NewError("ERR_INVALID_LINK_TIME", "valid must be a duration of a second or more with its unit, such as 10m", http.StatusBadRequest)
}
