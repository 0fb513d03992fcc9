package server

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"plateau/profiling"
)

const (
	// grewSince is how far back the watchdog looks for what grew.
	grewSince = 10 * time.Minute
	// growersNamed is how many functions its log line names, by bytes, by objects and by goroutines.
	growersNamed = 3
)

// insight is what shows operators how the process fares, while it serves: profiles,
// what grew, the last hour, the watchdog.
type insight struct {
	server    *Server
	turns     profiling.Turns
	captures  *profiling.Captures
	history   *profiling.History
	live      *profiling.Live
	watchdog  *profiling.Watchdog
	flight    *profiling.Flight // nil: off
	recorders recorders
	finish    profiling.Latencies // of finishes
	meters    [2]*profiling.Meter // of the history and of the watchdog
	captured  *prometheus.CounterVec

	running sync.WaitGroup
	end     context.CancelFunc // nil before start
}

func newInsight(s *Server) (*insight, error) {
	in := &insight{server: s, captured: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plateau_watchdog_captures_total",
		Help: "Captures that the watchdog saved, by what rose.",
	}, []string{"cause"})}
	for _, cause := range profiling.WatchdogCauses() {
		in.captured.WithLabelValues(cause)
	}
	for i := range in.meters {
		in.meters[i] = profiling.NewMeter()
	}
	folder, err := profiling.NewFolder(profiling.FolderOptions{Path: filepath.Join(s.cfg.DataDir, "captures")})
	if err != nil {
		return nil, err
	}
	if in.captures, err = profiling.NewCaptures(profiling.CapturesOptions{Enabled: s.profiles, Log: s.log}); err != nil {
		return nil, err
	}
	if in.history, err = profiling.NewHistory(profiling.HistoryOptions{Series: in.series()}); err != nil {
		return nil, err
	}
	if in.live, err = profiling.NewLive(profiling.LiveOptions{History: in.history, Uploads: s.bodies.inFlight, Warnings: in.warnings}); err != nil {
		return nil, err
	}
	evidence := profiling.Evidence{Folder: folder, Turn: func() (func(), bool) { return in.turns.Try("fgprof", 5*time.Second) }}
	in.watchdog, err = profiling.NewWatchdog(profiling.WatchdogOptions{
		Read:       in.meters[1].Read,
		Heap:       heapLevel(s.cfg.WatchdogHeap),
		Goroutines: int64(s.cfg.WatchdogGoroutines),
		Slope:      s.cfg.WatchdogSlope,
		Capture: func(ctx context.Context, cause string) (files, growers []string, err error) {
			return in.capture(ctx, evidence, cause)
		},
		Sample:   evidence.SaveSample,
		Captured: func(cause string) { in.captured.WithLabelValues(cause).Inc() },
		Enabled:  s.profiles,
		Log:      s.log,
	})
	if err != nil {
		return nil, err
	}
	if s.cfg.FlightRecorder {
		// In a folder of its own: traces are large, and would push older captures out.
		traces, err := profiling.NewFolder(profiling.FolderOptions{Path: filepath.Join(s.cfg.DataDir, "stalls")})
		if err != nil {
			return nil, err
		}
		if in.flight, err = profiling.NewFlight(profiling.FlightOptions{Folder: traces, Log: s.log}); err != nil {
			return nil, err
		}
	}
	in.recorders = recorders{flight: in.flight, blocking: s.cfg.ProfileBlocking, wanted: s.profiles, log: s.log, changed: make(chan struct{}, 1)}
	return in, nil
}

// heapLevel is the configured one, or three quarters of the process's limit where that
// is less: near the limit it would be too late.
func heapLevel(configured int64) int64 {
	if limit := debug.SetMemoryLimit(-1); configured > 0 && limit < math.MaxInt64 {
		return min(configured, limit/4*3)
	}
	return configured
}

// profiles reports whether profiles are served and taken now.
func (s *Server) profiles() bool { return s.flags.Values().Profiling }

// series are what the history keeps.
func (in *insight) series() []profiling.Series {
	s := in.server
	outbox := func(read func() float64) func(time.Time) float64 {
		return func(time.Time) float64 { return read() }
	}
	all := in.meters[0].Series()
	all = append(all,
		profiling.Series{Name: "in_flight", Read: func(time.Time) float64 { return float64(s.bodies.count()) }},
		profiling.Series{Name: "bytes_per_second", Read: profiling.Rate(func() float64 { return float64(s.bodies.total.Load()) })},
		profiling.Series{Name: "outbox_depth", Read: outbox(s.events.pending)},
		profiling.Series{Name: "outbox_age_seconds", Read: outbox(s.events.oldestAge)},
	)
	return append(all, in.finish.Series("finish")...)
}

// pending is how many events wait.
func (e *events) pending() float64 {
	stats, err := e.outbox.Stats()
	if err != nil {
		return math.NaN()
	}
	return float64(stats.Pending)
}

// oldestAge is for how many seconds the oldest event has waited.
func (e *events) oldestAge() float64 {
	stats, err := e.outbox.Stats()
	switch {
	case err != nil:
		return math.NaN()
	case stats.Oldest.IsZero():
		return 0
	}
	return max(time.Since(stats.Oldest).Seconds(), 0)
}

// capture saves profiles for the watchdog, and says which functions grew most.
func (in *insight) capture(ctx context.Context, evidence profiling.Evidence, cause string) (files, growers []string, err error) {
	grown, err := in.captures.Grew(ctx, grewSince)
	if err != nil {
		if errors.Is(err, profiling.ErrNoCapture) {
			err = nil // so early there is nothing to compare with
		}
		only, takeErr := in.captures.Take(ctx)
		if takeErr != nil {
			return nil, nil, errors.Join(err, takeErr)
		}
		files, saveErr := evidence.Save(ctx, cause, only.Heap, only.Goroutine)
		return files, nil, errors.Join(err, saveErr)
	}
	files, err = evidence.Save(ctx, cause, grown.Now.Heap, grown.Now.Goroutine)
	return files, grown.Growers(growersNamed), err
}

// start begins to look, until stop.
func (in *insight) start(ctx context.Context) {
	ctx, in.end = context.WithCancel(context.WithoutCancel(ctx))
	in.running.Go(func() { in.captures.Run(ctx) })
	in.running.Go(func() { in.watchdog.Run(ctx) })
	if in.flight != nil || in.recorders.blocking {
		in.running.Go(func() { in.recorders.run(ctx) })
	}
	if in.server.admin.addr != "" {
		in.running.Go(func() { in.history.Run(ctx) })
		in.running.Go(func() { in.live.Run(ctx) })
	}
}

// profilesChanged is called when the flag profiling may have changed. It doesn't wait.
func (in *insight) profilesChanged() {
	select {
	case in.recorders.changed <- struct{}{}:
	default: // it was told already
	}
}

// stop ends all of it. It doesn't wait longer than groupWord for what hangs: a capture
// on a disk that is away.
func (in *insight) stop() error {
	if in.end != nil {
		in.end()
	}
	if err := awaitGroup(&in.running, "a capture was still being saved"); err != nil {
		return err
	}
	return errors.Join(in.meters[0].Close(), in.meters[1].Close())
}
