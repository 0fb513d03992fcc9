package storetest

import (
	"context"
	"net/http"

	"plateau/store"
)

func testLockTakeOver(s *lockSuite) {
	h := s.holder()
	w := s.waiter(h)
	s.wantPassing(h.body.Err(), http.StatusLocked, "ERR_UPLOAD_TAKEN_OVER")
	// That it waits is testDisplace's: a waiter that went on couldn't be displaced.
	s.unlock(h)
	s.must(within(s.T, "the lock", w.got))
	s.wantFree(false)
	// The new holder can be taken over as well, through Acquire too.
	acquired := make(chan func(), 1)
	go func() {
		unlock, err := s.locker.Acquire(s.context(http.MethodPost, nil), "id")
		if s.checked(err) != nil {
			s.Errorf("Acquire: %v", err)
		}
		acquired <- unlock
	}()
	within(s.T, "the second cut", w.body.WhenCut())
	s.unlock(w)
	unlock := within(s.T, "Acquire", acquired)
	s.wantFree(false)
	unlock()
	s.wantFree(true)
}

func testDisplace(s *lockSuite) {
	h := s.holder()
	older := s.waiter(h)
	newer := s.patch()
	s.wantPassing(within(s.T, "the older waiter", older.got), http.StatusLocked, "ERR_UPLOAD_LOCKED")
	s.wantFree(false)
	s.unlock(older) // has nothing, and so takes nothing away
	s.wantFree(false)
	s.unlock(h)
	s.must(within(s.T, "the newer waiter", newer.got))
	s.unlock(newer)
	s.wantFree(true)
}

func testWaiterGone(s *lockSuite) {
	h := s.holder()
	w := s.request(http.MethodPatch, "id")
	var leave context.CancelFunc
	w.ctx, leave = context.WithCancel(w.ctx)
	w.start(s)
	within(s.T, "the holder's cut", h.body.WhenCut())
	leave()
	s.wantPassing(within(s.T, "the waiter", w.got), http.StatusLocked, "ERR_UPLOAD_LOCKED")

	// One whose client left before it asked; Acquire as well.
	ended, cancel := context.WithCancel(s.context(http.MethodPost, nil))
	cancel()
	_, err := s.locker.Acquire(ended, "id")
	s.wantPassing(s.checked(err), http.StatusLocked, "ERR_UPLOAD_LOCKED")

	s.unlock(h)
	s.wantFree(true) // it wasn't handed to one that is gone
}

func testWaiterCut(s *lockSuite) {
	h := s.holder()
	w := s.waiter(h)
	w.body.Cut(store.ShuttingDown())
	s.wantPassing(within(s.T, "the waiter", w.got), http.StatusServiceUnavailable, "ERR_SERVER_SHUTDOWN")

	// A POST's body just ends, so there is no answer in it.
	p := s.request(http.MethodPost, "id")
	p.start(s)
	p.body.Cut(store.ShuttingDown())
	s.wantPassing(within(s.T, "the POST", p.got), http.StatusLocked, "ERR_UPLOAD_LOCKED")
	s.unlock(h)
	s.wantFree(true)
}

func testLockHead(s *lockSuite) {
	h := s.holder()
	head := s.request(http.MethodHead, "id")
	head.start(s)
	s.must(within(s.T, "HEAD", head.got))
	if h.body.Err() != nil {
		s.Errorf("a HEAD cut the holder: %v", h.body.Err())
	}
	s.unlock(head)
	s.wantFree(false)
	s.unlock(h)

	free := s.request(http.MethodHead, "id")
	free.start(s)
	s.must(within(s.T, "HEAD", free.got))
	s.wantFree(true)
	s.unlock(free)
}

func testTryLock(s *lockSuite) {
	h := s.holder()
	if _, ok := s.locker.TryLock("id"); ok {
		s.Error("TryLock took a lock that is held")
	}
	if h.body.Err() != nil {
		s.Errorf("TryLock cut the holder: %v", h.body.Err())
	}
	s.unlock(h)
	unlock, ok := s.locker.TryLock("id")
	if !ok {
		s.Fatal("TryLock didn't take a free lock")
	}
	s.wantFree(false)
	// What TryLock holds can be waited for. There is no body whose cut would tell
	// that somebody waits; but of two that do, one is displaced.
	waits, displaced := s.patch(), s.patch()
	select {
	case err := <-waits.got:
		waits, displaced = displaced, waits
		displaced.got <- err
	case err := <-displaced.got:
		displaced.got <- err
	}
	s.wantPassing(within(s.T, "the displaced", displaced.got), http.StatusLocked, "ERR_UPLOAD_LOCKED")
	unlock()
	s.must(within(s.T, "the lock after TryLock", waits.got))
	s.unlock(waits)
	s.wantFree(true)
}

func testHeld(s *lockSuite) {
	unasked := func() error { return store.Locked() }
	first := s.request(http.MethodPatch, "id")
	first.info.Hold(unasked)
	first.start(s)
	s.must(within(s.T, "the lock", first.got))
	if err := first.info.Held(); err != nil {
		s.Errorf("the request that has the lock doesn't know: %v", err)
	}
	second := s.request(http.MethodPatch, "id")
	second.info.Hold(unasked)
	second.start(s)
	within(s.T, "the holder's cut", first.body.WhenCut())
	s.unlock(first)
	s.must(within(s.T, "the lock", second.got))
	if err := second.info.Held(); err != nil {
		s.Errorf("the request that took over doesn't know: %v", err)
	}
	s.unlock(second)

	ctx := s.context(http.MethodPost, nil)
	store.RequestFrom(ctx).Hold(unasked)
	unlock, err := s.locker.Acquire(ctx, "id")
	s.must(s.checked(err))
	if err := store.RequestFrom(ctx).Held(); err != nil {
		s.Errorf("the request that acquired the lock doesn't know: %v", err)
	}
	unlock()
}

func testUnlock(s *lockSuite) {
	s.unlock(s.request(http.MethodPatch, "id"))
	h := s.holder()
	s.unlock(s.request(http.MethodPatch, "id"))
	s.wantFree(false)
	s.unlock(h)
	h2 := s.holder()
	s.unlock(h) // a second time: it isn't its lock any more
	s.wantFree(false)
	s.unlock(h2)
	s.wantFree(true)

	// So it is with what TryLock and Acquire return.
	tried, ok := s.locker.TryLock("id")
	if !ok {
		s.Fatal("TryLock didn't take a free lock")
	}
	tried()
	acquired, err := s.locker.Acquire(s.context(http.MethodPost, nil), "id")
	s.must(err)
	tried()
	s.wantFree(false)
	acquired()
	h3 := s.holder()
	acquired()
	s.wantFree(false)
	s.unlock(h3)
	s.wantFree(true)
}
