// Package profiling serves the profiles of the running process over HTTP, for use in production.
//
// [Handler] answers at the paths that every Go tool knows: /debug/pprof/ with its index, cmdline, profile, symbol, trace and
// the named profiles, and /debug/fgprof, which samples goroutines that wait as well as those that run. It has its own mux:
// net/http/pprof registers itself on http.DefaultServeMux when it is imported, so nothing may ever serve that one. Who may
// ask is the caller's business; these pages belong on an admin listener.
//
// What happens under stress: a profile that takes time (CPU, execution trace, fgprof, and the difference that ?seconds= makes
// of a named profile) runs for at most [Options.MaxSeconds], else the answer is 400. One of each kind runs at a time; a second
// request hears 429 with Retry-After. It ends early when the client leaves or the request's context ends, and what it
// recorded until then is lost. The runtime records one CPU profile and one trace in a process, so if other code does that,
// or a second Handler in this process, the answer is 429 too. fgprof walks all goroutines 99 times a second: with 100 of
// them it costs 6 % of a core, with 5,000 about 80 %.
package profiling

import (
	"net/http"
	httppprof "net/http/pprof"
	"runtime/pprof"
	"strings"
	"time"
)

// Options for [Handler]. The zero value is sound.
type Options struct {
	// MaxSeconds bounds each profile that takes time; 0: 120.
	MaxSeconds int
}

// Handler returns the handler for all paths below /debug/pprof/, and for /debug/fgprof.
func Handler(o Options) http.Handler {
	if o.MaxSeconds <= 0 {
		o.MaxSeconds = 120
	}
	r := &recordings{max: o.MaxSeconds, until: map[string]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", getOnly(r.named))
	mux.HandleFunc("/debug/pprof/cmdline", getOnly(httppprof.Cmdline))
	mux.HandleFunc("/debug/pprof/symbol", httppprof.Symbol) // go tool pprof posts to it
	mux.HandleFunc("/debug/pprof/profile", getOnly(r.record(cpu())))
	mux.HandleFunc("/debug/pprof/trace", getOnly(r.record(executionTrace())))
	mux.HandleFunc("/debug/fgprof", getOnly(r.record(wallClock())))
	return mux
}

// named serves the index and the named profiles. With ?seconds= such a profile is the difference over that time.
func (r *recordings) named(w http.ResponseWriter, req *http.Request) {
	name := strings.TrimPrefix(req.URL.Path, "/debug/pprof/")
	if !req.URL.Query().Has("seconds") || pprof.Lookup(name) == nil {
		httppprof.Index(w, req)
		return
	}
	if _, done, ok := r.begin(w, req, name, 0); ok {
		defer done()
		httppprof.Index(w, req)
	}
}

// getOnly refuses other methods: HEAD would make a whole profile and throw it away.
func getOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, "only GET is served here", http.StatusMethodNotAllowed)
			return
		}
		next(w, r)
	}
}
