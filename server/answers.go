package server

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// statusFor turns the status that PATCH would hear into what this method's
// clients need to hear. This is the whole table:
//
//   - HEAD: clients throw an upload away on a 5xx, and resume on 423.
//   - POST: there is no upload yet that could be locked or have failed, so the
//     client is to create it again, which it does on 503. 507 stays: it says why.
//   - GET: a finish that takes long is a passing trouble of the server.
func statusFor(method string, status int) int {
	switch {
	case method == http.MethodHead && status >= 500:
		return http.StatusLocked
	case method == http.MethodPost && (status == http.StatusLocked || status == http.StatusInternalServerError),
		method == http.MethodGet && status == http.StatusLocked:
		return http.StatusServiceUnavailable
	}
	return status
}

// The answers that the server gives before tusd is asked.

func notFound() handler.Error {
	return handler.NewError("ERR_NOT_FOUND", "there is nothing at this address", http.StatusNotFound)
}

func methodNotAllowed(allow string) handler.Error {
	e := handler.NewError("ERR_METHOD_NOT_ALLOWED", "this address doesn't know this method", http.StatusMethodNotAllowed)
	e.HTTPResponse.Header["Allow"] = allow
	return e
}

func unsupportedVersion() handler.Error {
	e := handler.NewError("ERR_UNSUPPORTED_VERSION", "missing, invalid or unsupported Tus-Resumable header", http.StatusPreconditionFailed)
	e.HTTPResponse.Header["Tus-Version"] = tusVersion
	return e
}

func wrongContentType() handler.Error {
	return handler.NewError("ERR_INVALID_CONTENT_TYPE", "the Content-Type of a body must be "+offsetStream, http.StatusUnsupportedMediaType)
}

func maxSizeExceeded() handler.Error {
	return handler.NewError("ERR_MAX_SIZE_EXCEEDED", "the upload is larger than this server takes", http.StatusRequestEntityTooLarge)
}

func invalidMetadata(why string) handler.Error {
	return handler.NewError("ERR_INVALID_METADATA", "Upload-Metadata: "+why, http.StatusBadRequest)
}

func metadataTooLarge() handler.Error {
	return handler.NewError("ERR_METADATA_TOO_LARGE", "Upload-Metadata has more than 4096 bytes", http.StatusRequestEntityTooLarge)
}

// typeNotAllowed: what the upload claims to be isn't taken. Only a changed upload would be.
func typeNotAllowed(why string) handler.Error {
	return handler.NewError("ERR_TYPE_NOT_ALLOWED", why, http.StatusUnsupportedMediaType)
}

// policyRefused: the policy server's word, which package policy has made harmless.
func policyRefused(status int, reason string) handler.Error {
	if reason == "" {
		reason = "this upload is not allowed"
	}
	return handler.NewError("ERR_POLICY_REFUSED", reason, status)
}

// policyAway: nobody says now whether the upload is allowed.
func policyAway() handler.Error {
	e := handler.NewError("ERR_POLICY_AWAY", "it can't be found out now whether this upload is allowed; try again", http.StatusServiceUnavailable)
	e.HTTPResponse.Header["Retry-After"] = "1"
	return e
}

func invalidConcat(why string) handler.Error {
	return handler.NewError("ERR_INVALID_CONCAT", "Upload-Concat: "+why, http.StatusBadRequest)
}

func tooManyParts(most int) handler.Error {
	return handler.NewError("ERR_TOO_MANY_PARTS", fmt.Sprintf("Upload-Concat: it names more than %d parts", most), http.StatusRequestEntityTooLarge)
}

func invalidRange() handler.Error {
	return handler.NewError("ERR_INVALID_RANGE", "the range lies outside the file", http.StatusRequestedRangeNotSatisfiable)
}

func preconditionFailed() handler.Error {
	return handler.NewError("ERR_PRECONDITION_FAILED", "a condition of the request is not met", http.StatusPreconditionFailed)
}

func tooManyConnections() handler.Error {
	return limited("ERR_TOO_MANY_CONNECTIONS", "this address has too many connections or requests open; try again", time.Second)
}

func tooManyUploads() handler.Error {
	return limited("ERR_TOO_MANY_UPLOADS", "too many of your uploads are being sent at once; try again", time.Second)
}

func tooManyCreations(wait time.Duration) handler.Error {
	return limited("ERR_TOO_MANY_CREATIONS", "you are creating uploads too fast; try again later", wait)
}

// limited is the answer to a client that has used its share up, for that long.
func limited(code, message string, wait time.Duration) handler.Error {
	e := handler.NewError(code, message, http.StatusServiceUnavailable)
	seconds := (wait + time.Second - 1) / time.Second
	e.HTTPResponse.Header["Retry-After"] = strconv.FormatInt(int64(max(seconds, 1)), 10)
	return e
}

func internalError() handler.Error {
	return handler.NewError("ERR_INTERNAL_SERVER_ERROR", "the server could not do this", http.StatusInternalServerError)
}
