package storetest

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// TestLocker runs the contract of locks. open returns a lock that holds nothing.
func TestLocker(t *testing.T, open func(t *testing.T) Locker) {
	for _, c := range []struct {
		name string
		test func(s *lockSuite)
	}{
		{"one holder at a time", testExclusion},
		{"ids don't wait for each other", testOtherID},
		{"a newer request takes over", testLockTakeOver},
		{"a newer waiter displaces an older one", testDisplace},
		{"a waiter whose context ends", testWaiterGone},
		{"a waiter that is cut hears why", testWaiterCut},
		{"HEAD takes nothing", testLockHead},
		{"a stranger disturbs nobody", testLockStranger},
		{"TryLock asks nobody", testTryLock},
		{"the request knows its lock", testHeld},
		{"Unlock without Lock", testUnlock},
		{"no lock is lost", testLockRaces},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&lockSuite{suite{T: t}, open(t)}) })
	}
}

type lockSuite struct {
	suite
	locker Locker
}

// request is one request's use of the lock.
type request struct {
	body *Body
	info *store.Request
	ctx  context.Context
	lock handler.Lock
	got  chan error // how Lock ended
}

func (s *lockSuite) request(method, id string) *request {
	s.Helper()
	l, err := s.locker.NewLock(id)
	s.must(err)
	body := NewBody(nil)
	ctx := s.context(method, body)
	return &request{body: body, info: store.RequestFrom(ctx), ctx: ctx, lock: l, got: make(chan error, 1)}
}

// patch returns a PATCH that asks for the lock of "id".
func (s *lockSuite) patch() *request {
	r := s.request(http.MethodPatch, "id")
	r.start(s)
	return r
}

func (r *request) start(s *lockSuite) {
	go func() { r.got <- s.checked(r.lock.Lock(r.ctx, func() {})) }()
}

// holder returns a PATCH that has the lock of "id".
func (s *lockSuite) holder() *request {
	s.Helper()
	r := s.patch()
	s.must(within(s.T, "the lock", r.got))
	return r
}

// waiter returns a PATCH that waits for h to let go.
func (s *lockSuite) waiter(h *request) *request {
	s.Helper()
	w := s.patch()
	within(s.T, "the holder's cut", h.body.WhenCut())
	return w
}

func (s *lockSuite) unlock(r *request) {
	s.Helper()
	if err := r.lock.Unlock(); err != nil {
		s.Errorf("unlock: %v", err)
	}
}

// wantFree checks that nobody holds the lock of "id", or holds it.
func (s *lockSuite) wantFree(want bool) {
	s.Helper()
	unlock, ok := s.locker.TryLock("id")
	if ok != want {
		s.Errorf("the lock is free: %t, want %t", ok, want)
	}
	if ok {
		unlock()
	}
}

func testExclusion(s *lockSuite) {
	ids := []string{"a", "b", "c"}
	counts := make(map[string]*int) // each guarded by its id's lock alone: the race detector looks on
	for _, id := range ids {
		counts[id] = new(int)
	}
	const workers, each = 8, 150
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for n := 0; n < each; {
				id := ids[(w+n)%len(ids)]
				if unlock, ok := s.takeSomehow(id, n); ok {
					*counts[id]++
					n++
					runtime.Gosched()
					unlock()
				}
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range counts {
		sum += *n
	}
	if sum != workers*each {
		s.Errorf("%d locks were held, want %d", sum, workers*each)
	}
}

// takeSomehow takes a lock by one of the three ways, and says if it got it.
func (s *lockSuite) takeSomehow(id string, way int) (unlock func(), ok bool) {
	switch way % 3 {
	case 0:
		return s.locker.TryLock(id)
	case 1:
		unlock, err := s.locker.Acquire(s.context(http.MethodPost, nil), id)
		return unlock, s.checked(err) == nil
	}
	r := s.request(http.MethodPatch, id)
	if s.checked(r.lock.Lock(r.ctx, func() {})) != nil {
		return nil, false
	}
	return func() { s.unlock(r) }, true
}

func testOtherID(s *lockSuite) {
	h := s.holder()
	other := s.request(http.MethodPatch, "id2")
	other.start(s)
	s.must(within(s.T, "the lock of another id", other.got))
	if h.body.Err() != nil {
		s.Error("a request for another id cut the holder")
	}
	s.unlock(other)
	s.unlock(h)
}

// testLockRaces lets everything happen at once: the holder lets go, the waiter's
// client leaves, and a newer request comes.
func testLockRaces(s *lockSuite) {
	r := random(s.T)
	for range 300 {
		h := s.holder()
		w := s.request(http.MethodPatch, "id")
		var leave context.CancelFunc
		w.ctx, leave = context.WithCancel(w.ctx)
		w.start(s)
		within(s.T, "the holder's cut", h.body.WhenCut())
		steps := []func(){leave, func() { s.unlock(h) }, func() { w.body.Cut(store.ShuttingDown()) }}
		var newer *request
		if r.IntN(2) == 0 {
			newer = s.request(http.MethodPatch, "id")
			steps = append(steps, func() { newer.start(s) })
		}
		r.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		var all sync.WaitGroup
		for _, step := range steps {
			all.Go(step)
		}
		if within(s.T, "the waiter", w.got) == nil {
			s.unlock(w)
		}
		if newer != nil {
			s.must(within(s.T, "the newest request", newer.got))
			s.unlock(newer)
		}
		all.Wait()
		s.wantFree(true)
	}
}
