package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"plateau/profiling"
)

// newAdmin is every address of the admin listener. It shares nothing with the
// public one.
func (s *Server) newAdmin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("/debug/", profiling.Handler(profiling.Options{}))
	if s.cfg.AdminToken == "" {
		return mux
	}
	return requireToken(s.cfg.AdminToken, mux)
}

// requireToken lets through who knows the token: as Bearer, or as the password
// of Basic, whatever the name.
func requireToken(token string, next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			_, given, ok = r.BasicAuth()
		}
		got := sha256.Sum256([]byte(given)) // equal lengths, so that the time taken says nothing
		if !ok || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="Plateau admin"`)
			http.Error(w, "ERR_UNAUTHORIZED: the admin token is missing or wrong", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
