package policy

import (
	"sync"
	"time"
)

// outcome is how a question ended.
type outcome int

const (
	answered outcome = iota
	failed
	givenUp // nobody waits for its answer any more
)

// breaker is a circuit breaker: closed while there are answers, open for a pause after a
// row of failures, then half open, while one question is a probe.
type breaker struct {
	failures int
	pause    time.Duration
	now      func() time.Time
	changed  func(away bool, cause error) // called with mu held

	mu      sync.Mutex // guards what follows
	row     int        // failures since the last answer
	open    bool
	until   time.Time // when it may be half open
	probing bool
}

// paused reports whether a question would not be put now.
func (b *breaker) paused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open && (b.probing || b.now().Before(b.until))
}

// admit says whether a question may be put, and whether it is the probe. Each that may is
// followed by one report.
func (b *breaker) admit() (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return false, true
	case b.probing || b.now().Before(b.until):
		return false, false
	}
	b.probing = true
	return true, true
}

func (b *breaker) report(probe bool, how outcome, cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	switch how {
	case answered:
		b.row = 0
		if b.open {
			b.open = false
			b.changed(false, nil)
		}
	case failed:
		b.row++
		switch {
		case b.open && probe:
			b.until = b.now().Add(b.pause)
		case !b.open && b.row >= b.failures:
			b.open, b.until = true, b.now().Add(b.pause)
			b.changed(true, cause)
		}
	}
}

// away reports whether the breaker is open or half open.
func (b *breaker) away() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}
