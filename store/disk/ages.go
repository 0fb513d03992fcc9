package disk

import (
	"log/slog"
	"sync"
	"time"
)

// grace is how long after the start of a server, and after a jump of the time,
// nothing expires: clients that a long stop kept away may come back, and a wrong
// clock or setting is noticed.
const grace = 10 * time.Minute

// jumpAllowed is how far the time may run ahead of the processor's own clock
// between two looks at it.
const jumpAllowed = time.Hour

// ages is the clock by which the ages of uploads are measured. It knows of times
// in which nobody could have sent a byte, or whose length nobody knows: after the
// start of a server, and after a jump of the time, nothing expires for grace.
type ages struct {
	now     func() time.Time
	elapsed func() time.Duration // since a fixed moment, whatever the time is set to
	log     *slog.Logger

	mu          sync.Mutex
	grace       time.Duration // 0 before start
	sparedUntil time.Time
	last        time.Time
	lastElapsed time.Duration
}

func newAges(o Options) *ages {
	opened := time.Now() // has a monotonic reading
	return &ages{now: o.Now, log: o.Log, elapsed: func() time.Duration { return time.Since(opened) }}
}

// start begins the first grace. Without it there is none.
func (a *ages) start(grace time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.lastElapsed = a.now().Round(0), a.elapsed()
	a.grace, a.sparedUntil = grace, a.last.Add(grace)
}

// read returns the time, and the earliest time at which anything expires, which
// may have passed.
func (a *ages) read() (now, sparedUntil time.Time) {
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
