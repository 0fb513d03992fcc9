package client

import (
	"context"
	"sync/atomic"
	"time"
)

// watchdog ends a request that nothing is heard of.
type watchdog struct {
	timer *time.Timer
	limit time.Duration
	why   atomic.Pointer[error]
}

// watch returns a context that ends with why unless the watchdog is fed again and again until stop is called.
func watch(ctx context.Context, limit time.Duration, why error) (watched context.Context, w *watchdog, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w = &watchdog{limit: limit}
	w.why.Store(&why)
	w.timer = time.AfterFunc(limit, func() { cancel(*w.why.Load()) })
	return ctx, w, func() {
		w.timer.Stop()
		cancel(nil)
	}
}

func (w *watchdog) feed() { w.timer.Reset(w.limit) }

// expect changes what the watchdog waits for, and for how long.
func (w *watchdog) expect(limit time.Duration, why error) {
	w.why.Store(&why)
	w.limit = limit
	w.feed()
}
