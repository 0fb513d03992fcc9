package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/server/access"
	"plateau/store"
)

// linksPath is where signed addresses are made: POST /links/<id>.
const linksPath = "/links/"

// linkTime is how long a signed address is valid where neither the request nor
// --link-time says so.
const linkTime = 15 * time.Minute

// signedLink is a signed address as whoever asked for it hears of it.
type signedLink struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// link serves POST /links/<id>, with ?valid=10m if need be: an address that gives a
// finished upload to whoever has it, for a while. It is for the owner and admins.
func (s *Server) link(c *echo.Context) error {
	r := c.Request()
	x := exchangeOf(r)
	w := &x.response
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", "POST, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	err := s.makeLink(x, r, strings.TrimPrefix(r.URL.Path, linksPath))
	if err == nil {
		return nil
	}
	answer, ok := errors.AsType[handler.Error](err)
	if !ok {
		answer = internalError()
		x.request.Fail(answer, err)
	}
	w.fail(answer)
	return nil
}

func (s *Server) makeLink(x *exchange, r *http.Request, id string) error {
	if s.cfg.Downloads == "false" {
		return notFound()
	}
	if !s.store.ValidID(id) {
		return store.NotFound()
	}
	x.response.id = id
	if err := s.identify(x, r); err != nil {
		return err
	}
	if r.Method != http.MethodPost {
		return methodNotAllowed("POST, OPTIONS")
	}
	valid, err := s.linkValid(r.URL.Query())
	if err != nil {
		return err
	}
	content, err := s.content(x, x, id) // asks whether it may be used, and is finished
	if err != nil {
		return err
	}
	if err := content.Body.Close(); err != nil {
		return err
	}
	return s.answerLink(&x.response, id, time.Now().Add(valid))
}

// linkValid is how long the address is to be valid.
func (s *Server) linkValid(query url.Values) (time.Duration, error) {
	most := s.cfg.LinkTime // 0: no limit
	if !query.Has("valid") {
		if most > 0 {
			return most, nil
		}
		return linkTime, nil
	}
	valid, err := time.ParseDuration(query.Get("valid"))
	if err != nil || valid < time.Second {
		return 0, invalidLinkTime()
	}
	if most > 0 {
		valid = min(valid, most)
	}
	return valid, nil
}

func (s *Server) answerLink(w *response, id string, expires time.Time) error {
	address := s.address(id) + "?" + s.auth.links.Sign(id, expires)
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // the & in the address stays one
	e.SetIndent("", "  ")
	if err := e.Encode(signedLink{address, expires.UTC().Truncate(time.Second)}); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Location", address)
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(text.Bytes()) // the client is gone, or hears it
	return nil
}

// signed reports whether a request comes with a signed address. Only downloads do.
func signed(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.RawQuery != "" && access.Signed(r.URL.Query())
}
