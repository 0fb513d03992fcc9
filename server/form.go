package server

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

const (
	formPath = "/upload"
	// formParts is the most files and fields of a form.
	formParts = 1000
	// epilogueTime is how long a form's last bytes are waited for, which mean nothing.
	epilogueTime = time.Second
	// formBoundary is the longest boundary that RFC 2046 allows.
	formBoundary = 70
)

// storedFile is a file of a form as its sender hears of it.
type storedFile struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	URL    string `json:"url"`
	Digest string `json:"digest,omitempty"`
	Status string `json:"status,omitempty"` // only if the form could not be stored as a whole
}

// The values of storedFile.Status.
const (
	formStored = "stored" // with its event; sending it again would be a second upload
	formFailed = "failed" // nothing is left of it
	formUnsure = "unsure" // it may be stored all the same: the store is busy with it, or could not remove it
)

// form serves POST /upload: each file of a form becomes an upload, finished like
// any other. It is for clients that don't speak tus, so it can't be resumed: a form
// that isn't whole leaves nothing.
func (s *Server) form(c *echo.Context) error {
	r := c.Request()
	x := exchangeOf(r)
	w := &x.response
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", "POST, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	err := s.takeForm(w, r)
	if err == nil {
		return nil
	}
	answer, ok := errors.AsType[handler.Error](err)
	if !ok {
		answer = internalError()
	}
	if code, _ := x.request.Failure(); code != answer.ErrorCode {
		x.request.Fail(answer, err)
	}
	w.fail(formCut(answer))
	return nil
}

// takeForm reads a form, stores it and answers, or returns the answer.
func (s *Server) takeForm(w *response, r *http.Request) error {
	if err := s.identify(exchangeOf(r), r); err != nil {
		return err
	}
	boundary, err := s.checkForm(w, r)
	if err == nil {
		err = s.limiter.upload(exchangeOf(r))
	}
	if err != nil {
		return err
	}
	w.body.wantWhole()
	f := &formReader{server: s, body: w.body, ctx: r.Context(), fields: map[string]string{}}
	f.parser = newFormParser(newFormInput(s.policing.formBody(s.leaks.keepForm(w.body, r)), s.store), boundary)
	defer f.end()
	if err := f.read(); err != nil {
		return err
	}
	if !w.body.sized {
		// The end of a chunked body comes with its last chunk; the connection can
		// be used again. How the epilogue ends means nothing, and it isn't waited for.
		w.body.hurry(epilogueTime)
		_, _ = io.CopyN(io.Discard, w.body, formHead)
	}
	if len(f.files) == 0 {
		return formWithoutFile()
	}
	return s.answerForm(w, f)
}

// checkForm returns the form's boundary, or why it can't be taken.
func (s *Server) checkForm(w *response, r *http.Request) (boundary string, err error) {
	switch {
	case r.Method != http.MethodPost:
		return "", methodNotAllowed("POST, OPTIONS")
	case !s.flags.Values().Multipart:
		return "", notFound()
	case r.Header.Get("Content-Encoding") != "" && !strings.EqualFold(r.Header.Get("Content-Encoding"), "identity"):
		return "", formWrongType("a form must not be compressed (Content-Encoding)")
	}
	kind, boundary := formBoundaryOf(r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		return "", formWrongType("the Content-Type of a form with files must be multipart/form-data")
	}
	switch {
	case boundary == "" || len(boundary) > formBoundary:
		return "", formMalformed("its boundary must have 1 to 70 characters")
	case w.full != nil:
		return "", w.full
	case w.body == nil:
		return "", formIncomplete()
	}
	return boundary, nil
}

// formBoundaryOf reads a Content-Type. Old clients leave the quotes of a boundary out
// that needs them.
func formBoundaryOf(contentType string) (kind, boundary string) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err == nil || !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return kind, parameters["boundary"]
	}
	_, rest, _ := strings.Cut(contentType, ";")
	for rest != "" {
		var name, value string
		if name, value, rest = nextParameter(rest); strings.EqualFold(name, "boundary") {
			return kind, value
		}
	}
	return kind, ""
}

// answerForm finishes the files of a form that was read whole, and says what
// became of them.
func (s *Server) answerForm(w *response, f *formReader) error {
	files := make([]storedFile, len(f.files))
	for i, file := range f.files {
		files[i].Name, files[i].Size = file.metadata["filename"], file.draft.Size()
	}
	finished := f.finish() // which is the end of the drafts
	whole, nothing := true, true
	for i, done := range finished {
		files[i].ID, files[i].URL = done.Info.ID, s.address(done.Info.ID)
		files[i].Digest, files[i].Status = done.Info.Storage[store.KeyDigest], statusOf(done)
		if done.Err == nil {
			atomic.AddUint64(s.tusd.Metrics.UploadsFinished, 1)
		}
		whole = whole && done.Err == nil
		nothing = nothing && files[i].Status == formFailed
	}
	switch {
	case nothing:
		return finished[0].Err
	case !whole:
		w.code = "ERR_FORM_UNFINISHED" // no Retry-After: a client that obeys would send what is stored once more
	default:
		for i := range files {
			files[i].Status = ""
		}
	}
	text, err := json.MarshalIndent(files, "", "  ")
	if err != nil {
		return err
	}
	w.id = files[0].ID
	if len(files) == 1 && whole {
		w.Header().Set("Location", files[0].URL)
	}
	w.Header().Set("Content-Type", "application/json")
	if whole {
		w.WriteHeader(http.StatusCreated)
	} else {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(text, '\n')) // the client is gone, or hears it
	return nil
}

func statusOf(done store.Finished) string {
	switch {
	case done.Err == nil:
		return formStored
	case done.Unsure:
		return formUnsure
	}
	return formFailed
}
