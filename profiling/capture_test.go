package profiling_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"plateau/profiling"
)

func TestCapturesAreKeptForAnHour(t *testing.T) {
	c := newClock()
	captures, stop := capturing(t, c, profiling.CapturesOptions{})
	for range 15 {
		c.pass(10 * time.Minute)
		c.tick()
	}
	stop()
	// Those of the last hour, its two ends included, and the first of all.
	if number, bytes := captures.Kept(); number != 1+7 || bytes <= 0 || bytes > 16<<20 {
		t.Errorf("%d captures, %d bytes", number, bytes)
	}
	for since, want := range map[time.Duration]time.Duration{
		10 * time.Minute: 10 * time.Minute, 24 * time.Minute: 20 * time.Minute, time.Second: 0, 70 * time.Minute: time.Hour,
		2 * time.Hour: 150 * time.Minute, profiling.SinceStart: 150 * time.Minute,
	} {
		grew, err := captures.Grew(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		if got := grew.Since(); got != want {
			t.Errorf("asked for %s, compared with %s ago", since, got)
		}
	}
}

func TestBytesOfCapturesAreBounded(t *testing.T) {
	for _, most := range []int{1, 20_000} {
		c := newClock()
		captures, stop := capturing(t, c, profiling.CapturesOptions{MaxBytes: most})
		for range 12 {
			c.pass(time.Minute)
			c.tick()
		}
		stop()
		// The first and the newest stay in any case.
		if number, bytes := captures.Kept(); number < 2 || number > 2 && bytes > most || number > 12 {
			t.Errorf("%d captures, %d bytes where %d may be", number, bytes, most)
		}
	}
}

func TestACrowdIsCountedAndNotWalked(t *testing.T) {
	c := newClock()
	captures, stop := capturing(t, c, profiling.CapturesOptions{MaxGoroutines: 1})
	stop()
	grew, err := captures.Grew(t.Context(), profiling.SinceStart)
	if err != nil {
		t.Fatal(err)
	}
	if grew.GoroutinesBlamed || grew.Now.Goroutine != nil || grew.Now.Goroutines < 2 || grew.Now.Heap == nil {
		t.Errorf("%d bytes of goroutines", len(grew.Now.Goroutine))
	}
	srv := httptest.NewServer(profiling.Handler(profiling.Options{Captures: captures}))
	defer srv.Close()
	if got := get(t, srv.URL+"/debug/grew"); !strings.Contains(string(got.body), "too many to say whose they are") {
		t.Errorf("%s", got.body)
	}
	if got := get(t, srv.URL+"/debug/flame/goroutine?minutes=10"); !strings.Contains(string(got.body), "too many") {
		t.Errorf("%s", got.body)
	}
}

func TestTheCollectorRunsOnceInThirtySeconds(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // no collection but those that are asked for
	c := newClock()
	captures, stop := capturing(t, c, profiling.CapturesOptions{})
	stop()
	collections := func() int64 {
		var s debug.GCStats
		debug.ReadGCStats(&s)
		return s.NumGC
	}
	before := collections()
	for range 5 {
		if _, err := captures.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.pass(5 * time.Second)
	}
	if n := collections() - before; n != 0 {
		t.Errorf("%d collections within 25 s", n)
	}
	c.pass(5 * time.Second)
	taken, err := captures.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := collections() - before; n != 1 || time.Since(taken.Collected) > patience {
		t.Errorf("%d collections after 30 s, the last %s", n, taken.Collected)
	}
}

func TestNothingIsCapturedWhileOff(t *testing.T) {
	c := newClock()
	captures, stop := capturing(t, c, profiling.CapturesOptions{})
	for range 3 {
		c.ticks <- c.now()
		c.capture <- false
	}
	c.tick()
	stop()
	if number, _ := captures.Kept(); number != 2 {
		t.Errorf("%d captures, want those before and after", number)
	}
}

func TestTakingEndsWithItsContext(t *testing.T) {
	captures, err := profiling.NewCaptures(profiling.CapturesOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := captures.Take(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	captures.Run(ctx) // returns
}

func TestCapturesOptions(t *testing.T) {
	if _, err := profiling.NewCaptures(profiling.CapturesOptions{Every: -1, MaxBytes: -1}); err == nil ||
		!strings.Contains(err.Error(), "Every") || !strings.Contains(err.Error(), "MaxBytes") {
		t.Error(err)
	}
}

// Of captures that are older than ten minutes one in five is kept: memory is to be flat in the first hour too.
func TestOldCapturesAreThinnedOut(t *testing.T) {
	c := newClock()
	captures, stop := capturing(t, c, profiling.CapturesOptions{})
	for range 120 {
		c.pass(time.Minute)
		c.tick()
	}
	stop()
	if number, _ := captures.Kept(); number < 1+10+10 || number > 1+11+11 {
		t.Errorf("%d captures", number)
	}
	for _, since := range []time.Duration{time.Minute, 7 * time.Minute, 30 * time.Minute, time.Hour} {
		grew, err := captures.Grew(t.Context(), since)
		if err != nil {
			t.Fatal(err)
		}
		if off := (grew.Since() - since).Abs(); off > 3*time.Minute || since < 10*time.Minute && off > 0 {
			t.Errorf("asked for %s, compared with %s ago", since, grew.Since())
		}
	}
}
