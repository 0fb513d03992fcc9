package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/labstack/echo/v5"
	"github.com/tus/tusd/v2/pkg/handler"
)

// whoami serves GET /whoami where a token is asked for: whose the request's is, as
// {"owner":"ada"}, or what every other request with it hears. The page asks before it
// takes a token from a person, and when HEAD says 423, which has more than one cause.
func (s *Server) whoami(c *echo.Context) error {
	x := exchangeOf(c.Request())
	w := &x.response
	w.Header().Set("Cache-Control", "no-store")
	if err := s.identify(x, c.Request()); err != nil {
		answer, ok := errors.AsType[handler.Error](err)
		if !ok {
			answer = internalError()
			x.request.Fail(answer, err)
		}
		w.fail(answer)
		return nil
	}
	text, err := json.Marshal(map[string]string{"owner": x.client.owner})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(append(text, '\n')) // the client is gone, or hears it
	return nil
}
