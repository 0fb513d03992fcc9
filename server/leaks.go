//go:build leaks

package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"sync"

	"plateau/hooks"
)

// leaks are put back on purpose, to see them found. They are those that made the
// service before Plateau restart every few hours.
type leaks struct {
	mu    sync.Mutex
	forms map[*multipart.Form]struct{} // every form that ever came
}

// warn says what this build is.
func (*leaks) warn(log *slog.Logger) {
	log.Warn("this build leaks on purpose: it keeps each form, and opens a Kafka writer for each finished upload; serve nothing real with it")
}

// keepForm parses a form into memory, and keeps it for ever. It returns the form's
// body to be read again.
//
//go:noinline
func (l *leaks) keepForm(from *body, r *http.Request) arrivals {
	var read bytes.Buffer
	r.Body = io.NopCloser(io.TeeReader(from, &read))
	if r.ParseMultipartForm(32<<20) == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.forms == nil {
			l.forms = map[*multipart.Form]struct{}{}
		}
		l.forms[r.MultipartForm] = struct{}{}
	}
	return readAgain{&read, from}
}

// openWriter opens a Kafka writer for a finished upload. Nobody closes it.
func (*leaks) openWriter(ctx context.Context, kafka *hooks.Kafka, id string) {
	if kafka != nil {
		kafka.LeakWriter(ctx, id)
	}
}

// readAgain is a body that was read, and what was left of it.
type readAgain struct {
	read *bytes.Buffer
	left *body
}

func (a readAgain) Read(p []byte) (int, error) {
	if a.read.Len() > 0 {
		return a.read.Read(p)
	}
	return a.left.Read(p) // its end, or why it has none
}

func (readAgain) Poll(bool) bool { return false }
