package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"
)

// RefusedError means that an upload can't succeed as things are: the server said no, or the file can't be read.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }

func (e *RefusedError) Unwrap() error { return e.Err }

// UnfinishedError means that an upload stopped before its end for a passing reason.
type UnfinishedError struct {
	Err error
	// Kept says that uploading the file again, also in a later run, goes on where it was: nothing of it is lost. Otherwise
	// nobody remembers where it was, and it will begin anew.
	Kept bool
}

func (e *UnfinishedError) Error() string { return e.Err.Error() }

func (e *UnfinishedError) Unwrap() error { return e.Err }

var (
	// ErrChanged is the cause of a [RefusedError]: the next upload of the file begins anew.
	ErrChanged = errors.New("the file changed while it was being uploaded")
	// ErrBusy is the cause of an [UnfinishedError].
	ErrBusy = errors.New("another process is uploading this file to the same place")

	errStalled = errors.New("the connection stood still for too long")
	errSilent  = errors.New("the server did not answer for too long")
	errStopped = errors.New("this request is over")
)

// StatusError is an answer that is no success.
type StatusError struct {
	Method     string
	Status     int
	Text       string        // the first line of a plain text answer; empty without one
	Location   string        // of a redirect
	RetryAfter time.Duration // 0 if the server didn't say
	// Unauthorized says that it is about the token: 401, or, to HEAD, another status with error="invalid_token" in its
	// WWW-Authenticate. With another token the upload goes on.
	Unauthorized bool
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s was answered %d %s", e.Method, e.Status, http.StatusText(e.Status))
	switch {
	case e.Unauthorized && e.Text == "":
		text += ": the token is missing, not valid or has expired"
	case e.Location != "":
		text += ", to " + e.Location
	case e.Text != "":
		text += ": " + e.Text
	}
	return text
}

// passing says whether the same request may succeed later, or, for an upload that exists, whether HEAD should be asked what
// became of it.
func (e *StatusError) passing() bool {
	if e.Unauthorized {
		return false
	}
	creating := e.Method == http.MethodPost
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotFound, http.StatusGone:
		return !creating
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return !creating
	}
	// A network that wants its user to log in first redirects everything; that of an endpoint is its real address.
	redirected := e.Status < 400
	return e.Status >= 500 || redirected && !creating
}

// protocolError is a success that can't be one. As the answer to POST it means that this is no tus server.
type protocolError struct {
	final bool
	err   error
}

func (e *protocolError) Error() string {
	return "the answer is not that of a tus server: " + e.err.Error()
}

func (e *protocolError) Unwrap() error { return e.err }

// sourceError is trouble with the file.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }

func (e *sourceError) Unwrap() error { return e.err }

// final says whether trying again is in vain. Whatever can happen to a connection is not final.
func final(err error) bool {
	if _, ok := errors.AsType[*RefusedError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*sourceError](err); ok {
		return true
	}
	if e, ok := errors.AsType[*StatusError](err); ok {
		return !e.passing()
	}
	if e, ok := errors.AsType[*protocolError](err); ok {
		return e.final
	}
	return false
}

// untrusted says whether TLS failed in a way that the first request of an upload takes for a wrong address. Later the network
// may have changed under it, to one that wants its user to log in first.
func untrusted(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return certificate || record || errors.Is(err, http.ErrSchemeMismatch)
}

// answered says whether the trouble comes from a server, and not from the way to it.
func answered(err error) bool {
	_, status := errors.AsType[*StatusError](err)
	_, protocol := errors.AsType[*protocolError](err)
	return status || protocol
}

// bare takes off what net/http and net put around an error: the method and the address, which the reader knows.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	for { // one may hold another
		e, ok := errors.AsType[*net.OpError](err)
		if !ok || !slices.Contains([]string{"dial", "read", "write", "readfrom"}, e.Op) {
			break
		}
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return err
}
