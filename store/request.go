package store

import (
	"context"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"
)

// Body is a request's body as the server reads it. The reader that tusd hands
// to a store reads from it, and hides how it ended.
//
// Cut may be called from any goroutine; everything else belongs to the
// goroutine that serves the request.
type Body interface {
	// Poll(true) makes reads return 0, nil where they would wait for the client,
	// until Poll(false). It reports whether this body can do that; where it
	// can't (TLS, HTTP/2, a body of unknown length), every read may wait.
	Poll(on bool) bool
	// Received is the number of bytes that reads have returned so far.
	Received() int64
	// Err says why the body ended before its end: it was cut, broke off, came
	// too slowly or was malformed. It is nil while the body runs, after its
	// regular end, and after a cut that the client shall not hear as a failure.
	Err() error
	// Cut ends the body: the running read and all later ones. The client hears
	// answer, save on POST, where the body just ends. A body that was read to
	// its end is not changed. Cut doesn't wait.
	Cut(answer handler.Error)
	// WhenCut returns a channel that is closed once Cut was called.
	WhenCut() <-chan struct{}
}

// Request is what a store or a lock knows of the request that it works for.
// The server makes one for each request; it belongs to the request's goroutine.
type Request struct {
	// Method is the HTTP method after X-HTTP-Method-Override.
	Method string
	// Body is nil where a request carries none. A POST has one only if its bytes are the
	// upload's: then WriteChunk follows NewUpload, and a store may put the creation off.
	Body Body
	// Offset is where a PATCH wants its body to go, in bytes; -1 if it didn't say.
	Offset int64
	// Owner is whose uploads the request makes; empty: nobody's.
	Owner string
	// IDPrefix begins the ids of the uploads that the request makes, as ValidIDPrefix allows
	// it; empty: none. A final upload has its first part's, whatever this is, so that the
	// same list of parts leads to the same upload.
	IDPrefix string
	// Trace is the W3C traceparent that an upload's event is to carry on; empty: none.
	Trace string
	// Guard says which uploads the request may use; nil: all.
	Guard Guard

	held  func() error
	cause error
	code  string
}

// RequestKey is the context key of the *Request.
type RequestKey struct{}

// WithRequest returns a context from which RequestFrom gets r.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, RequestKey{}, r)
}

// RequestFrom returns the request that ctx works for. Without one (a sweep, a
// test) it returns an empty Request, never nil.
func RequestFrom(ctx context.Context) *Request {
	if r, ok := ctx.Value(RequestKey{}).(*Request); ok {
		return r
	}
	return &Request{}
}

// Creates reports whether the request makes a new upload. If such a request
// fails, nobody knows the upload's address, so the store removes it.
func (r *Request) Creates() bool { return r.Method == http.MethodPost }

// Redrives reports whether opening a complete upload that is not sealed shall
// finish it. DELETE never does, nor does a POST, which opens only parts.
func (r *Request) Redrives() bool {
	return r.Method == http.MethodPatch || r.Method == http.MethodHead || r.Method == http.MethodGet
}

// Hold is called by a lock that was taken for this request. held says whether
// the lock is still ours; a lease can be lost.
func (r *Request) Hold(held func() error) { r.held = held }

// Held returns an error if the lock that this request holds was lost. Stores
// ask it before each step that can't be taken back. Without a lock it is nil.
func (r *Request) Held() error {
	if r.held == nil {
		return nil
	}
	return r.held()
}

// Fail notes answer, and what caused it, for the request's log line.
func (r *Request) Fail(answer handler.Error, cause error) {
	r.code, r.cause = answer.ErrorCode, cause
}

// Failure returns what Fail noted last: the answer's code and the cause.
func (r *Request) Failure() (code string, cause error) { return r.code, r.cause }
