package profiling

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"
)

// Series is one figure that is looked at again and again.
type Series struct {
	// Name says what it is and in which unit: heap_live_bytes. Lower case, digits and underscores.
	Name string
	// Read takes the figure, NaN where it is unknown. It is called by one goroutine at a time and must not block. All series of
	// one sample are read with the same time.
	Read func(at time.Time) float64
}

// HistoryOptions are what a [History] needs. The zero value of a field with a default means the default.
type HistoryOptions struct {
	Series []Series      // what is looked at, in the order in which it is shown. Required
	Every  time.Duration // between two samples. Default 1 s
	Keep   time.Duration // how far back it goes. Default 1 h
	// Ticker makes the clock: a channel that ticks every so often until stop is called. Default: [time.NewTicker].
	Ticker func(every time.Duration) (ticks <-chan time.Time, stop func())
}

// maxSamples bounds the ring: a day at 1 Hz.
const maxSamples = 24 * 60 * 60

var seriesName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Validate reports everything that is wrong with the options.
func (o HistoryOptions) Validate() error {
	var errs []error
	if len(o.Series) == 0 {
		errs = append(errs, errors.New("history: there is no series"))
	}
	names := map[string]bool{}
	for i, s := range o.Series {
		if !seriesName.MatchString(s.Name) || names[s.Name] {
			errs = append(errs, fmt.Errorf("history: series %d: the name %q is malformed or there twice", i, s.Name))
		}
		if s.Read == nil {
			errs = append(errs, fmt.Errorf("history: series %q: Read is nil", s.Name))
		}
		names[s.Name] = true
	}
	if o = o.withDefaults(); o.Every < time.Millisecond || o.Keep < o.Every || o.Keep/o.Every > maxSamples {
		errs = append(errs, fmt.Errorf("history: Every must be 1ms or more, and Keep 1 to %d times as long", maxSamples))
	}
	return errors.Join(errs...)
}

func (o HistoryOptions) withDefaults() HistoryOptions {
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Keep == 0 {
		o.Keep = time.Hour
	}
	if o.Ticker == nil {
		o.Ticker = func(every time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(every)
			return t.C, t.Stop
		}
	}
	return o
}

// History keeps the last samples of some figures. All its memory is taken at once: 8 bytes and 4 for each series a sample,
// which for an hour of 11 series at 1 Hz is 187 KB. A value has the 24 bits of a float32: it is off by 1 in 16 million at
// most.
//
// When the machine is busy samples come late or are left out; each bears the time at which it was taken. A clock that is set
// back by a minute or more makes the history start anew.
type History struct {
	o HistoryOptions

	mu      sync.Mutex    // guards what follows
	times   []int64       // milliseconds since 1970, ascending from the oldest to the newest sample
	values  []float32     // of sample i: from i × the number of series
	taken   uint64        // samples ever taken: the newest is at (taken-1) % len(times)
	first   uint64        // the number of the oldest one that counts
	sampled chan struct{} // closed at the next sample
}

// NewHistory returns an empty History. It fills while [History.Run] runs.
func NewHistory(o HistoryOptions) (*History, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	samples := int(o.Keep / o.Every)
	return &History{
		o:       o,
		times:   make([]int64, samples),
		values:  make([]float32, samples*len(o.Series)),
		sampled: make(chan struct{}),
	}, nil
}

// Run takes samples until ctx ends: the first at once. It may run once.
func (h *History) Run(ctx context.Context) {
	ticks, stop := h.o.Ticker(h.o.Every)
	defer stop()
	row := make([]float32, len(h.o.Series))
	for at := time.Now(); ; {
		for i, s := range h.o.Series {
			row[i] = float32(s.Read(at))
		}
		h.add(at.UnixMilli(), row)
		select {
		case <-ctx.Done():
			return
		case at = <-ticks:
		}
	}
}

// setBack is by how many milliseconds a clock must be set back for the history to start anew. A clock that is corrected by less
// is waited for.
const setBack = 60_000

func (h *History) add(at int64, row []float32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.taken > h.first {
		switch newest := h.times[(h.taken-1)%uint64(len(h.times))]; {
		case at <= newest-setBack:
			h.first = h.taken
		case at <= newest:
			at = newest + 1
		}
	}
	i := int(h.taken % uint64(len(h.times)))
	h.times[i] = at
	copy(h.values[i*len(row):], row)
	h.taken++
	if h.taken-h.first > uint64(len(h.times)) {
		h.first = h.taken - uint64(len(h.times))
	}
	close(h.sampled)
	h.sampled = make(chan struct{})
}

// next returns a channel that is closed when the next sample has been taken, and how many have been taken by now.
func (h *History) next() (sampled <-chan struct{}, taken uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sampled, h.taken
}

// after returns the number of the oldest sample later than at, which is in milliseconds since 1970; if there is none, the
// number that the next one will have.
func (h *History) after(at int64) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	low, high := h.first, h.taken
	for low < high {
		if middle := (low + high) / 2; h.times[middle%uint64(len(h.times))] <= at {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
