package disk

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// closing closes the store in the background. It returns how that ended, once
// nothing moves any more, and whether it has.
func (f *folder) closing(ctx context.Context) (ended func() (error, bool)) {
	done := make(chan error, 1)
	go func() { done <- f.Close(ctx) }()
	return func() (error, bool) {
		synctest.Wait()
		select {
		case err := <-done:
			return err, true
		default:
			return nil, false
		}
	}
}

func (f *folder) wantInUse(want bool) {
	f.t.Helper()
	s, err := Open(f.options())
	if err == nil {
		f.must(s.Close(context.Background()))
	}
	if _, inUse := errors.AsType[*InUseError](err); inUse != want {
		f.t.Errorf("the folder is in use: %t (error %v), want %t", inUse, err, want)
	}
}

func TestCloseEndsThePauseOfTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := openUnclosed(t, t.TempDir())
		f.Start(t.Context())
		defer f.stop()
		synctest.Wait()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		f.must(f.Close(ctx))
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("it took %s", waited)
		}
		f.wantInUse(false)
	})
}

// A sweep ends with the upload that it is finishing.
func TestCloseEndsTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := make(chan struct{})
		f := openUnclosed(t, t.TempDir(), waitFor(opened))
		for range 3 {
			f.complete("abc")
		}
		f.Start(t.Context())
		defer f.stop()
		synctest.Wait() // the first event waits
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		ended := f.closing(ctx)
		if err, is := ended(); is {
			t.Errorf("it ended while an upload was being finished (error %v)", err)
		}
		close(opened)
		if err, is := ended(); err != nil || !is {
			t.Errorf("the end of the finish: closed %t, error %v", is, err)
		}
		if len(f.events) != 1 {
			t.Errorf("%d uploads were finished, want only the one that was begun", len(f.events))
		}
		f.wantInUse(false)
	})
}

func TestCloseWaitsForFinishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := make(chan struct{})
		f := openUnclosed(t, t.TempDir(), waitFor(opened))
		id := f.upload(handler.FileInfo{Size: 3}, "")
		sent := make(chan error, 1)
		go func() { sent <- f.send(id, 0, "abc") }()
		synctest.Wait()
		ended := f.closing(context.Background())
		if err, is := ended(); is {
			t.Errorf("it ended before the finish (error %v)", err)
		}
		f.wantInUse(true)
		close(opened)
		if err, is := ended(); err != nil || !is {
			t.Errorf("the end of the finish: closed %t, error %v", is, err)
		}
		f.must(<-sent)
		f.wantEvents(id)
		f.wantFile(id, umasked(t, 0o644)&^writeBits)
		f.wantInUse(false)
	})
}

// A finish that takes too long keeps the folder, and its files.
func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := make(chan struct{})
		f := openUnclosed(t, t.TempDir(), waitFor(opened))
		id := f.upload(handler.FileInfo{Size: 3}, "")
		sent := make(chan error, 1)
		go func() { sent <- f.send(id, 0, "abc") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := f.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
		f.wantInUse(true)
		close(opened)
		f.must(<-sent)
		f.wantFile(id, umasked(t, 0o644)&^writeBits)
		f.must(f.closeFiles())
	})
}

// A concatenation may copy for minutes: a stop doesn't wait for that.
func TestInterrupt(t *testing.T) {
	f := openUnclosed(t, t.TempDir())
	a, b := f.part("abc"), f.part("de")
	f.Interrupt()
	_, err := f.concat(5, a, b)
	wantStatus(t, err, http.StatusServiceUnavailable)
	f.wantFile(finalID([]string{a, b}), 0)
	f.wantFile(finalID([]string{a, b})+".info", 0)
	f.wantEvents()
	id := f.upload(handler.FileInfo{Size: 3}, "abc") // goes on
	f.wantEvents(id)
	f.must(f.Close(t.Context()))

	again := openFolder(t, f.dir)
	final, err := again.concat(5, a, b)
	f.must(err)
	again.wantContent(final, "abcde")
}
