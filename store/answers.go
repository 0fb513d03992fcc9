package store

import (
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"
)

// The answers that stores, locks and the server's reader give on top of tusd's
// own (whose codes are kept). The statuses are those that PATCH hears; what
// POST and HEAD hear instead is one table in package server. Each call makes a
// new value, since a handler.Error shares its header map.
//
// Every answer to a passing trouble carries Retry-After, in seconds.

// Locked: another request holds the upload, or it is being finished.
func Locked() handler.Error {
	return passing("ERR_UPLOAD_LOCKED", "another request is using this upload; try again", http.StatusLocked)
}

// TakenOver: a newer request for the same upload goes on in this one's place.
func TakenOver() handler.Error {
	return passing("ERR_UPLOAD_TAKEN_OVER", "a newer request for this upload goes on in place of this one", http.StatusLocked)
}

// Unfinished: all bytes are stored, but the upload could not be finished yet.
func Unfinished() handler.Error {
	return passing("ERR_UPLOAD_UNFINISHED", "all bytes are stored, but the upload is not finished yet; try again", http.StatusLocked)
}

// ShuttingDown: the server stops; what arrived is kept.
func ShuttingDown() handler.Error {
	return passing("ERR_SERVER_SHUTDOWN", "the server is shutting down; what arrived is kept", http.StatusServiceUnavailable)
}

// Overloaded: as many uploads run as the server allows.
func Overloaded() handler.Error {
	return passing("ERR_OVERLOADED", "too many uploads are running; try again", http.StatusServiceUnavailable)
}

// BodyIdle: the client sent nothing for too long.
func BodyIdle() handler.Error {
	return passing("ERR_BODY_IDLE", "no bytes arrived for too long; what arrived is kept", http.StatusServiceUnavailable)
}

// BodyTooSlow: the body came at less than the least rate.
func BodyTooSlow() handler.Error {
	return passing("ERR_BODY_TOO_SLOW", "the bytes arrived too slowly; what arrived is kept", http.StatusServiceUnavailable)
}

// BodyMalformed: the body's transfer encoding is broken.
func BodyMalformed() handler.Error {
	return handler.NewError("ERR_BODY_MALFORMED", "the body's transfer encoding is malformed", http.StatusBadRequest)
}

// BodyBroken: the connection ended before the body did.
func BodyBroken() handler.Error {
	return handler.NewError("ERR_UNEXPECTED_EOF", "the connection ended before the body did", http.StatusBadRequest)
}

// TooLong: the body has more bytes than the upload has room for.
func TooLong() handler.Error {
	return handler.NewError("ERR_UPLOAD_SIZE_EXCEEDED", "the body is longer than what is missing of the upload", http.StatusRequestEntityTooLarge)
}

// Full: the disk is full. It may be emptied, so clients try again.
func Full() handler.Error {
	return passing("ERR_STORAGE_FULL", "there is no space left for this upload", http.StatusInsufficientStorage)
}

// OverQuota: the owner's uploads occupy all that they may. Some may go, so clients try
// again.
func OverQuota() handler.Error {
	return passing("ERR_QUOTA_EXCEEDED", "the quota for uploads is used up; remove some, or try again later", http.StatusInsufficientStorage)
}

// Away: what the store keeps its bytes in can't be reached, or answers with trouble
// of its own.
func Away() handler.Error {
	return passing("ERR_STORAGE_AWAY", "the storage can't be reached; try again", http.StatusServiceUnavailable)
}

// Failed: the store could not do what it was asked.
func Failed() handler.Error {
	return passing("ERR_STORAGE_FAILED", "the upload could not be stored", http.StatusInternalServerError)
}

// NotFound: there is no such upload.
func NotFound() handler.Error {
	return handler.NewError("ERR_UPLOAD_NOT_FOUND", "there is no such upload", http.StatusNotFound)
}

// Gone: the upload exists no more, or what is left of it can't be trusted.
func Gone() handler.Error {
	return handler.NewError("ERR_UPLOAD_GONE", "the upload can't be continued; start a new one", http.StatusGone)
}

// Exists: an upload with this id exists already.
func Exists() handler.Error {
	return handler.NewError("ERR_UPLOAD_EXISTS", "an upload with this id exists already", http.StatusConflict)
}

// InvalidParts: what a final upload names can't be concatenated.
func InvalidParts(why string) handler.Error {
	return handler.NewError("ERR_INVALID_CONCAT", why, http.StatusBadRequest)
}

func passing(code, message string, status int) handler.Error {
	e := handler.NewError(code, message, status)
	e.HTTPResponse.Header["Retry-After"] = "1"
	return e
}
