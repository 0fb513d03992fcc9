package server

import (
	"errors"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v5"
	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

const (
	filesPath    = "/files/"
	tusVersion   = "1.0.0"
	offsetStream = "application/offset+octet-stream"
)

// uploads serves everything under /files/. It checks what tusd doesn't, before
// tusd is asked; so a bad request creates nothing.
func (s *Server) uploads(c *echo.Context) error {
	r := c.Request()
	x := exchangeOf(r)
	x.header = r.Header
	if method := s.prepare(&x.response, r); method != nil {
		s.tusd.serve(method, x, r)
	}
	return nil
}

// prepare returns the method of tusd's handler that is to serve the request, or
// nil if it was answered already.
func (s *Server) prepare(w *response, r *http.Request) http.HandlerFunc {
	serve, err := s.choose(w, r)
	if err == nil && serve != nil {
		err = s.admit(w, r)
	}
	if err == nil {
		return serve
	}
	w.refuse(err)
	return nil
}

// refuse answers with an error; one that isn't an answer stays in the log.
func (w *response) refuse(err error) {
	answer, ok := errors.AsType[handler.Error](err)
	if !ok {
		answer = internalError()
		w.request.Fail(answer, err)
	}
	w.fail(answer)
}

// choose finds the method of tusd's handler, or serves what tusd is not asked.
func (s *Server) choose(w *response, r *http.Request) (http.HandlerFunc, error) {
	id := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/files"), "/")
	h := w.Header()
	h.Set("Tus-Resumable", tusVersion)
	if id != "" && !s.store.ValidID(id) {
		return nil, store.NotFound()
	}
	w.id = id
	switch {
	case r.Method == http.MethodOptions:
		s.discover(h)
		w.WriteHeader(http.StatusNoContent)
		return nil, nil
	}
	if err := s.identifyFor(id, r); err != nil {
		return nil, err
	}
	switch {
	case id == "" && r.Method == http.MethodPost:
		return s.tusd.PostFile, nil
	case id == "":
		return nil, methodNotAllowed("POST, OPTIONS")
	}
	switch r.Method {
	case http.MethodHead:
		return s.tusd.HeadFile, nil
	case http.MethodPatch:
		return s.tusd.PatchFile, nil
	case http.MethodDelete:
		return s.tusd.DelFile, nil
	case http.MethodGet:
		return nil, s.download(w, r, id)
	}
	return nil, methodNotAllowed("HEAD, PATCH, DELETE, GET, OPTIONS")
}

// admit checks a request's headers and whether there is room for its body.
func (s *Server) admit(w *response, r *http.Request) error {
	if err := s.check(r); err != nil {
		return err
	}
	if offset, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64); err == nil {
		w.request.Offset = offset
	}
	if w.full != nil {
		return w.full
	}
	if err := s.limiter.upload(exchangeOf(r)); err != nil {
		return err
	}
	if w.id == "" && w.body != nil && r.Header.Get("Content-Type") != offsetStream {
		if w.body.hasBytes() {
			return wrongContentType() // tusd would drop the bytes without a word
		}
		w.request.Body = nil // tusd gives the store no body
	}
	s.tusd.count(r.Method)
	maps.DeleteFunc(r.Header, func(name string, _ []string) bool { return !readLater(name) })
	// An id is a path of one segment; tusd takes it as it is.
	r.URL.Path, r.URL.RawPath = w.id, ""
	return nil
}

// readLater reports whether a header is read after this: by tusd, or for the
// log line. A browser sends a kilobyte of others, which an upload that waits
// would keep.
func readLater(name string) bool {
	switch name {
	case "Content-Type", "Tus-Resumable", "X-Request-Id", "X-Forwarded-For":
		return true
	}
	return strings.HasPrefix(name, "Upload-")
}

// discover answers OPTIONS.
func (s *Server) discover(h http.Header) {
	h.Set("Tus-Version", tusVersion)
	h.Set("Tus-Extension", s.extensions())
	if s.cfg.MaxSize > 0 {
		h.Set("Tus-Max-Size", strconv.FormatInt(s.cfg.MaxSize, 10))
	}
}

// check says what is wrong with a request's headers, and puts right what tusd
// would misread.
func (s *Server) check(r *http.Request) error {
	if r.Method == http.MethodHead {
		return nil
	}
	if r.Header.Get("Tus-Resumable") != tusVersion {
		return unsupportedVersion()
	}
	// A type with parameters is still the type.
	contentType := r.Header.Get("Content-Type")
	if parsed, _, err := mime.ParseMediaType(contentType); err == nil && parsed == offsetStream {
		r.Header.Set("Content-Type", offsetStream)
	} else if r.Method == http.MethodPatch {
		return wrongContentType()
	}
	if r.Method == http.MethodDelete {
		return nil
	}
	if err := checkNumbers(r.Header); err != nil {
		return err
	}
	if length := r.Header.Get("Upload-Length"); length != "" && s.cfg.MaxSize > 0 {
		if n, err := strconv.ParseInt(length, 10, 64); err == nil && n > s.cfg.MaxSize {
			return maxSizeExceeded()
		}
	}
	if r.Method != http.MethodPost {
		return nil
	}
	// tusd would say so too, but leave an upload behind.
	if n, err := strconv.ParseInt(r.Header.Get("Upload-Length"), 10, 64); err == nil && n >= 0 && r.ContentLength > n {
		return store.TooLong()
	}
	metadata := strings.Join(r.Header.Values("Upload-Metadata"), ",")
	if err := checkMetadata(metadata); err != nil {
		return err
	}
	r.Header.Set("Upload-Metadata", metadata)
	concat, err := rewriteConcat(r.Header.Get("Upload-Concat"), s.base, s.store.ValidID)
	if err != nil {
		return err
	}
	if most := s.cfg.MaxParts; most > 0 && partsIn(concat) > most {
		return tooManyParts(most)
	}
	if concat != "" {
		r.Header.Set("Upload-Concat", concat)
	}
	return nil
}

// address is the Location of an upload.
func (s *Server) address(id string) string {
	if s.base == nil {
		return filesPath + id
	}
	return s.base.JoinPath(filesPath, id).String()
}
