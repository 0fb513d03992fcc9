package profiling_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"plateau/profiling"
)

// capture is one that a watchdog made.
type capture struct {
	at    time.Duration
	cause string
}

// watched is what came of a simulation.
type watched struct {
	captures []capture
	captured []string // as Captured heard it
	log      string
	state    profiling.WatchdogState
}

// watch lets a watchdog live for a time, which takes none, with figures as shape draws them.
func watch(t *testing.T, length time.Duration, o profiling.WatchdogOptions, shape func(at time.Duration) profiling.Figures) watched {
	t.Helper()
	var got watched
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var lines bytes.Buffer
		o.Read = func() profiling.Figures { return shape(time.Since(start)) }
		if o.Capture == nil {
			o.Capture = func(_ context.Context, cause string) ([]string, []string, error) {
				got.captures = append(got.captures, capture{time.Since(start), cause})
				return []string{cause + ".pb.gz"}, []string{"plateau/server.leak +1 MB"}, nil
			}
		}
		o.Captured = func(cause string) { got.captured = append(got.captured, cause) }
		o.Log = slog.New(slog.NewTextHandler(&lines, nil))
		w, err := profiling.NewWatchdog(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), length-time.Second) // not at a reading
		defer cancel()
		w.Run(ctx)
		got.log, got.state = lines.String(), w.State()
	})
	return got
}

const mb = 1 << 20

// live makes figures of a heap: the rest follows as it does in a process.
func live(heap float64) profiling.Figures {
	return profiling.Figures{
		HeapLive: int64(heap), HeapInUse: int64(1.5 * heap), HeapGoal: int64(2 * heap), Stacks: mb, Resident: int64(2*heap) + 30*mb, Goroutines: 20,
	}
}

func TestLevels(t *testing.T) {
	const again = 30 * time.Minute
	o := profiling.WatchdogOptions{Heap: 100 * mb, Goroutines: 1000}
	t.Run("one capture at the start, one each half hour while it lasts", func(t *testing.T) {
		got := watch(t, 100*time.Minute, o, func(at time.Duration) profiling.Figures {
			if at >= 5*time.Minute {
				return live(101 * mb)
			}
			return live(100 * mb) // not above it
		})
		want := []capture{{5 * time.Minute, "heap"}, {35 * time.Minute, "heap"}, {65 * time.Minute, "heap"}, {95 * time.Minute, "heap"}}
		if !slices.Equal(got.captures, want) {
			t.Errorf("%v", got.captures)
		}
		if lines := strings.Split(strings.TrimSpace(got.log), "\n"); len(lines) != len(want) {
			t.Errorf("%d lines: %s", len(lines), got.log)
		}
		for _, part := range []string{"cause=heap", "live heap 101.0 MiB, above 100.0 MiB", "plateau/server.leak", "heap.pb.gz", "WARN"} {
			if !strings.Contains(got.log, part) {
				t.Errorf("the log has no %q: %s", part, got.log)
			}
		}
		if s := got.state; !slices.Equal(s.Alarms, []string{"heap"}) || !slices.Equal(s.Files, []string{"heap.pb.gz"}) || s.Captured.IsZero() {
			t.Errorf("%+v", s)
		}
	})
	t.Run("what trembles at the level is one alarm, and is over below nine tenths", func(t *testing.T) {
		now := new(atomic.Int64)
		got := watch(t, again-time.Minute, o, func(at time.Duration) profiling.Figures {
			now.Add(1)
			if at > again/2 {
				return live(89 * mb)
			}
			return live(float64(95+10*(now.Load()%2)) * mb)
		})
		if len(got.captures) != 1 || len(got.state.Alarms) != 0 {
			t.Errorf("%v, %+v", got.captures, got.state)
		}
	})
	t.Run("what is due at once shares a capture", func(t *testing.T) {
		got := watch(t, time.Minute, o, func(time.Duration) profiling.Figures {
			f := live(200 * mb)
			f.Goroutines = 1001
			return f
		})
		if len(got.captures) != 1 || !slices.Equal(got.captured, []string{"heap", "goroutines"}) || !strings.Contains(got.log, "1001 goroutines, above 1000") {
			t.Errorf("%v, %v: %s", got.captures, got.captured, got.log)
		}
	})
	t.Run("without levels nothing is too high", func(t *testing.T) {
		if got := watch(t, time.Hour, profiling.WatchdogOptions{}, func(at time.Duration) profiling.Figures {
			f := live(1e12 * at.Hours())
			f.Goroutines = int64(1e6 * at.Hours())
			return f
		}); len(got.captures) != 0 {
			t.Error(got.captures)
		}
	})
}

func TestWatchdogOff(t *testing.T) {
	var on atomic.Bool
	got := watch(t, 40*time.Minute, profiling.WatchdogOptions{Heap: mb, Enabled: on.Load}, func(at time.Duration) profiling.Figures {
		on.Store(at >= 10*time.Minute && at < 15*time.Minute)
		return live(2 * mb)
	})
	if !slices.Equal(got.captures, []capture{{10 * time.Minute, "heap"}}) || len(got.state.Alarms) != 0 || got.state.Over == 0 {
		t.Errorf("%v, %+v", got.captures, got.state)
	}
}

// TestCaptureThatFails: the alarm lasts all the same, and is tried again each minute, unless something was saved.
func TestCaptureThatFails(t *testing.T) {
	high := func(time.Duration) profiling.Figures { return live(2 * mb) }
	for name, c := range map[string]struct {
		files []string
		tries int
	}{
		"nothing is saved": {nil, 29},
		"some is":          {[]string{"heap.pb.gz"}, 1},
	} {
		tries := 0
		got := watch(t, 29*time.Minute, profiling.WatchdogOptions{
			Heap: mb,
			Capture: func(context.Context, string) ([]string, []string, error) {
				tries++
				return c.files, []string{"plateau/server.leak +1 MB"}, errors.New("no space left")
			},
		}, high)
		if tries != c.tries || len(got.captured) != len(c.files) {
			t.Errorf("%s: %d tries, %v", name, tries, got.captured)
		}
		if strings.Count(got.log, "no space left") != tries || !strings.Contains(got.log, "plateau/server.leak") {
			t.Errorf("%s: %s", name, got.log)
		}
		if !slices.Equal(got.state.Alarms, []string{"heap"}) {
			t.Errorf("%s: %+v", name, got.state)
		}
	}
}

// TestSamplingDelaysNothing: the log speaks before it, readings go on beside it, and it ends with Run.
func TestSamplingDelaysNothing(t *testing.T) {
	var ended bool
	samples := 0
	got := watch(t, 100*time.Minute, profiling.WatchdogOptions{
		Heap: 100 * mb, Goroutines: 1000,
		Sample: func(ctx context.Context, cause string) ([]string, error) {
			samples++
			<-ctx.Done()
			ended = true
			return []string{cause + "-fgprof.pb.gz"}, nil
		},
	}, func(at time.Duration) profiling.Figures {
		f := live(101 * mb)
		if at >= 10*time.Minute {
			f.Goroutines = 1001
		}
		return f
	})
	if samples != 1 || !ended || len(got.captures) != 7 || got.captures[1] != (capture{10 * time.Minute, "goroutines"}) {
		t.Errorf("%d samples, ended %t: %v", samples, ended, got.captures)
	}
	if said, sampled := strings.Index(got.log, "too high"), strings.Index(got.log, "has sampled"); said < 0 || sampled < said {
		t.Errorf("the log: %s", got.log)
	}
	if files := got.state.Files; len(files) != 2 || files[1] != "heap-fgprof.pb.gz" {
		t.Errorf("%v", files)
	}
}

func TestSamplingThatFails(t *testing.T) {
	got := watch(t, 10*time.Minute, profiling.WatchdogOptions{
		Heap:   mb,
		Sample: func(context.Context, string) ([]string, error) { return nil, errors.New("no sample was taken") },
	}, func(time.Duration) profiling.Figures { return live(2 * mb) })
	if len(got.captured) != 1 || len(got.state.Files) != 1 || strings.Count(got.log, "no sample was taken") != 1 {
		t.Errorf("%v, %+v: %s", got.captured, got.state, got.log)
	}
}

func TestCausesHaveWords(t *testing.T) {
	words := map[string]bool{}
	for _, cause := range profiling.WatchdogCauses() {
		said := profiling.CauseInWords(cause)
		if !strings.Contains(said, " ") || words[said] {
			t.Errorf("%s: %q", cause, said)
		}
		words[said] = true
	}
	if got := profiling.CauseInWords("else"); got != "else" {
		t.Error(got)
	}
}

// TestWatchdogEnds stops it while it captures.
func TestWatchdogEnds(t *testing.T) {
	began := make(chan struct{})
	var lines bytes.Buffer
	w, err := profiling.NewWatchdog(profiling.WatchdogOptions{
		Heap: 1,
		Read: func() profiling.Figures { return live(2 * mb) },
		Capture: func(ctx context.Context, _ string) ([]string, []string, error) {
			close(began)
			<-ctx.Done()
			return nil, nil, ctx.Err()
		},
		Log: slog.New(slog.NewTextHandler(&lines, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	<-began
	if s := w.State(); !slices.Equal(s.Alarms, []string{"heap"}) { // the page doesn't wait for a capture
		t.Errorf("%+v", s)
	}
	cancel()
	running.Wait()
	if lines.Len() > 0 {
		t.Errorf("logged: %s", &lines)
	}
}

func TestWatchdogOptions(t *testing.T) {
	read := func() profiling.Figures { return profiling.Figures{} }
	for _, o := range []profiling.WatchdogOptions{
		{},
		{Read: read, Heap: -1},
		{Read: read, Slope: -1},
		{Read: read, Every: -1},
		{Read: read, Retry: -1},
		{Read: read, Window: time.Minute, Every: 10 * time.Second},
	} {
		if _, err := profiling.NewWatchdog(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	for _, o := range []profiling.WatchdogOptions{{Read: read}, {Read: read, Window: time.Second}, {Read: read, Window: 2 * time.Hour}} {
		if _, err := profiling.NewWatchdog(o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if got := fmt.Sprint(profiling.WatchdogCauses()); got != "[heap goroutines heap-rising goroutines-rising resident-rising]" {
		t.Error(got)
	}
}
