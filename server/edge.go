package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/server/tracing"
	"plateau/store"
)

// exchange is one request on the public listener and its answer. It is the
// request's context too: a waiting upload keeps one object in place of several.
type exchange struct {
	context.Context      // net/http's
	ended           bool // see tusd.serve

	header   http.Header // what tusd will read of the request's
	response response
	request  store.Request
	path     string // as the client sent it
	stall    *stall // nil unless somebody wants to know
	start    time.Time

	server  *Server       // is asked what client may do
	client  identity      // who sends it
	parts   int           // that a concatenation names, as far as they were opened
	address netip.Addr    // where it comes from, as proxies say; see limiter.enter
	held    held          // of its client's share
	refused bool          // by a limit of its client's: nothing is wrong with the server
	span    *tracing.Span // nil: there is none
}

type exchangeKey struct{}

// Value is part of context.Context.
func (x *exchange) Value(key any) any {
	switch key.(type) {
	case exchangeKey:
		return x
	case store.RequestKey:
		return &x.request
	}
	return x.Context.Value(key)
}

// Done is part of context.Context.
func (x *exchange) Done() <-chan struct{} {
	if !x.ended {
		return x.Context.Done()
	}
	done := make(chan struct{})
	close(done)
	return done
}

// Err is part of context.Context.
func (x *exchange) Err() error {
	if !x.ended {
		return x.Context.Err()
	}
	return context.Canceled
}

// exchangeOf returns the exchange of a request that came through the edge.
func exchangeOf(r *http.Request) *exchange {
	return r.Context().Value(exchangeKey{}).(*exchange)
}

// edge is the outermost handler of the public listener: what holds for every
// request, whatever its path.
//
// An upload waits for its client below this function, so its frame, and those
// of all functions down to the store's read, are kept small: past 8 KiB in all,
// the stack of every waiting upload has 16.
func (s *Server) edge(w http.ResponseWriter, r *http.Request) {
	s.active.begin()
	x := &exchange{server: s, start: time.Now(), path: r.URL.Path}
	defer s.leave(x, r)
	r = s.enter(x, w, r)
	if err := s.limiter.enter(x, r); err != nil {
		x.response.refuse(err)
		return
	}
	s.routes.ServeHTTP(&x.response, r)
}

// enter begins an exchange and returns the request as the routes see it.
func (s *Server) enter(x *exchange, w http.ResponseWriter, r *http.Request) *http.Request {
	method := r.Method
	if override := r.Header.Get("X-HTTP-Method-Override"); method == http.MethodPost && override != "" {
		method = strings.ToUpper(override)
		r.Header.Del("X-HTTP-Method-Override")
	}
	s.labels.begin(method, r.URL.Path)
	if s.insight.flight != nil {
		x.stall = s.insight.watchStalls(method, r)
	}
	x.request.Method = method
	x.request.Offset = -1
	x.request.Guard = x
	x.response = response{ResponseWriter: w, request: &x.request, address: s.address, sending: &s.downloads}
	x.Context = r.Context()
	s.beginSpan(x, r)
	r = r.WithContext(x)
	r.Method = method
	if r.Header.Get("Expect") != "" {
		// What the last answer on this connection left is not for "100 Continue".
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	}
	// net/http keeps the request that it made, with its own body.
	if body, full := s.bodies.admit(w, r); body != nil {
		x.response.body, x.request.Body, x.response.full = body, body, full
		if x.stall != nil {
			body.whenEnded = x.stall.begin
		}
	}
	x.response.problem = acceptsProblem(r.Header["Accept"])
	s.cors.setHeaders(w.Header(), r)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	return r
}

// leave ends an exchange, however it went.
func (s *Server) leave(x *exchange, r *http.Request) {
	defer s.active.end()
	defer s.labels.end()
	defer x.stall.end()
	panicked := recover()
	w := &x.response
	if panicked != nil && w.ResponseWriter != nil && w.status == 0 && x.request.Method != http.MethodHead {
		w.fail(internalError())
	}
	w.release()
	s.limiter.leave(x)
	if w.body != nil {
		s.bodies.release(w.body)
	}
	s.metrics.observe(x)
	x.endSpan()
	s.logExchange(x, r, panicked)
	if panicked != nil && (w.sent > 0 || x.request.Method == http.MethodHead) {
		// HEAD must not hear a 500, and half an answer must not look whole.
		panic(http.ErrAbortHandler)
	}
}

// logExchange writes the request's one line.
func (s *Server) logExchange(x *exchange, r *http.Request, panicked any) {
	w := &x.response
	level := slog.LevelInfo
	if panicked != nil || w.status >= 500 && !x.refused {
		level = slog.LevelError
	}
	code, cause := x.request.Failure()
	if w.code != "" {
		code = w.code
	}
	if cause != nil && level == slog.LevelInfo && !x.refused && unexpected(cause) {
		level = slog.LevelWarn
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	bytes := w.sent
	if w.body != nil {
		bytes = w.body.Received()
	}
	attrs := make([]slog.Attr, 0, 13)
	attrs = append(attrs,
		slog.String("method", x.request.Method),
		slog.String("path", x.path),
		slog.String("upload", w.id),
		slog.Int("status", w.status),
		slog.Int64("bytes", bytes),
		slog.Duration("duration", time.Since(x.start)),
		slog.String("client", s.clientOf(w, r)),
	)
	if x.client.owner != "" {
		attrs = append(attrs, slog.String("owner", x.client.owner))
	}
	if id := r.Header.Get("X-Request-ID"); id != "" {
		attrs = append(attrs, slog.String("request_id", id[:min(len(id), 128)]))
	}
	if w.status >= 400 && code != "" {
		attrs = append(attrs, slog.String("code", code))
	}
	if cause != nil && w.status >= 400 {
		attrs = append(attrs, slog.Any("error", cause))
	}
	if w.broken != nil {
		attrs = append(attrs, slog.Any("error", w.broken))
	}
	if panicked != nil && panicked != http.ErrAbortHandler {
		attrs = append(attrs, slog.String("panic", fmt.Sprint(panicked)), slog.String("stack", string(debug.Stack())))
	}
	s.log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attrs...)
}

// clientOf is who a request came from.
func (s *Server) clientOf(w *response, r *http.Request) string {
	if w.body != nil {
		return w.body.client
	}
	return s.proxies.clientOf(r)
}

// unexpected reports whether an error has more behind it than an answer: the
// disk's word, not a client's mistake.
func unexpected(cause error) bool {
	answer, ok := errors.AsType[handler.Error](cause)
	return !ok || answer.HTTPResponse.StatusCode >= 500
}
