// Package profiling serves the profiles of the running process over HTTP, for use in production, and says what has grown.
//
// [Handler] answers at the paths that every Go tool knows: /debug/pprof/ with its index, cmdline, profile, symbol, trace and
// the named profiles, and /debug/fgprof, which samples goroutines that wait as well as those that run. Browsers find flame
// graphs at /debug/flame and, at /debug/grew, who allocated what was not there some minutes ago. It has its own mux:
// net/http/pprof registers itself on http.DefaultServeMux when it is imported, so nothing may ever serve that one. Who may
// ask is the caller's business; these pages belong on an admin listener.
//
// What happens under stress: a profile that takes time (CPU, execution trace, fgprof, and the difference that ?seconds= makes
// of a named profile) runs for at most [Options.MaxSeconds], else the answer is 400. One of each kind runs at a time; a second
// request hears 429 with Retry-After, and a flame graph waits 30 s for the first before it hears that. It ends early when the
// client leaves or the request's context ends, and what it recorded until then is lost. The runtime records one CPU profile
// and one trace in a process, so if other code does that, or a second Handler in this process, the answer is 429 too.
//
// What is recorded is kept in memory, and sent when the recording is over, so a client that reads slowly, or not at all, is in
// nobody's way; one that takes nothing for 30 s is given up. A profile is at most 64 MiB: a trace that comes near it ends early,
// and any other would hear 503. All together, those being sent included, are at most 128 MiB; then the answer is 429. fgprof
// walks all goroutines 99 times a second: with 100 of them it costs 6 % of a core, with 5,000 about 80 %, and above that the
// answer is 503 unless ?force=1 insists.
//
// A named profile is there at once, yet it may cost much: with 50,000 goroutines, to write all their stacks takes a second in
// which nothing else runs, and ?gc=1 makes the garbage collector run. One of each kind is made at a time, and so is one
// comparison of what has grown: a second request waits for 5 s, and hears 429 then.
//
// At most two flame graphs are being taken at a time and two shown; of those taken, eight are kept, compressed, for 15
// minutes. [Captures] say what they cost. Nothing else is kept, and nothing runs while nobody asks.
package profiling

import (
	"io"
	"net/http"
	httppprof "net/http/pprof"
	"os"
)

// Options for [Handler]. The zero value is sound.
type Options struct {
	// MaxSeconds bounds each profile that takes time; 0: 120.
	MaxSeconds int
	// Turns may be shared with what else takes profiles in this process, so that it and the requests keep out of each other's
	// way; nil: nothing else does.
	Turns *Turns
	// Captures is what /debug/grew compares with, and what flame graphs of a difference start from; nil: there are none.
	Captures *Captures
	// Enabled says whether anything is served; nil: it is. It is asked at each request, so it may change at any time.
	Enabled func() bool
	// MutexOn and BlockOn say whether the profiles of locks and of waiting are being recorded. A nil MutexOn asks the runtime;
	// the runtime does not tell it of the other, so a nil BlockOn means no. MutexFlag and BlockFlag name the settings that
	// turn them on.
	MutexOn, BlockOn     func() bool
	MutexFlag, BlockFlag string
	// Flight answers at /debug/flight; nil: nothing does.
	Flight http.Handler
}

func (o Options) withDefaults() Options {
	if o.MaxSeconds <= 0 {
		o.MaxSeconds = 120
	}
	if o.Turns == nil {
		o.Turns = &Turns{}
	}
	if o.Enabled == nil {
		o.Enabled = func() bool { return true }
	}
	if o.MutexOn == nil {
		o.MutexOn = mutexRecorded
	}
	if o.BlockOn == nil {
		o.BlockOn = func() bool { return false }
	}
	return o
}

// Handler returns the handler for all paths below /debug/ that this package knows.
func Handler(o Options) http.Handler {
	o = o.withDefaults()
	return handler(o, newRecordings(o))
}

func handler(o Options, r *recordings) http.Handler {
	p := newPages()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", getOnly(r.named))
	mux.HandleFunc("/debug/pprof/cmdline", getOnly(cmdline))
	mux.HandleFunc("/debug/pprof/symbol", httppprof.Symbol) // go tool pprof posts to it
	mux.HandleFunc("/debug/pprof/profile", getOnly(r.serve(cpu())))
	mux.HandleFunc("/debug/pprof/trace", getOnly(r.serve(executionTrace())))
	mux.HandleFunc("/debug/fgprof", getOnly(r.serve(wallClock())))
	mux.HandleFunc("/debug/grew", getOnly((&growths{o.Captures, p, o.Turns}).ServeHTTP))
	newFlames(o, r, p).mount(mux)
	if o.Flight != nil {
		mux.Handle("/debug/flight", o.Flight)
	}
	return whenEnabled(o.Enabled, mux)
}

func whenEnabled(enabled func() bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !enabled() {
			http.Error(w, "profiling is off: see the setting --profiling at /debug/flags", http.StatusNotFound)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cmdline names the program, which is all that go tool pprof wants to know. What follows it may be secret.
func cmdline(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, os.Args[0])
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
