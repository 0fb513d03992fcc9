package profiling_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plateau/profiling"
)

// of lists the captures of a cause and part, oldest first.
func of(t *testing.T, path, kind string) []string {
	t.Helper()
	return slices.DeleteFunc(listing(t, path), func(name string) bool { return !strings.HasSuffix(name, "Z-"+kind) })
}

// TestWhatComesOftenDoesNotPushOutWhatIsRare: stalls come each ten minutes, and are large.
func TestWhatComesOftenDoesNotPushOutWhatIsRare(t *testing.T) {
	for name, o := range map[string]profiling.FolderOptions{"files": {Files: 12}, "bytes": {Bytes: 12_000}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "captures")
			c := newSetClock()
			o.Path, o.Now = path, c.now
			f := newFolder(t, o)
			save := func(cause string, parts ...profiling.Part) {
				t.Helper()
				if _, err := f.Save(t.Context(), cause, parts...); err != nil {
					t.Fatal(err)
				}
				c.pass(time.Minute)
			}
			for range 3 {
				save("heap", heap(100), profiling.Part{Name: "goroutine.pb.gz", Data: make([]byte, 100)})
			}
			before := listing(t, path)
			for range 30 {
				save("stall", profiling.Part{Name: "flight.trace", Data: make([]byte, 1000)})
			}
			for _, name := range before {
				if !slices.Contains(listing(t, path), name) {
					t.Errorf("stalls have pushed out %s", name)
				}
			}
			if got := of(t, path, "stall-flight.trace"); len(got) < 5 || got[0] != "2026-11-29T171400Z-stall-flight.trace" ||
				got[len(got)-1] != "2026-11-29T174300Z-stall-flight.trace" {
				t.Errorf("of the stalls: %v", got)
			}
		})
	}
}

// TestTheFirstCaptureStays, to be compared with the last.
func TestTheFirstCaptureStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	c := newSetClock()
	var first, last string
	for range 2 { // the process was started again: then its own first counts
		f := newFolder(t, profiling.FolderOptions{Path: path, Files: 4, Now: c.now})
		for i := range 10 {
			paths, err := f.Save(t.Context(), "heap-rising", heap(100))
			if err != nil {
				t.Fatal(err)
			}
			if last = filepath.Base(paths[0]); i == 0 {
				first = last
			}
			c.pass(30 * time.Minute)
		}
		if got := listing(t, path); len(got) != 4 || got[0] != first || got[3] != last {
			t.Errorf("the first was %s, the last %s: %v", first, last, got)
		}
	}
}

// TestFirstCapturesAreBounded: where there are nothing but firsts, the oldest goes.
func TestFirstCapturesAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	c := newSetClock()
	f := newFolder(t, profiling.FolderOptions{Path: path, Files: 2, Now: c.now})
	for _, cause := range []string{"a", "b", "c", "d"} {
		if _, err := f.Save(t.Context(), cause, heap(1)); err != nil {
			t.Fatal(err)
		}
		c.pass(time.Minute)
	}
	if got := listing(t, path); len(got) != 2 || len(of(t, path, "c-heap.pb.gz")) != 1 || len(of(t, path, "d-heap.pb.gz")) != 1 {
		t.Errorf("%v", got)
	}
}

// TestADiskThatHangsIsNotWaitedFor: a save is left to itself, and only one at a time.
func TestADiskThatHangsIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	for name, c := range map[string]struct {
		patience, grace time.Duration
		ends            bool
	}{
		"too long":      {time.Millisecond, time.Hour, false},
		"nobody waits":  {time.Hour, time.Millisecond, true},
		"both, somehow": {time.Millisecond, time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			var saves atomic.Int64
			leave := make(chan struct{})
			f := newFolder(t, profiling.FolderOptions{Path: path, Patience: c.patience, Grace: c.grace, Now: func() time.Time {
				saves.Add(1)
				<-leave
				return time.Now()
			}})
			ctx, end := context.WithCancel(t.Context())
			defer end()
			if c.ends {
				end()
			}
			soon(t, "saving", func() {
				for range 3 {
					if _, err := f.Save(ctx, "heap", heap(10)); err == nil || !strings.Contains(err.Error(), path) {
						t.Errorf("%v", err)
					}
				}
			})
			if n := saves.Load(); n > 1 {
				t.Errorf("%d are left to themselves", n)
			}
			close(leave)
			soon(t, "the next", func() { // as soon as the disk is back
				for {
					if paths, err := f.Save(t.Context(), "heap", heap(10)); err == nil && len(paths) == 1 {
						return
					}
				}
			})
		})
	}
}

// TestStopDoesNotWaitForADiskThatHangs.
func TestStopDoesNotWaitForADiskThatHangs(t *testing.T) {
	reached, leave := make(chan struct{}, 1), make(chan struct{})
	folder := newFolder(t, profiling.FolderOptions{
		Path: filepath.Join(t.TempDir(), "captures"), Patience: time.Hour, Grace: time.Millisecond,
		Now: func() time.Time { reached <- struct{}{}; <-leave; return time.Now() },
	})
	f := startFlight(t, profiling.FlightOptions{Folder: folder})
	f.Stalled("the disk hangs")
	<-reached
	soon(t, "the flight recorder stops", f.Stop)
	close(leave)
	if paths, err := folder.Save(t.Context(), "after", profiling.Part{Name: "x.txt", Data: bytes.Repeat([]byte{1}, 10)}); err != nil {
		t.Errorf("%v, %v", paths, err) // and it has ended
	}
}
