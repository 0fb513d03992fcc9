package disk

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
)

// tracedSyncs are syncs whose calls are only written down, and fail as told.
type tracedSyncs struct {
	*syncs
	dir string

	mu     sync.Mutex // guards what follows
	trace  []string
	errOf  map[string]error // by the call and the file's name: "write a.info"
	dirty  int64
	counts int           // of the dirty bytes
	hold   chan struct{} // if not nil, a syncfs waits for it
}

func traceSyncs(t *testing.T) *tracedSyncs {
	s := &tracedSyncs{dir: t.TempDir(), errOf: map[string]error{}}
	s.syncs = &syncs{log: slog.New(slog.DiscardHandler), failed: func(error) {}, joined: make(chan struct{}, 1), calls: syncCalls{
		write: func(f *os.File) error { return s.note("write " + filepath.Base(f.Name())) },
		all: func() error {
			err := s.note("all")
			if s.hold != nil {
				<-s.hold
			}
			return err
		},
		dirty: func() (int64, error) {
			s.counts++
			return s.dirty, s.errOf["dirty"]
		},
	}}
	return s
}

func (s *tracedSyncs) note(call string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trace = append(s.trace, call)
	return s.errOf[call]
}

// took returns what was called since it was last asked.
func (s *tracedSyncs) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	trace := s.trace
	s.trace = nil
	return trace
}

// outcome is what share returned for one upload.
type outcome struct {
	done bool
	err  error
}

// finish is one finish as makeDurable does it.
func (s *tracedSyncs) finish(t *testing.T, id string) outcome {
	s.enter()
	defer s.leave()
	var files [2]*os.File
	for i, name := range []string{id, id + ".info"} {
		f, err := os.Create(filepath.Join(s.dir, name))
		if err != nil {
			t.Error(err)
			return outcome{}
		}
		defer f.Close()
		files[i] = f
	}
	if !s.worthwhile() {
		return outcome{}
	}
	done, err := s.share(files[0], files[1])
	return outcome{done, err}
}

// together makes one round of the uploads a, b, c …, and returns how each came
// out.
func (s *tracedSyncs) together(t *testing.T, n int) map[string]outcome {
	t.Helper()
	var mu sync.Mutex // guards outcomes
	outcomes := map[string]outcome{}
	var all sync.WaitGroup
	s.hurry(n)
	for i := range n {
		id := string(rune('a' + i))
		all.Go(func() {
			o := s.finish(t, id)
			mu.Lock()
			defer mu.Unlock()
			outcomes[id] = o
		})
	}
	synctest.Wait()
	s.hurry(-n)
	s.rounds.Go(s.run)
	all.Wait()
	s.rounds.Wait()
	return outcomes
}

// hurry makes n more finishes seem to go on, and a round too; with -n all that
// wait can go on.
func (s *tracedSyncs) hurry(n int) {
	s.inside.Add(int64(n))
	s.syncs.mu.Lock()
	defer s.syncs.mu.Unlock()
	s.running = true
}

func wantOutcomes(t *testing.T, got map[string]outcome, want outcome) {
	t.Helper()
	for id, o := range got {
		if o.done != want.done || !errors.Is(o.err, want.err) {
			t.Errorf("%s: %+v, want %+v", id, o, want)
		}
	}
}

// One round is one syncfs, after every file of the round was written.
func TestSyncsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := traceSyncs(t)
		got := s.together(t, 5)
		wantOutcomes(t, got, outcome{done: true})
		trace := s.took()
		if len(trace) != 11 || trace[10] != "all" {
			t.Fatalf("calls %q, want 10 files written and then one syncfs", trace)
		}
		for id := range got {
			if !slices.Contains(trace, "write "+id) || !slices.Contains(trace, "write "+id+".info") {
				t.Errorf("%s was not written: %q", id, trace)
			}
		}
	})
}

// All that come while a syncfs runs share the next one; it doesn't count for
// them.
func TestSyncsShareARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := traceSyncs(t)
		s.hold = make(chan struct{})
		finished := make(chan outcome, 100)
		start := func(from, to int) {
			for i := from; i < to; i++ {
				go func() { finished <- s.finish(t, fmt.Sprint(i)) }()
			}
			synctest.Wait()
		}
		s.hurry(8)
		start(0, 8)
		s.hurry(-8)
		s.rounds.Go(s.run)
		synctest.Wait() // the first round is in its syncfs
		start(8, 40)
		if n := len(finished); n > 0 {
			t.Fatalf("%d did not wait", n)
		}
		s.hold <- struct{}{}
		synctest.Wait()
		if n := len(finished); n != 8 {
			t.Fatalf("%d are done after the first round, want 8", n)
		}
		s.hold <- struct{}{}
		synctest.Wait()
		if n := len(finished); n != 40 {
			t.Fatalf("%d are done after the second round, want 40", n)
		}
		for range 40 {
			if o := <-finished; !o.done || o.err != nil {
				t.Errorf("one came out %+v", o)
			}
		}
		s.rounds.Wait()
		if n := len(slices.DeleteFunc(s.took(), func(c string) bool { return c != "all" })); n != 2 {
			t.Errorf("%d syncfs for 40 uploads, want 2", n)
		}
	})
}

// An error hits only the upload whose file had it.
func TestSyncsAttributeErrors(t *testing.T) {
	for _, test := range []struct {
		call  string
		err   error
		final bool
	}{
		{"write c", syscall.EIO, true},
		{"write c", syscall.ENOSPC, true},
		{"write c.info", syscall.EIO, true},
		{"write c.info", syscall.ENOSPC, false}, // the record can be written anew
	} {
		t.Run(fmt.Sprint(test.call, " ", test.err), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := traceSyncs(t)
				s.errOf[test.call] = test.err
				got := s.together(t, 6)
				c := got["c"]
				delete(got, "c")
				wantOutcomes(t, got, outcome{done: true})
				if _, final := errors.AsType[fsyncError](c.err); c.done || !errors.Is(c.err, test.err) || final != test.final {
					t.Errorf("c came out %+v", c)
				}
			})
		})
	}
}

// After a syncfs that failed, none is asked and none is believed: not by the
// same uploads, not by those that wait, not by later ones.
func TestSyncsBelieveNoneAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := traceSyncs(t)
		s.errOf["all"] = syscall.EIO
		wantOutcomes(t, s.together(t, 6), outcome{})
		s.took()
		delete(s.errOf, "all")
		wantOutcomes(t, s.together(t, 6), outcome{})
		if s.worthwhile() {
			t.Error("it is still thought worth while")
		}
		if trace := s.took(); len(trace) > 0 {
			t.Errorf("later: %q", trace)
		}
	})
}

func TestSyncsGoAlone(t *testing.T) {
	for name, test := range map[string]struct {
		uploads int
		change  func(*tracedSyncs)
	}{
		"few wait":            {fewest - 1, func(*tracedSyncs) {}},
		"much is dirty":       {6, func(s *tracedSyncs) { s.dirty = maxDirty + 1 }},
		"nobody knows":        {6, func(s *tracedSyncs) { s.errOf["dirty"] = os.ErrNotExist }},
		"another file system": {6, func(s *tracedSyncs) { s.never = true }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := traceSyncs(t)
				test.change(s)
				var all sync.WaitGroup
				for range test.uploads {
					s.enter()
				}
				for i := range test.uploads {
					all.Go(func() {
						defer s.leave()
						if s.worthwhile() {
							t.Errorf("number %d does not go alone", i)
						}
					})
				}
				all.Wait()
				if slices.Contains(s.took(), "all") {
					t.Error("the file system was synced")
				}
			})
		})
	}
	t.Run("one alone", func(t *testing.T) {
		s := traceSyncs(t)
		if o := s.finish(t, "a"); o.done || o.err != nil || len(s.took()) > 0 {
			t.Errorf("it came out %+v", o)
		}
	})
}
