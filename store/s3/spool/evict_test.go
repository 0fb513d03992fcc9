package spool

import (
	"testing"
	"testing/synctest"
	"time"
)

// The times in these tests are those of synctest's own clock.

// The file that has not grown for longest goes first, and no more than are needed.
func TestLeastRecentlyGrownLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 9, nil)
		var owners [4]owner
		for i := range 3 {
			write(t, owners[i].take(s), make([]byte, 2*granule))
			time.Sleep(time.Second)
		}
		write(t, owners[0].file, make([]byte, granule)) // now it's the last
		time.Sleep(time.Second)
		write(t, owners[3].take(s), make([]byte, 3*granule))
		if owners[0].asks() != 0 || owners[1].asks() != 1 || owners[2].asks() != 0 {
			t.Errorf("asked: %d, %d, %d", owners[0].asked, owners[1].asked, owners[2].asked)
		}
		for i := range owners {
			owners[i].leave()
		}
	})
}

// Free files go before anyone is asked.
func TestFreeFilesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 8, nil)
		var idle owner
		write(t, idle.take(s), make([]byte, 2*granule))
		grows := s.Take(-1, nil)
		write(t, grows, make([]byte, granule))
		free := s.Take(-1, nil)
		write(t, free, make([]byte, 5*granule))
		free.Release()
		time.Sleep(time.Minute)
		write(t, grows, make([]byte, 5*granule))
		if idle.asks() != 0 {
			t.Error("someone was asked though a file was free")
		}
		if s.Used() != 8*granule {
			t.Errorf("%d granules used", s.Used()/granule)
		}
		idle.leave()
		grows.Release()
	})
}

// A pinned file is waited for, however long, and can be asked once it is not.
func TestPinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 4, nil)
		var sent, next owner
		write(t, sent.take(s), make([]byte, 4*granule))
		sent.file.Pin()
		time.Sleep(time.Minute)
		w := begin(t.Context(), next.take(s), 1)
		time.Sleep(time.Minute)
		if !w.waits() || sent.asks() != 0 {
			t.Fatal("a file that is being sent was asked for")
		}
		sent.file.Unpin() // as after a failure
		w.ended(t, nil)
		if sent.asks() != 1 || len(sent.stored) != 4*granule {
			t.Errorf("asked %d times, %d bytes stored", sent.asks(), len(sent.stored))
		}
		next.leave()
	})
}

// A file that grows is waited for: it will be full soon. Not for ever.
func TestGrowingFilesAreSpared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 4, nil)
		var quick, next owner
		write(t, quick.take(s), make([]byte, 4*granule))
		w := begin(t.Context(), next.take(s), 1)
		time.Sleep(patience / 2)
		if !w.waits() || quick.asks() != 0 {
			t.Fatal("a file that has just grown was asked for")
		}
		w.ended(t, nil)
		if quick.asks() != 1 {
			t.Errorf("asked %d times", quick.asks())
		}
		next.leave()
	})
}

// Where all wait, the last that holds something is turned away; the first and those
// that hold nothing never are.
func TestTheLastIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 9, nil)
		var a, b, c, nothing owner
		for _, o := range []*owner{&a, &b, &c} {
			write(t, o.take(s), make([]byte, 3*granule))
		}
		first, second, third, fourth := begin(t.Context(), a.file, 2), begin(t.Context(), b.file, 2), begin(t.Context(), c.file, 2), begin(t.Context(), nothing.take(s), 1)
		third.ended(t, ErrCrowded)
		if !first.waits() || !second.waits() || !fourth.waits() {
			t.Fatal("not only the last was turned away")
		}
		// It was asked to leave, so it isn't put off again.
		if err := c.file.Write(t.Context(), make([]byte, granule)); err != ErrCrowded {
			t.Errorf("the next Write says %v", err)
		}
		c.leave()
		first.ended(t, nil)
		// Now b is the last with bytes, and the first. The room is there once a is full.
		if !second.waits() || !fourth.waits() {
			t.Fatal("more than the budget")
		}
		a.file.Pin()
		a.file.Release()
		second.ended(t, nil)
		fourth.ended(t, nil)
		if asked := a.asks() + b.asks() + c.asks() + nothing.asks(); asked != 0 {
			t.Errorf("%d were asked besides", asked)
		}
		b.leave()
		nothing.leave()
	})
}

// The first in the queue is not turned away, even if it alone could be.
func TestTheFirstIsNotTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 4, nil)
		var sent, first owner
		write(t, sent.take(s), make([]byte, 2*granule))
		sent.file.Pin()
		write(t, first.take(s), make([]byte, 2*granule))
		w := begin(t.Context(), first.file, 1)
		time.Sleep(time.Minute)
		if !w.waits() {
			t.Error("it didn't wait for the file that is being sent")
		}
		sent.leave()
		w.ended(t, nil)
		first.leave()
	})
}

// An owner that was asked may write what it has room for; for more it hears
// ErrCrowded at once, since whoever asked may wait for it.
func TestWriteOfOneWhoWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 5, nil)
		var slow, next owner
		write(t, slow.take(s), make([]byte, 4*granule-100))
		time.Sleep(time.Minute)
		unlock := slow.lock.lock()
		w := begin(t.Context(), next.take(s), 2)
		if !w.waits() {
			t.Fatal("no room, and yet")
		}
		write(t, slow.file, make([]byte, 100))
		before := time.Now()
		if err := slow.file.Write(t.Context(), []byte("x")); err != ErrCrowded || time.Since(before) > 0 {
			t.Errorf("after %v Write says %v", time.Since(before), err)
		}
		unlock()
		w.ended(t, nil)
		if len(slow.stored) != 4*granule {
			t.Errorf("%d bytes stored", len(slow.stored))
		}
		next.leave()
	})
}

// One that doesn't leave is asked again, one call at a time, and not in a hurry.
func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 4, nil)
		var stays, next owner
		stays.stays = true
		write(t, stays.take(s), make([]byte, 4*granule))
		time.Sleep(time.Minute)
		w := begin(t.Context(), next.take(s), 1)
		time.Sleep(10 * patience)
		if asked := stays.asks(); asked < 3 || asked > 11 || !w.waits() {
			t.Errorf("asked %d times", asked)
		}
		unlock := stays.lock.lock()
		stays.stays = false
		unlock()
		w.ended(t, nil)
		next.leave()
	})
}

// Owners that left by themselves while others asked them, and now wait for room,
// keep nobody from being asked.
func TestWaitingOwnersDoNotBlockOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, mostAsking+4, nil)
		var owners [mostAsking + 4]owner
		var unlock [mostAsking]func()
		for i := range owners {
			write(t, owners[i].take(s), make([]byte, granule))
		}
		for i := range unlock {
			unlock[i] = owners[i].lock.lock()
		}
		time.Sleep(time.Minute)
		large := s.Take(-1, nil)
		w := begin(t.Context(), large, len(owners)) // asks for those whose locks are held
		var again [mostAsking]*writing
		for i := range unlock {
			owners[i].leave()
			again[i] = begin(t.Context(), owners[i].take(s), 1)
		}
		w.ended(t, nil)
		large.Release()
		for i := range again {
			again[i].ended(t, nil)
			unlock[i]()
		}
		synctest.Wait()
		for i := range owners {
			owners[i].leave()
		}
	})
}
