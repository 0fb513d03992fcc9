package server

import (
	"context"
	"net/http"
	"runtime/pprof"
	"strings"
)

// routeLabels are what goroutines are labelled with in profiles: the route that
// they serve. Goroutines that a request starts have its label too, and so have those
// that a library leaves behind.
type routeLabels struct {
	create, patch, form, other context.Context
	none                       context.Context
}

func newRouteLabels() routeLabels {
	label := func(route string) context.Context {
		return pprof.WithLabels(context.Background(), pprof.Labels("route", route))
	}
	return routeLabels{
		create: label("POST " + filesPath),
		patch:  label("PATCH " + filesPath),
		form:   label("POST " + formPath),
		other:  label("other"),
		none:   context.Background(),
	}
}

// begin labels this goroutine for a request.
func (l *routeLabels) begin(method, path string) {
	route := l.other
	switch {
	case path == formPath:
		route = l.form
	case !strings.HasPrefix(path, "/files"):
	case method == http.MethodPost:
		route = l.create
	case method == http.MethodPatch:
		route = l.patch
	}
	pprof.SetGoroutineLabels(route)
}

// end takes the label away: the connection's next request may be another's.
func (l *routeLabels) end() { pprof.SetGoroutineLabels(l.none) }
