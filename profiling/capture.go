package profiling

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Capture is what the process held at a moment: profiles as runtime/pprof writes them, compressed, so that they can be saved
// to files and opened with go tool pprof. It must not be changed.
type Capture struct {
	At         time.Time
	Collected  time.Time // the garbage collection before it: the heap profile is as of then
	Heap       []byte
	Goroutine  []byte // nil: there were too many to walk
	Goroutines int    // their number, always known
}

func (c *Capture) size() int { return len(c.Heap) + len(c.Goroutine) }

// CapturesOptions are what Captures need. The zero value is sound.
type CapturesOptions struct {
	// Module is the import path whose functions are our own. Default: the main module of the build information.
	Module string
	// Every is how often a capture is taken, Keep how long it is kept. Defaults 1 minute and 1 hour.
	Every, Keep time.Duration
	// MaxBytes bounds all captures together; the oldest go first. The first capture of all and the newest stay in any case.
	// Default 16 MiB. What a capture takes grows with the number of places that allocate: 20 KB in a quiet server.
	MaxBytes int
	// MaxGoroutines is how many goroutines are walked. With more, a capture has their number only. Default 20,000, which takes
	// about 80 ms.
	MaxGoroutines int
	// Enabled says whether captures are taken each Every; nil: they are. It is asked each time.
	Enabled func() bool
	// Now is the clock, and Ticker makes a channel that is ready each d, and what stops it. Defaults: those of package time.
	Now    func() time.Time
	Ticker func(d time.Duration) (ticks <-chan time.Time, stop func())
	// Log hears of captures that fail. Default: nothing.
	Log *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o CapturesOptions) Validate() error {
	var errs []error
	if o.Every < 0 || o.Keep < 0 {
		errs = append(errs, errors.New("captures: Every or Keep is negative"))
	}
	if o.MaxBytes < 0 || o.MaxGoroutines < 0 {
		errs = append(errs, errors.New("captures: MaxBytes or MaxGoroutines is negative"))
	}
	return errors.Join(errs...)
}

func (o CapturesOptions) withDefaults() CapturesOptions {
	if o.Module == "" {
		o.Module = "main" // whose functions are our own in any case
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path != "" {
			o.Module = info.Main.Path
		}
	}
	if o.Every == 0 {
		o.Every = time.Minute
	}
	if o.Keep == 0 {
		o.Keep = time.Hour
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 16 << 20
	}
	if o.MaxGoroutines == 0 {
		o.MaxGoroutines = 20_000
	}
	if o.Enabled == nil {
		o.Enabled = func() bool { return true }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ticker == nil {
		o.Ticker = func(d time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(d)
			return t.C, t.Stop
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// recentCaptures is how many of the last captures are all kept; of older ones, one in sparseCaptures is.
const (
	recentCaptures = 10
	sparseCaptures = 5
)

// Captures keeps what the process held each minute of the last ten, and each fifth before, of the last hour, and says what has grown since. All methods may be called
// at any time and by several goroutines; one capture is taken at a time.
//
// It takes MaxBytes at most, 1 to 3 MB as a rule, and, while a capture is taken or two are compared, some MB more. A capture
// makes the garbage collector run, at most once in 30 s.
type Captures struct {
	opts      CapturesOptions
	collector *collector
	comparing chan struct{} // has room for one

	mu    sync.Mutex // guards what follows
	first *Capture   // of all; nil: none yet
	kept  []*Capture // the oldest first; none is first
	bytes int        // of those kept and the first
}

// NewCaptures returns Captures that has none until Run.
func NewCaptures(o CapturesOptions) (*Captures, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	return &Captures{opts: o, collector: newCollector(o.Now), comparing: make(chan struct{}, 1)}, nil
}

// Run takes a capture at once and then each Every until ctx ends. It may be called once.
func (c *Captures) Run(ctx context.Context) {
	ticks, stop := c.opts.Ticker(c.opts.Every)
	defer stop()
	for {
		if c.opts.Enabled() {
			if taken, err := c.Take(ctx); err == nil {
				c.keep(taken)
			} else if ctx.Err() == nil {
				c.opts.Log.ErrorContext(ctx, "no capture of the memory's state could be taken", "error", err)
			}
		}
		select {
		case <-ticks:
		case <-ctx.Done():
			return
		}
	}
}

// Take takes a capture now and does not keep it. Its error is that of ctx, or of runtime/pprof.
func (c *Captures) Take(ctx context.Context) (*Capture, error) {
	if err := c.collector.begin(ctx); err != nil {
		return nil, err
	}
	defer c.collector.end()
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	taken := &Capture{At: c.opts.Now(), Collected: stats.LastGC, Goroutines: runtime.NumGoroutine()}
	var err error
	if taken.Heap, err = snapshot("heap"); err != nil {
		return nil, err
	}
	if taken.Goroutines <= c.opts.MaxGoroutines {
		if taken.Goroutine, err = snapshot("goroutine"); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// keep keeps a capture and drops those that are too old or too much.
func (c *Captures) keep(taken *Capture) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += taken.size()
	if c.first == nil {
		c.first = taken
		return
	}
	c.kept = append(c.kept, taken)
	var kept []*Capture // a slice that was only cut would hold what was dropped
	for _, k := range c.kept {
		if c.spare(k, kept, taken) {
			kept = append(kept, k)
		} else {
			c.bytes -= k.size()
		}
	}
	for len(kept) > 1 && c.bytes > c.opts.MaxBytes {
		c.bytes -= kept[0].size()
		kept = kept[1:]
	}
	c.kept = slices.Clone(kept)
}

// spare reports whether a capture is still worth its memory, beside those before it.
// One of some time ago is to be compared with over longer, so fewer of them do.
func (c *Captures) spare(k *Capture, before []*Capture, newest *Capture) bool {
	age := newest.At.Sub(k.At)
	if age > c.opts.Keep {
		return k == newest
	}
	return age <= recentCaptures*c.opts.Every || len(before) == 0 || k.At.Sub(before[len(before)-1].At) >= sparseCaptures*c.opts.Every
}

// before returns the capture whose age is nearest to that; nil: there is none yet.
func (c *Captures) before(now time.Time, age time.Duration) *Capture {
	c.mu.Lock()
	defer c.mu.Unlock()
	best := c.first
	for _, k := range c.kept {
		if (now.Sub(k.At) - age).Abs() < (now.Sub(best.At) - age).Abs() {
			best = k
		}
	}
	return best
}
