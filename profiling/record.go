package profiling

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"sync"
	"time"

	"github.com/felixge/fgprof"
)

// recorder is a kind of profile that takes time.
type recorder struct {
	name     string
	fallback float64 // seconds, when the request does not say
	// start begins to record into w. stop ends that, and has written everything when it returns. An error of start means
	// that something else in the process is recording.
	start func(w io.Writer, req *http.Request) (stop func() error, err error)
}

func cpu() recorder {
	return recorder{name: "profile", fallback: 30, start: func(w io.Writer, _ *http.Request) (func() error, error) {
		return func() error { pprof.StopCPUProfile(); return nil }, pprof.StartCPUProfile(w)
	}}
}

func executionTrace() recorder {
	return recorder{name: "trace", fallback: 1, start: func(w io.Writer, _ *http.Request) (func() error, error) {
		return func() error { trace.Stop(); return nil }, trace.Start(w)
	}}
}

// wallClock records with fgprof, in pprof's format unless ?format=folded asks for stacks as text.
func wallClock() recorder {
	return recorder{name: "fgprof", fallback: 30, start: func(w io.Writer, req *http.Request) (func() error, error) {
		format := fgprof.FormatPprof
		if req.URL.Query().Get("format") == string(fgprof.FormatFolded) {
			format = fgprof.FormatFolded
		}
		return recovered(fgprof.Start(w, format)), nil
	}}
}

// recovered makes an error of fgprof's panic: it divides by its sampling rate, which is zero when the time was too short, or
// the machine too busy, for a single sample. By then its goroutine has ended, and nothing was written.
func recovered(stop func() error) func() error {
	return func() (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("no sample was taken: %v", r)
			}
		}()
		return stop()
	}
}

// recordings keeps profiles of the same kind apart. Its map has an entry for each kind that runs, so it is bounded.
type recordings struct {
	max int // seconds

	mu    sync.Mutex // guards until
	until map[string]time.Time
}

// record serves one kind of profile.
func (r *recordings) record(kind recorder) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		length, done, ok := r.begin(w, req, kind.name, kind.fallback)
		if !ok {
			return
		}
		defer done()
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, kind.name))
		h.Set("X-Content-Type-Options", "nosniff")
		stop, err := kind.start(w, req)
		if err != nil {
			h.Del("Content-Disposition")
			refuse(w, 1, "this process is being profiled already: "+err.Error())
			return
		}
		timer := time.NewTimer(length)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
		}
		if err := stop(); err != nil {
			h.Del("Content-Disposition")
			http.Error(w, err.Error(), http.StatusServiceUnavailable) // has no effect on a client that has left
		}
	}
}

// begin checks the seconds and takes the one place for profiles of that name. If ok is false the answer has been given, else
// done gives the place back.
func (r *recordings) begin(w http.ResponseWriter, req *http.Request, name string, fallback float64) (length time.Duration, done func(), ok bool) {
	seconds := fallback
	if text := req.URL.Query().Get("seconds"); text != "" || fallback == 0 {
		var err error
		seconds, err = strconv.ParseFloat(text, 64)
		if err != nil || !(seconds > 0 && seconds <= float64(r.max)) {
			http.Error(w, fmt.Sprintf("seconds must be a number above 0 and at most %d", r.max), http.StatusBadRequest)
			return 0, nil, false
		}
	}
	length = time.Duration(seconds * float64(time.Second))

	r.mu.Lock()
	until, running := r.until[name]
	if !running {
		r.until[name] = time.Now().Add(length)
	}
	r.mu.Unlock()
	if running {
		refuse(w, time.Until(until).Seconds(), "a profile of this kind is running already")
		return 0, nil, false
	}
	return length, func() {
		r.mu.Lock()
		delete(r.until, name)
		r.mu.Unlock()
	}, true
}

// refuse says when to come again, in whole seconds and not at once.
func refuse(w http.ResponseWriter, seconds float64, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(seconds)))))
	http.Error(w, why, http.StatusTooManyRequests)
}
