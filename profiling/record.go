package profiling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"

	"github.com/felixge/fgprof"
)

// crowd is how many goroutines fgprof walks without being forced to. With so many it takes most of a core.
const crowd = 5_000

// recorder is a kind of profile that takes time.
type recorder struct {
	name     string
	fallback float64 // seconds, when the request does not say
	crowd    int     // goroutines above which it runs only if forced; 0: any number
	partial  bool    // a part of it is of use
	// start begins to record into w, which must never wait for anybody. stop ends that, and has written everything when it
	// returns. An error of start means that something else in the process is recording.
	start func(w io.Writer, query url.Values) (stop func() error, err error)
}

func cpu() recorder {
	return recorder{name: "profile", fallback: 30, start: func(w io.Writer, _ url.Values) (func() error, error) {
		return func() error { pprof.StopCPUProfile(); return nil }, pprof.StartCPUProfile(w)
	}}
}

func executionTrace() recorder {
	return recorder{name: "trace", fallback: 1, partial: true, start: func(w io.Writer, _ url.Values) (func() error, error) {
		return func() error { trace.Stop(); return nil }, trace.Start(w)
	}}
}

// wallClock records with fgprof, in pprof's format unless ?format=folded asks for stacks as text.
func wallClock() recorder {
	return recorder{name: "fgprof", fallback: 30, crowd: crowd, start: func(w io.Writer, query url.Values) (func() error, error) {
		format := fgprof.FormatPprof
		if query.Get("format") == string(fgprof.FormatFolded) {
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

// admit refuses a recording that would cost too much now, unless ?force=1 asks for it all the same.
func (k recorder) admit(query url.Values) error {
	n := runtime.NumGoroutine()
	if k.crowd == 0 || n <= k.crowd || query.Get("force") == "1" {
		return nil
	}
	return &refusal{status: http.StatusServiceUnavailable, why: fmt.Sprintf(
		"%s walks all goroutines 99 times a second: with the %d that there are now it would take most of a core, "+
			"and with more than %d it is not begun; add force=1 to the address to have it all the same", k.name, n, k.crowd)}
}

// record keeps what happens until length has passed, ctx has ended, or the tape is nearly full.
func (k recorder) record(ctx context.Context, t *tape, query url.Values, length time.Duration) error {
	stop, err := k.start(t, query)
	if err != nil {
		return &refusal{http.StatusTooManyRequests, time.Second, "this process is being profiled already: " + err.Error()}
	}
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-t.full:
	}
	err = stop()
	if whole := t.end(); err == nil && !whole && !k.partial {
		err = errTapeFull
	}
	if err != nil {
		return &refusal{status: http.StatusServiceUnavailable, why: err.Error()}
	}
	return nil
}

// recordings serves profiles that take time.
type recordings struct {
	max   int // seconds
	turns *Turns
	tapes *tapes
}

func newRecordings(o Options) *recordings {
	return &recordings{o.MaxSeconds, o.Turns, newTapes(tapeBytes, tapesBytes)}
}

// serve serves one kind of profile.
func (r *recordings) serve(kind recorder) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		t, err := r.record(req, kind)
		if err != nil {
			refuse(w, err) // has no effect on a client that has left
			return
		}
		defer t.free()
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s"`, kind.name))
		h.Set("X-Content-Type-Options", "nosniff")
		t.send(w, http.StatusOK)
	}
}

// record records in its turn, which is over when it returns: however slowly a client reads, the next may begin. The tape must
// be freed.
func (r *recordings) record(req *http.Request, kind recorder) (*tape, error) {
	query := req.URL.Query()
	done, length, err := r.begin(kind, query)
	if err != nil {
		return nil, err
	}
	defer done()
	t, err := r.tapes.begin()
	if err != nil {
		return nil, err
	}
	if err := kind.record(req.Context(), t, query, length); err != nil {
		t.free()
		return nil, err
	}
	return t, nil
}

// begin takes the turn of a kind at once, or says why not.
func (r *recordings) begin(kind recorder, query url.Values) (done func(), length time.Duration, err error) {
	if length, err = r.length(query, kind.fallback); err != nil {
		return nil, 0, err
	}
	if err = kind.admit(query); err != nil {
		return nil, 0, err
	}
	done, err = r.turns.take(kind.name, length)
	return done, length, err
}

// length reads ?seconds=.
func (r *recordings) length(query url.Values, fallback float64) (time.Duration, error) {
	seconds := min(fallback, float64(r.max))
	if text := query.Get("seconds"); text != "" || fallback == 0 {
		var err error
		seconds, err = strconv.ParseFloat(text, 64)
		if err != nil || !(seconds > 0 && seconds <= float64(r.max)) {
			return 0, &refusal{status: http.StatusBadRequest, why: fmt.Sprintf("seconds must be a number above 0 and at most %d", r.max)}
		}
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// refusal is an answer that is no profile.
type refusal struct {
	status int
	after  time.Duration // when to come again; 0: not said
	why    string
}

func (f *refusal) Error() string { return f.why }

// announce writes the header of a refusal, all but the status, and returns that. Any other error is ours.
func announce(h http.Header, err error) (status int) {
	f, ok := errors.AsType[*refusal](err)
	if !ok {
		return http.StatusInternalServerError
	}
	if f.after > 0 || f.status == http.StatusTooManyRequests { // whole seconds, and not at once
		h.Set("Retry-After", strconv.Itoa(max(1, int((f.after+time.Second-1)/time.Second))))
	}
	return f.status
}

// refuse answers with plain words.
func refuse(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), announce(w.Header(), err))
}
