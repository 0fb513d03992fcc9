package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// answerTime is how long a client may take to take an answer. Downloads have
// their own time.
const answerTime = 30 * time.Second

// response is the http.ResponseWriter of one request. It turns tusd's answers
// into those that the method's clients need, and notes what was answered.
//
// tusd's deadlines are dropped here: the body sets its own, which know of cuts,
// and a finish may take longer than tusd would let it.
type response struct {
	http.ResponseWriter
	request *store.Request
	body    *body // nil without one
	full    error // the answer to a body too many; nil if it may be read
	address func(id string) string
	sending *downloads // those that run, to be one of them
	foreign bool       // the handler's error texts are not ours, and are replaced
	problem bool       // the client has errors as application/problem+json
	held    bool       // a problem's header waits for its text, see tell

	id     string         // the upload's, once it is known
	upload handler.Upload // what tusd opened or made last; see setExpires
	status int
	code   string // of an error answer
	sent   int64
	broken error // how a download ended before its time
	// stopSending ends the reading of what is being sent; nil where nothing is read.
	stopSending context.CancelFunc
}

// WriteHeader is http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.status != 0 {
		return
	}
	if w.foreign && status >= 400 {
		w.replace(status)
		return
	}
	w.status = statusFor(w.request.Method, status)
	h := w.Header()
	switch {
	case w.status >= 400:
		if w.status != status {
			h.Set("Retry-After", "1")
		}
		// What is wrong now may not be wrong later, or for somebody else.
		h.Set("Cache-Control", "no-store")
		w.held = w.problem && w.request.Method != http.MethodHead && strings.HasPrefix(h.Get("Content-Type"), "text/plain")
	case w.request.Method == http.MethodHead:
		w.setExpires()
		// tusd says the upload's whole length here, whatever GET would send.
		h.Del("Content-Length")
		if list, ok := strings.CutPrefix(h.Get("Upload-Concat"), "final;"); ok {
			h.Set("Upload-Concat", "final;"+w.readdress(list))
		}
	case w.status == http.StatusCreated && w.id == "" && h.Get("Location") != "": // tusd's
		w.id = lastSegment(h.Get("Location"))
		h.Set("Location", w.address(w.id))
		w.setExpires()
	case w.request.Method == http.MethodPatch:
		w.setExpires()
	}
	if w.body != nil {
		w.body.abandon()
	}
	// An error means that there is nobody to write to.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(answerTime))
	if !w.held {
		w.ResponseWriter.WriteHeader(w.status)
	}
}

// readdress turns tusd's absolute addresses into ours.
func (w *response) readdress(list string) string {
	addresses := strings.Fields(list)
	for i, a := range addresses {
		addresses[i] = w.address(lastSegment(a))
	}
	return strings.Join(addresses, " ")
}

func lastSegment(address string) string {
	return address[strings.LastIndexByte(address, '/')+1:]
}

// Write is io.Writer. tusd's error answers start with their code.
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.foreign && w.status >= 400 {
		return len(p), nil // replaced
	}
	if w.status >= 400 && w.code == "" {
		w.code, _, _ = cutError(p)
	}
	if w.held {
		n, err := w.tell(p)
		w.sent += int64(n)
		return len(p), err
	}
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	return n, err
}

// SetReadDeadline drops tusd's read deadlines, see response.
func (w *response) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline drops tusd's write deadlines, see response.
func (w *response) SetWriteDeadline(time.Time) error { return nil }

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// replace answers with our words where a handler of the standard library would
// use its own.
func (w *response) replace(status int) {
	h := w.Header()
	for _, name := range []string{"Content-Disposition", "Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		h.Del(name)
	}
	answer := internalError()
	switch status {
	case http.StatusNotFound:
		answer = notFound()
	case http.StatusMethodNotAllowed:
		answer = methodNotAllowed("GET, HEAD")
	case http.StatusPreconditionFailed:
		answer = preconditionFailed()
	case http.StatusRequestedRangeNotSatisfiable:
		answer = invalidRange()
	}
	w.foreign = false
	w.fail(answer)
	w.foreign = true
}

// fail answers with an error, as tusd does.
func (w *response) fail(e handler.Error) {
	h := w.Header()
	for key, value := range e.HTTPResponse.Header {
		h.Set(key, value)
	}
	w.code = e.ErrorCode
	w.WriteHeader(e.HTTPResponse.StatusCode)
	if w.request.Method != http.MethodHead {
		_, _ = w.tell([]byte(e.HTTPResponse.Body)) // the client is gone, or hears it
	}
}
