package server

import (
	"io"
	"net/http"

	"github.com/labstack/echo/v5"

	"plateau/web"
)

// newRoutes is every address of the public listener. Echo's own middleware is
// not used: uploads must reach tusd on the raw connection.
func (s *Server) newRoutes() http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = routeError
	e.Any("/files", s.uploads)
	e.Any("/files/*", s.uploads)
	e.Any(formPath, s.form)
	e.Any(linksPath+"*", s.link)
	e.GET("/healthz", s.healthz)
	e.GET("/readyz", s.readyz)
	e.HEAD("/healthz", s.healthz)
	e.HEAD("/readyz", s.readyz)
	if s.cfg.Auth != "none" {
		e.GET("/whoami", s.whoami)
	}
	page := s.page(web.Handler(s.pageOptions()))
	e.GET("/*", page)
	e.HEAD("/*", page)
	return e
}

// pageOptions is what the page must know. With --base-url uploads may have
// another origin than the page has.
func (s *Server) pageOptions() web.Options {
	o := web.Options{Downloads: s.cfg.Downloads != "false", MaxSize: s.cfg.MaxSize, Auth: s.cfg.Auth != "none"}
	if s.base != nil {
		o.Origin = s.base.Scheme + "://" + s.base.Host
	}
	return o
}

// page serves a handler whose errors are to be in our words.
func (s *Server) page(h http.Handler) echo.HandlerFunc {
	return func(c *echo.Context) error {
		w := &exchangeOf(c.Request()).response
		w.foreign = true
		h.ServeHTTP(w, c.Request())
		return nil
	}
}

// healthz says that the process serves.
func (s *Server) healthz(c *echo.Context) error { return say(c, http.StatusOK, "ok\n") }

// readyz says whether the server takes uploads. It turns only at start and
// stop: a balancer that takes every server out answers HEAD itself, with a 5xx,
// and clients start from zero. For the same reason it stays 200 when events
// can't be delivered; its body says so.
func (s *Server) readyz(c *echo.Context) error {
	if !s.ready.Load() {
		return say(c, http.StatusServiceUnavailable, "not ready\n")
	}
	return say(c, http.StatusOK, "ready\n"+s.events.troubles()+s.store.troubles()+s.auth.trouble()+s.policing.troubles())
}

func say(c *echo.Context, status int, text string) error {
	w := &exchangeOf(c.Request()).response
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	_, err := io.WriteString(w, text)
	return err
}

// routeError answers what no route answered.
func routeError(c *echo.Context, err error) {
	x := exchangeOf(c.Request())
	if x.response.status != 0 {
		return
	}
	answer := internalError()
	switch echo.StatusCode(err) {
	case http.StatusNotFound:
		answer = notFound()
	case http.StatusMethodNotAllowed:
		answer = methodNotAllowed("GET, HEAD")
	default:
		x.request.Fail(answer, err)
	}
	x.response.fail(answer)
}
