package server

import (
	"context"
	"log/slog"

	"plateau/profiling"
)

// recorders are what records all the time, if it is wanted: the flight recorder, and
// where goroutines wait for each other. They follow the flag profiling.
type recorders struct {
	flight   *profiling.Flight // nil: not wanted
	blocking bool
	wanted   func() bool
	log      *slog.Logger
	changed  chan struct{} // holds one value: wanted may have changed
}

// run keeps them on as long as they are wanted, until ctx ends. A process can have one
// of each: where another server of it has them, this one goes without.
func (r *recorders) run(ctx context.Context) {
	for {
		var stop func()
		if r.wanted() {
			stop = r.start()
		}
		for on := stop != nil; on == r.wanted() && ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-r.changed:
			}
		}
		if stop != nil {
			stop()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// start turns on what it can.
func (r *recorders) start() (stop func()) {
	rates := func() {}
	if r.flight != nil {
		if err := r.flight.Start(); err != nil {
			r.log.Warn("the flight recorder is off", "error", err)
		}
	}
	if r.blocking {
		off, err := profiling.Rates{Block: true, Mutex: true}.Start()
		if err != nil {
			r.log.Warn("where goroutines wait is not recorded", "error", err)
		} else {
			rates = off
		}
	}
	return func() {
		r.flight.Stop()
		rates()
	}
}
