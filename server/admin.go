package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"plateau/profiling"
	"plateau/web"
)

// newAdmin is every address of the admin listener. It shares nothing with the
// public one.
func (s *Server) newAdmin(version string) http.Handler {
	options := profiling.Options{
		Turns:     &s.insight.turns,
		Captures:  s.insight.captures,
		Enabled:   s.profiles,
		BlockOn:   func() bool { return s.cfg.ProfileBlocking },
		MutexFlag: "--profile-blocking",
		BlockFlag: "--profile-blocking",
		Flight:    s.insight.flight,
	}
	name, _ := os.Hostname() // it only tells one page from another
	page := func(profiling bool) http.Handler {
		return web.OperatorHandler(web.OperatorOptions{
			Version: version, Host: name, Profiling: profiling, Flight: profiling && s.cfg.FlightRecorder,
		})
	}
	pages := map[bool]http.Handler{true: page(true), false: page(false)}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.Handle("/debug/", profiling.Handler(options))
	mux.Handle("/debug/flags", s.flags)
	mux.Handle("/api/", s.insight.live.Handler())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { pages[s.profiles()].ServeHTTP(w, r) })
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.looking.begin()
		defer s.looking.end()
		mux.ServeHTTP(w, r)
	})
	if s.cfg.AdminToken == "" {
		return requireName(refuseStrangers(counted))
	}
	return requireToken(s.cfg.AdminToken, refuseStrangers(counted))
}

// refuseStrangers refuses what a page of another site has an operator's browser ask
// for: it can't read the answer, but it could start profiles. Links to what only
// shows are let through.
func refuseStrangers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		strange := site == "cross-site" || site == "same-site"
		if strange && (r.Header.Get("Sec-Fetch-Mode") != "navigate" || records(r.URL.Path)) {
			http.Error(w, "ERR_FORBIDDEN: this is not served to pages of other sites", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// records reports whether a path below /debug/ records something, or makes the
// garbage collector run, rather than showing what there is.
func records(path string) bool {
	switch {
	case path == "/debug/flags", path == "/debug/pprof/", path == "/debug/flame", path == "/debug/flame/":
		return false
	case strings.HasPrefix(path, "/debug/flame/"): // a view that was taken has a number behind its kind
		return strings.Count(path, "/") < 5
	}
	return strings.HasPrefix(path, "/debug/")
}

// awaitOperators waits for the last requests of the admin listener, whose
// connections are closed: they look at the outbox. Nothing there takes long.
func (s *Server) awaitOperators() {
	ctx, cancel := context.WithTimeout(context.Background(), lastAnswers)
	defer cancel()
	if err := waitFor(ctx, s.looking.idle); err != nil {
		s.log.Warn("an operator's request did not end", "error", err)
	}
}

// requireName refuses requests that name another host than the machine itself. They
// come from a page of a stranger whose name leads to this address (DNS rebinding): it
// could read all that is shown here, where no token is asked for.
func requireName(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.Trim(host, "[]")
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" && !strings.HasSuffix(host, ".localhost") && host != "" {
			http.Error(w, "ERR_FORBIDDEN: without --admin-token this is served to localhost and to addresses only, not to "+host, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
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
