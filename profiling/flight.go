package profiling

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/trace"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// FlightOptions are what a Flight needs. The zero value of a field with a default means the default.
type FlightOptions struct {
	// Folder keeps what is recorded when a request stalls. If it is nil, stalls are only counted.
	Folder *Folder
	// MinAge is how far the recording should look back, MaxBytes how much memory it may hold for that; the latter wins, and
	// the runtime takes it as a hint. Defaults 5 s and 4 MiB.
	MinAge   time.Duration
	MaxBytes int64
	// Interval is the least time between two recordings that are saved because of stalls. Default 10 min.
	Interval time.Duration
	// Now is the time. Default time.Now.
	Now func() time.Time
	// Log hears what was saved, and why. Default: nothing.
	Log *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o FlightOptions) Validate() error {
	if o.MinAge < 0 || o.MaxBytes < 0 || o.Interval < 0 {
		return errors.New("flight recorder: MinAge, MaxBytes or Interval is negative")
	}
	return nil
}

func (o FlightOptions) withDefaults() FlightOptions {
	if o.MinAge == 0 {
		o.MinAge = 5 * time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 4 << 20
	}
	if o.Interval == 0 {
		o.Interval = 10 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Flight is a flight recorder: while it runs, the process's execution trace of the last seconds can be had at any time, and
// is saved when a request stalls. Under load that may cost two fifths more CPU time and some tens of megabytes, so it is for
// the hunt, not for every day.
//
// A process has at most one that runs. A nil *Flight is one that is off: all its methods may be called.
type Flight struct {
	opts   FlightOptions
	stalls atomic.Int64
	next   atomic.Int64 // before this moment, in nanoseconds since 1970, stalls are only counted
	on     atomic.Bool
	reason chan string // of a stall that is to be saved

	place sync.Mutex // taken while a recording is downloaded

	mu       sync.Mutex            // guards what follows, and keeps the recorder's calls apart, which the runtime wants
	recorder *trace.FlightRecorder // nil: off
	stop     context.CancelFunc    // ends the saver
	saver    sync.WaitGroup
}

// NewFlight returns a flight recorder that is off.
func NewFlight(opts FlightOptions) (*Flight, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	return &Flight{opts: opts.withDefaults(), reason: make(chan string, 1)}, nil
}

// Start begins to record; Stop it. It fails if another flight recorder runs in this process. This one is off then, and may be
// used as one that is: it answers 404, counts stalls, and may be started again.
func (f *Flight) Start() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.recorder != nil {
		return errors.New("start the flight recorder: it runs already")
	}
	recorder := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: f.opts.MinAge, MaxBytes: uint64(f.opts.MaxBytes)})
	if err := recorder.Start(); err != nil {
		return fmt.Errorf("start the flight recorder, of which a process has one: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f.recorder, f.stop = recorder, stop
	f.saver.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case reason := <-f.reason:
				f.saveStall(ctx, reason)
			}
		}
	})
	f.on.Store(true)
	return nil
}

// Stop ends the recording. When it returns nothing of it runs any more, but a write to a disk that hangs, see [Folder.Save]. It
// may be called at any time, and again.
func (f *Flight) Stop() {
	if f == nil {
		return
	}
	f.on.Store(false)
	f.mu.Lock()
	if f.recorder != nil {
		f.recorder.Stop()
		f.stop()
		f.recorder, f.stop = nil, nil
	}
	f.mu.Unlock()
	f.saver.Wait()
	select {
	case <-f.reason: // that came too late
	default:
	}
}

// Stalled says that a request stalls: the last seconds are saved if none were within [FlightOptions.Interval]. It returns at
// once, whatever the disk does, and may be called by many goroutines.
func (f *Flight) Stalled(reason string) {
	if f == nil {
		return
	}
	f.stalls.Add(1)
	next, now := f.next.Load(), f.opts.Now()
	if f.opts.Folder == nil || !f.on.Load() || now.UnixNano() < next {
		return
	}
	if !f.next.CompareAndSwap(next, now.Add(f.opts.Interval).UnixNano()) {
		return // another is quicker
	}
	select {
	case f.reason <- reason:
	default: // the last one is still being saved
	}
}

func (f *Flight) saveStall(ctx context.Context, reason string) {
	recording, err := f.snapshot()
	if errors.Is(err, errFlightOff) {
		return // it was stopped meanwhile
	}
	var paths []string
	if err == nil {
		paths, err = f.opts.Folder.Save(ctx, "stall", Part{"flight.trace", recording})
	}
	if err != nil {
		f.opts.Log.Error("a request stalls, and the flight recording can't be saved", "reason", reason, "error", err)
		return
	}
	f.opts.Log.Warn("a request stalls: the flight recorder has saved the last seconds; look with: go tool trace FILE",
		"reason", reason, "stalls", f.stalls.Load(), "files", paths)
}

var errFlightOff = errors.New("the flight recorder is off")

// snapshot returns the last seconds, all in memory, so that nobody who reads slowly holds the recorder.
func (f *Flight) snapshot() ([]byte, error) {
	if f == nil {
		return nil, errFlightOff
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.recorder == nil {
		return nil, errFlightOff
	}
	var b bytes.Buffer
	if _, err := f.recorder.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("read the flight recorder: %w", err)
	}
	return b.Bytes(), nil
}

// ServeHTTP answers GET with the last seconds, for go tool trace; one client at a time, a second hears 429. While the
// recorder is off it answers 404 and says how to turn it on.
func (f *Flight) ServeHTTP(w http.ResponseWriter, r *http.Request) { getOnly(f.download)(w, r) }

func (f *Flight) download(w http.ResponseWriter, _ *http.Request) {
	if f != nil {
		if !f.place.TryLock() {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "another client is being sent the flight recording", http.StatusTooManyRequests)
			return
		}
		defer f.place.Unlock()
	}
	recording, err := f.snapshot()
	if errors.Is(err, errFlightOff) {
		http.Error(w, "the flight recorder is off; --flight-recorder turns it on (a process has one at most)", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-flight.trace"`, f.opts.Now().UTC().Format(captureTime)))
	h.Set("X-Content-Type-Options", "nosniff")
	send(w, http.StatusOK, len(recording), slices.Chunk(recording, largestBlock))
}
