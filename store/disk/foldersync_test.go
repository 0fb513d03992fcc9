package disk

import (
	"errors"
	"os"
	"sync"
	"testing"
	"testing/synctest"
)

func TestFolderSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, err := os.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		s := &folderSync{dir: dir}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if err := s.sync(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()

		// While one fsync runs, all that come share the next, and its error.
		s.rounds.Wait() // the last round's goroutine may still be at its end
		s.running = true
		const waiters = 20
		errs := make(chan error, waiters)
		for range waiters {
			all.Go(func() { errs <- s.sync() })
		}
		synctest.Wait()
		shared := s.next
		if shared == nil || len(errs) > 0 {
			t.Fatalf("%d of %d did not wait", len(errs), waiters)
		}
		if err := dir.Close(); err != nil {
			t.Fatal(err)
		}
		s.handOn()
		all.Wait()
		close(errs)
		for err := range errs {
			if _, ok := errors.AsType[fsyncError](err); !ok || !errors.Is(err, os.ErrClosed) {
				t.Errorf("a waiter hears %v, want the fsync's error", err)
			}
		}
		if shared.err == nil {
			t.Error("the shared round has no error")
		}
	})
}

// An fsync that began before the call doesn't count.
func TestFolderSyncIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, err := os.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		s := &folderSync{dir: dir, running: true}
		done := make(chan error, 1)
		go func() { done <- s.sync() }()
		synctest.Wait()
		if len(done) > 0 {
			t.Fatal("the caller got by with the fsync that ran already")
		}
		s.handOn()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// After a failed fsync no later one is believed, and those who come later hear
// an error that doesn't condemn their uploads.
func TestFolderSyncBelievesNoneAfterAFailure(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &folderSync{dir: dir}
	if err := s.sync(); err != nil {
		t.Fatal(err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	if _, final := errors.AsType[fsyncError](s.sync()); !final {
		t.Error("a failed fsync is not final")
	}
	if s.dir, err = os.Open(t.TempDir()); err != nil { // now it would succeed
		t.Fatal(err)
	}
	defer s.dir.Close()
	err = s.sync()
	if _, final := errors.AsType[fsyncError](err); err == nil || final {
		t.Errorf("a later sync says %v", err)
	}
}
