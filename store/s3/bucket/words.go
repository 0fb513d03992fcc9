package bucket

import (
	"errors"
	"net/http"
)

// Words says in a few words what trouble err tells of, without the names and
// addresses that are in its text, so that anybody may read it. They are empty where
// there is no trouble with the bucket: without an error, for what a call may well
// find (no such object, a condition that doesn't hold), and after a context's end.
func Words(err error) string {
	f, ok := errors.AsType[*failure](err)
	switch {
	case !ok && errors.Is(err, ErrAway):
		return "the endpoint has trouble"
	case !ok && errors.Is(err, ErrRefused):
		return "the endpoint can't be used"
	case !ok || f.kind != ErrAway && f.kind != ErrRefused:
		return ""
	}
	switch f.code {
	case "NoCredentials":
		return "no credentials were found"
	case "InvalidAccessKeyId", "XAdminUserNotFound", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired":
		return "the endpoint doesn't take the credentials"
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
		return "this machine's clock is wrong"
	case codeNoTLS:
		return "the endpoint speaks http, not https"
	case "NoSuchBucket":
		return "there is no such bucket"
	case "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "TemporaryRedirect", "InvalidRegion":
		return "the region is wrong"
	}
	switch {
	case f.kind == ErrAway && f.status == 0:
		return "the endpoint can't be reached"
	case f.kind == ErrAway:
		return "the endpoint has trouble"
	case f.status >= 300 && f.status < 400:
		return "the region is wrong"
	case f.status == http.StatusForbidden:
		return missingRight(f)
	}
	return refusal(f)
}

// Everywhere reports whether err tells of trouble that all calls have, such as a bucket
// that isn't there: a call that succeeds shows that it is over. Other trouble is of one
// call, such as a right that is missing.
func Everywhere(err error) bool {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return errors.Is(err, ErrAway)
	}
	words := Words(err)
	return words != "" && words != missingRight(f) && words != refusal(f)
}

func missingRight(f *failure) string { return "a right is missing: " + f.call + " is forbidden" }

func refusal(f *failure) string { return "the endpoint refuses " + f.call }
