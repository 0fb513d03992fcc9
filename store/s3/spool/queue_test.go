package spool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The times in these tests are those of synctest's own clock.

// Who comes first is served first, also if a later one would fit.
func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 8, nil)
		holder := s.Take(-1, nil)
		write(t, holder, make([]byte, 6*granule))
		a, b, c := s.Take(-1, nil), s.Take(-1, nil), s.Take(-1, nil)
		first, second, third := begin(t.Context(), a, 4), begin(t.Context(), b, 1), begin(t.Context(), c, 4)
		if !first.waits() || !second.waits() || !third.waits() {
			t.Fatal("someone went ahead")
		}
		holder.Release()
		first.ended(t, nil)
		second.ended(t, nil)
		if !third.waits() {
			t.Fatal("more than the budget")
		}
		a.Release()
		third.ended(t, nil)
		b.Release()
		c.Release()
	})
}

func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 8, nil)
		holder := s.Take(-1, nil)
		write(t, holder, make([]byte, 6*granule))
		a, b := s.Take(100, nil), s.Take(-1, nil)
		write(t, a, make([]byte, 100))
		ctx, cancel := context.WithCancel(t.Context())
		first, second := begin(ctx, a, 4), begin(t.Context(), b, 1)
		if !first.waits() || !second.waits() {
			t.Fatal("someone went ahead")
		}
		cancel()
		first.ended(t, context.Canceled)
		second.ended(t, nil) // it waited for the first only
		check(t, a, make([]byte, 100))
		for _, f := range []*File{a, b, holder} {
			f.Release()
		}
	})
}

// Close ends the waiting, and waits for a call of evict that is running.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 4, nil)
		var slow, next owner
		write(t, slow.take(s), make([]byte, 4*granule))
		time.Sleep(time.Minute)
		unlock := slow.lock.lock() // evict is called, and waits
		w := begin(t.Context(), next.take(s), 1)
		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		w.ended(t, ErrClosed)
		synctest.Wait()
		if len(closed) > 0 {
			t.Error("Close didn't wait for evict")
		}
		check(t, slow.file, make([]byte, 4*granule))
		unlock()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if err := next.file.Write(t.Context(), []byte("x")); err != ErrClosed {
			t.Errorf("Write after Close says %v", err)
		}
	})
}
