package storetest

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/memorylock"
)

func lockContract() []contract {
	return []contract{
		{"a lost lock: nothing is written", testLostWrite},
		{"a lost lock: nothing is finished", testLostFinish},
		{"a lost lock: no final upload", testLostConcat},
		{"a newer PATCH goes on in place of one that stalls", testTakeOver},
	}
}

// losingLocker is a lock whose lease can be lost while it is held.
type losingLocker struct {
	*memorylock.Locker
	lost atomic.Bool
}

func (l *losingLocker) hold(ctx context.Context) {
	store.RequestFrom(ctx).Hold(func() error {
		if l.lost.Load() {
			return store.Locked()
		}
		return nil
	})
}

// NewLock is part of handler.Locker.
func (l *losingLocker) NewLock(id string) (handler.Lock, error) {
	k, err := l.Locker.NewLock(id)
	return &losingLock{k, l}, err
}

// Acquire is part of Locker.
func (l *losingLocker) Acquire(ctx context.Context, id string) (func(), error) {
	unlock, err := l.Locker.Acquire(ctx, id)
	l.hold(ctx)
	return unlock, err
}

type losingLock struct {
	held   handler.Lock
	locker *losingLocker
}

// Lock is part of handler.Lock.
func (k *losingLock) Lock(ctx context.Context, requestUnlock func()) error {
	err := k.held.Lock(ctx, requestUnlock)
	k.locker.hold(ctx)
	return err
}

// Unlock is part of handler.Lock.
func (k *losingLock) Unlock() error { return k.held.Unlock() }

func testLostWrite(s *suite) {
	l := &losingLocker{Locker: memorylock.New()}
	s.start(Options{Locker: l})
	id := s.create(8)
	_, err := s.patch(id, 0, NewBody([]byte("ab")))
	s.must(err)
	l.lost.Store(true)
	for _, b := range []string{"x", "xxxxxx", "xxxxxxx"} { // some, all, too much
		n, err := s.patch(id, 2, NewBody([]byte(b)))
		s.wantPassing(err, http.StatusLocked, "")
		if n != 2 {
			s.Errorf("the store says that it has %d bytes", n)
		}
		s.wantOffset(id, 2)
	}
	l.lost.Store(false)
	_, err = s.patch(id, 2, NewBody([]byte("cdefgh")))
	s.must(err)
	s.wantContent(id, []byte("abcdefgh"))
}

func testLostFinish(s *suite) {
	l := &losingLocker{Locker: memorylock.New()}
	s.start(Options{Locker: l})
	id := s.create(3)
	body := NewBody([]byte("abc"))
	body.StallAt = 3
	done := make(chan error, 1)
	go func() {
		_, err := s.patch(id, 0, body)
		done <- err
	}()
	within(s.T, "the stall", body.Stalled())
	l.lost.Store(true)
	body.Resume()
	s.wantPassing(within(s.T, "the PATCH", done), http.StatusLocked, "")
	if s.events.called() != 0 {
		s.Error("an event was made without the lock")
	}
	l.lost.Store(false)
	s.wantContent(id, []byte("abc"))
	s.events.want(id)
}

func testLostConcat(s *suite) {
	l := &losingLocker{Locker: memorylock.New()}
	s.start(Options{Locker: l})
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	l.lost.Store(true)
	_, err := s.concat(a, b)
	s.wantPassing(err, http.StatusLocked, "")
	s.wantNames(a, b)
	if s.events.called() != 0 {
		s.Error("an event was made without the lock")
	}
	l.lost.Store(false)
	id, err := s.concat(a, b)
	s.must(err)
	s.wantContent(id, []byte("abcde"))
}

func testTakeOver(s *suite) {
	s.start(Options{})
	id := s.create(6)
	first := NewBody([]byte("abcdef"))
	first.StallAt = 2
	done := make(chan error, 1)
	go func() {
		_, err := s.patch(id, 0, first)
		done <- err
	}()
	within(s.T, "the stall", first.Stalled())
	s.wantOffset(id, 2) // a HEAD neither waits nor cuts
	n, err := s.patch(id, 2, NewBody([]byte("cdef")))
	if err != nil || n != 6 {
		s.Fatalf("the newer PATCH: offset %d, error %v", n, err)
	}
	s.wantPassing(within(s.T, "the older PATCH", done), http.StatusLocked, "ERR_UPLOAD_TAKEN_OVER")
	s.wantContent(id, []byte("abcdef"))
	s.events.want(id)
}
