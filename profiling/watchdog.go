package profiling

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// WatchdogOptions are what a Watchdog needs. The zero value of a field with a default means the default.
type WatchdogOptions struct {
	// Read reads the figures, as [Meter.Read] does. Only Run calls it. Required.
	Read func() Figures
	// Heap is the live heap, in bytes, and Goroutines the number of them, that is too much. 0: there is no such level.
	Heap, Goroutines int64
	// Slope is how many bytes an hour the live heap may rise for good, and resident memory where the heap does not explain
	// it. With it goes a rise of 1,000 goroutines an hour. 0: it may rise as it likes.
	Slope int64
	// Window is for how long a rise must go on; one of at most half that time passes for a burst. Default 1 h: each twelfth
	// of it, of which the lowest reading counts, has two garbage collections even where nothing happens.
	Window time.Duration
	// Every is the time between two readings, at most a twelfth of Window. Default 10 s, or what Window allows.
	Every time.Duration
	// Again is how long a cause is not captured again, and Retry how long if no file could be saved. Defaults 30 min and 1 min.
	Again, Retry time.Duration
	// Capture saves what shows why. It returns the files, and the functions that grew most. Nothing is said and no reading is
	// taken before it returns, so it must not wait for long; what it returns beside an error counts too. Default: nothing is
	// captured, and alarms are only logged.
	Capture func(ctx context.Context, cause string) (files, growers []string, err error)
	// Sample saves what takes some time, after Capture has saved files and the log has said so. Readings are taken meanwhile.
	// One runs at a time, and Run waits for it, so it must end with ctx. Default: nothing.
	Sample func(ctx context.Context, cause string) (files []string, err error)
	// Captured hears of each capture of which there are files, once for each cause that it was taken for: one of
	// [WatchdogCauses].
	Captured func(cause string)
	// Enabled says whether the watchdog may alarm and capture now. Default: always.
	Enabled func() bool
	// Log hears one line for each alarm. Default: nothing.
	Log *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o WatchdogOptions) Validate() error {
	var errs []error
	if o.Read == nil {
		errs = append(errs, errors.New("watchdog: Read is nil"))
	}
	if o.Heap < 0 || o.Goroutines < 0 || o.Slope < 0 || o.Window < 0 || o.Every < 0 || o.Again < 0 || o.Retry < 0 {
		errs = append(errs, errors.New("watchdog: a level, the slope or a time is negative"))
	}
	if o = o.withDefaults(); o.Every > o.Window/spansInWindow {
		errs = append(errs, errors.New("watchdog: Every is more than a twelfth of Window"))
	}
	return errors.Join(errs...)
}

func (o WatchdogOptions) withDefaults() WatchdogOptions {
	if o.Window == 0 {
		o.Window = time.Hour
	}
	if o.Every == 0 {
		o.Every = min(10*time.Second, max(o.Window/spansInWindow/3, 1))
	}
	if o.Again == 0 {
		o.Again = 30 * time.Minute
	}
	if o.Retry == 0 {
		o.Retry = min(time.Minute, o.Again)
	}
	if o.Captured == nil {
		o.Captured = func(string) {}
	}
	if o.Enabled == nil {
		o.Enabled = func() bool { return true }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Watchdog looks at memory and goroutines every few seconds. When one is too high, or rises for good, it captures what shows
// why, while it can still be seen, and says so in the log.
//
// It costs some ten microseconds a reading and a few kilobytes, however long it runs. An alarm begins above its level, or when
// the figure climbs, and ends below nine tenths of the level, or half the slope; while it lasts, there is a capture each
// [WatchdogOptions.Again]. Alarms that are due together share a capture. Where the disk is full, the log and
// [Watchdog.State] tell of an alarm all the same, and a capture is tried again soon.
type Watchdog struct {
	opts     WatchdogOptions
	start    time.Time      // of Run
	sampling sync.WaitGroup // of Run, which adds to it
	sampler  chan struct{}  // has room for one

	mu     sync.Mutex // guards what follows
	judge  judge
	next   map[string]time.Time // when each cause may be captured again
	latest time.Time            // the last capture,
	files  []string             // and its files
}

// NewWatchdog returns a watchdog that sleeps until Run.
func NewWatchdog(opts WatchdogOptions) (*Watchdog, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	return &Watchdog{opts: opts, sampler: make(chan struct{}, 1), judge: newJudge(opts), next: make(map[string]time.Time)}, nil
}

// Run watches until ctx ends. When it returns nothing of it runs any more. It may be called once.
func (w *Watchdog) Run(ctx context.Context) {
	defer w.sampling.Wait()
	w.start = time.Now()
	ticker := time.NewTicker(w.opts.Every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		w.look(ctx)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// look takes a reading and does what is due.
func (w *Watchdog) look(ctx context.Context) {
	figures, now := w.opts.Read(), time.Now()
	enabled := w.opts.Enabled()
	w.mu.Lock()
	w.judge.see(now.Sub(w.start), figures)
	var due []alarm
	if enabled {
		for _, a := range w.judge.alarms() {
			if !now.Before(w.next[a.cause]) {
				due = append(due, a)
				w.next[a.cause] = now.Add(w.opts.Again)
			}
		}
	} else {
		w.judge.calm()
	}
	w.mu.Unlock()
	if len(due) > 0 {
		w.raise(ctx, now, due)
	}
}

// raise captures once for all alarms, and says it in one line.
func (w *Watchdog) raise(ctx context.Context, now time.Time, due []alarm) {
	var causes, figures, files, growers []string
	var err error
	for _, a := range due {
		causes, figures = append(causes, a.cause), append(figures, a.figure)
	}
	if w.opts.Capture != nil {
		files, growers, err = w.opts.Capture(ctx, causes[0])
		if err != nil && ctx.Err() != nil && len(files) == 0 {
			return // the server stops
		}
	}
	line := []any{"cause", strings.Join(causes, ", "), "figures", strings.Join(figures, "; ")}
	if len(growers) > 0 {
		line = append(line, "grew_most", strings.Join(growers, "; "))
	}
	line = append(line, "files", files)
	if err != nil {
		line = append(line, "error", err)
	}
	w.opts.Log.Warn("the watchdog finds memory or goroutines too high, or rising for good", line...)
	switch {
	case len(files) > 0:
		for _, cause := range causes {
			w.opts.Captured(cause)
		}
		w.mu.Lock()
		w.latest, w.files = time.Now(), files
		w.mu.Unlock()
		w.sample(ctx, causes[0])
	case err != nil:
		w.mu.Lock()
		for _, cause := range causes {
			w.next[cause] = now.Add(w.opts.Retry)
		}
		w.mu.Unlock()
	}
}

// sample saves what takes some time, if it is not doing that still.
func (w *Watchdog) sample(ctx context.Context, cause string) {
	if w.opts.Sample == nil {
		return
	}
	select {
	case w.sampler <- struct{}{}:
	default:
		return
	}
	w.sampling.Go(func() {
		defer func() { <-w.sampler }()
		files, err := w.opts.Sample(ctx, cause)
		if err != nil && ctx.Err() == nil {
			w.opts.Log.Warn("the watchdog can't sample the goroutines", "cause", cause, "error", err)
		}
		if len(files) > 0 {
			w.mu.Lock()
			w.files = append(slices.Clone(w.files), files...)
			w.mu.Unlock()
			w.opts.Log.Info("the watchdog has sampled the goroutines", "cause", cause, "files", files)
		}
	})
}

// WatchdogState is what a Watchdog knows.
type WatchdogState struct {
	// Heap and Resident are by how many bytes an hour the live heap and resident memory rise, Goroutines by how many.
	Heap, Resident, Goroutines float64
	// Over is how far these look back; 0: nothing is known yet.
	Over time.Duration
	// Alarms are those of [WatchdogCauses] that last now, whether or not a capture could be saved; for people, see
	// [CauseInWords]. A slope alone is none: it is one too while a burst rises.
	Alarms []string
	// Captured is when the last capture was, and Files are its files.
	Captured time.Time
	Files    []string
}

// State says how things are. It may be called at any time.
func (w *Watchdog) State() WatchdogState {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := WatchdogState{
		Alarms:   slices.Sorted(maps.Keys(w.judge.active)),
		Captured: w.latest,
		Files:    slices.Clone(w.files),
	}
	s.Heap, s.Over = w.judge.heap.perHour()
	s.Resident, _ = w.judge.resident.perHour()
	s.Goroutines, _ = w.judge.goroutines.perHour()
	return s
}
