package server

import (
	"errors"
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
	w := &x.response
	if err := s.serveUpload(w, r, x); err != nil {
		answer, ok := errors.AsType[handler.Error](err)
		if !ok {
			answer = internalError()
			x.request.Fail(answer, err)
		}
		w.fail(answer)
	}
	return nil
}

func (s *Server) serveUpload(w *response, r *http.Request, x *exchange) error {
	id := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/files"), "/")
	if id != "" && !s.store.ValidID(id) {
		return store.NotFound()
	}
	x.id = id
	h := w.Header()
	h.Set("Tus-Resumable", tusVersion)
	switch {
	case r.Method == http.MethodOptions:
		s.discover(h)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case id == "" && r.Method != http.MethodPost:
		return methodNotAllowed("POST, OPTIONS")
	case id != "" && r.Method == http.MethodGet:
		return s.download(w, r, id)
	}
	serve := s.tusd.post
	if id != "" {
		switch r.Method {
		case http.MethodHead:
			serve = s.tusd.head
		case http.MethodPatch:
			serve = s.tusd.patch
		case http.MethodDelete:
			serve = s.tusd.delete
		default:
			return methodNotAllowed("HEAD, PATCH, DELETE, GET, OPTIONS")
		}
	}
	if err := s.check(r); err != nil {
		return err
	}
	if offset, err := strconv.ParseInt(r.Header.Get("Upload-Offset"), 10, 64); err == nil {
		x.request.Offset = offset
	}
	body, err := s.bodies.admit(w.ResponseWriter, r)
	if body != nil {
		w.body = body
		x.request.Body = body
	}
	if err != nil {
		return err
	}
	// An id is a path of one segment; tusd takes it as it is. Without a raw path
	// nothing is read from there.
	r.URL.Path, r.URL.RawPath = id, ""
	serve.ServeHTTP(w, r)
	r.URL.Path = filesPath + id
	if id == "" {
		x.id = lastSegment(h.Get("Location"))
	}
	return nil
}

// discover answers OPTIONS.
func (s *Server) discover(h http.Header) {
	h.Set("Tus-Version", tusVersion)
	h.Set("Tus-Extension", s.tusd.extensions)
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
	if length := r.Header.Get("Upload-Length"); length != "" && s.cfg.MaxSize > 0 {
		if n, err := strconv.ParseInt(length, 10, 64); err == nil && n > s.cfg.MaxSize {
			return maxSizeExceeded()
		}
	}
	if r.Method != http.MethodPost {
		return nil
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
