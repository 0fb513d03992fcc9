package lifecycle

import (
	"log/slog"
	"sync"
	"time"
)

// Grace is how long after the start of a server, and after a jump of the time,
// nothing expires: clients that a long stop kept away may come back, and a wrong
// clock or setting is noticed.
const Grace = 10 * time.Minute

// jumpAllowed is how far the time may run ahead of the processor's own clock
// between two looks at it.
const jumpAllowed = time.Hour

// Ages is the clock by which the ages of uploads are measured. It knows of times
// in which nobody could have sent a byte, or whose length nobody knows: after the
// start of a server, and after a jump of the time, nothing expires for Grace.
type Ages struct {
	now     func() time.Time
	elapsed func() time.Duration // since a fixed moment, whatever the time is set to
	log     *slog.Logger

	mu          sync.Mutex
	grace       time.Duration // 0 before start
	sparedUntil time.Time
	last        time.Time
	lastElapsed time.Duration
}

// NewAges returns the clock. now is what the time is read from; elapsed is how long
// it is since a fixed moment, whatever the time is set to, nil: as the process knows.
func NewAges(now func() time.Time, elapsed func() time.Duration, log *slog.Logger) *Ages {
	if elapsed == nil {
		opened := time.Now() // has a monotonic reading
		elapsed = func() time.Duration { return time.Since(opened) }
	}
	return &Ages{now: now, elapsed: elapsed, log: log}
}

// Start begins the first grace. Without it there is none.
func (a *Ages) Start(grace time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.lastElapsed = a.now().Round(0), a.elapsed()
	a.grace, a.sparedUntil = grace, a.last.Add(grace)
}

// Read returns the time, and the earliest time at which anything expires, which
// may have passed.
func (a *Ages) Read() (now, sparedUntil time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	// Without their monotonic readings, times are what clocks showed.
	now, elapsed := a.now().Round(0), a.elapsed()
	if a.grace > 0 {
		jump := now.Sub(a.last) - (elapsed - a.lastElapsed)
		if jump.Abs() > jumpAllowed {
			a.sparedUntil = now.Add(a.grace)
			a.log.Warn("the time jumped, so nothing expires for a while", "by", jump.Round(time.Second), "for", a.grace)
		}
	}
	a.last, a.lastElapsed = now, elapsed
	return now, a.sparedUntil
}
