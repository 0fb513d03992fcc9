// Package memorylock locks uploads within one process: one request at a time
// writes to an upload, and the newest request wins.
//
// A request that finds the lock held asks the holder to let go (its body is
// cut) and takes over as soon as it has: the lock is handed on, nobody polls.
// Only one request waits for a lock; a newer one displaces it, since an older
// waiter is most likely one whose client gave up. The displaced one, and one
// whose context ends first, hear 423; one whose own body is cut meanwhile hears
// what the cut says. A request that may not use the upload is told so before
// anybody is disturbed (store.Guard). HEAD takes no lock at all.
//
// Nothing is kept for an upload that nobody holds.
package memorylock

import (
	"context"
	"net/http"
	"sync"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// Locker is tusd's handler.Locker, and the lock that stores take themselves.
// It must be made by New.
type Locker struct {
	mu    sync.Mutex // guards locks and what it points to
	locks map[string]*entry
}

// entry is one held lock.
type entry struct {
	body   store.Body // the holder's, to be cut; may be nil
	waiter *waiter    // the newest request that wants the lock; may be nil
}

type waiter struct {
	body    store.Body
	granted chan bool // true: the lock is yours; false: displaced
}

// New returns a Locker that holds nothing.
func New() *Locker {
	return &Locker{locks: make(map[string]*entry)}
}

// NewLock returns an unlocked lock. It never fails.
func (l *Locker) NewLock(id string) (handler.Lock, error) {
	return &lock{locker: l, id: id}, nil
}

// TryLock takes the lock of id if nobody holds it, and asks nobody to let go.
// It is for work that can be done later as well, such as a sweep.
func (l *Locker) TryLock(id string) (unlock func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, busy := l.locks[id]; busy {
		return nil, false
	}
	l.locks[id] = &entry{}
	return sync.OnceFunc(func() { l.release(id) }), true
}

// Acquire takes the lock of id for the request in ctx: as Lock does, for code
// that runs under a request but was not locked by tusd.
func (l *Locker) Acquire(ctx context.Context, id string) (unlock func(), err error) {
	if err := l.acquire(ctx, id); err != nil {
		return nil, err
	}
	return sync.OnceFunc(func() { l.release(id) }), nil
}

func (l *Locker) acquire(ctx context.Context, id string) error {
	r := store.RequestFrom(ctx)
	if l.takeFree(r, id) {
		return nil
	}
	if err := r.MayWait(ctx, id); err != nil {
		return err
	}
	l.mu.Lock()
	held, busy := l.locks[id]
	if !busy { // by now
		l.take(r, id)
		l.mu.Unlock()
		return nil
	}
	w := &waiter{body: r.Body, granted: make(chan bool, 1)}
	if held.waiter != nil {
		held.waiter.granted <- false
	}
	held.waiter = w
	holder := held.body
	l.mu.Unlock()

	if holder != nil {
		holder.Cut(store.TakenOver())
	}
	var cut <-chan struct{}
	if r.Body != nil {
		cut = r.Body.WhenCut()
	}
	select {
	case ok := <-w.granted:
		return l.admit(r, ok)
	case <-ctx.Done():
	case <-cut:
	}
	l.mu.Lock()
	if held.waiter == w {
		held.waiter = nil
		l.mu.Unlock()
		if r.Body != nil && r.Body.Err() != nil {
			return r.Body.Err()
		}
		return store.Locked()
	}
	l.mu.Unlock()
	// The lock was handed over, or we were displaced, while we gave up waiting.
	return l.admit(r, <-w.granted)
}

// takeFree takes the lock if nobody holds it.
func (l *Locker) takeFree(r *store.Request, id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, busy := l.locks[id]; busy {
		return false
	}
	l.take(r, id)
	return true
}

// take makes the lock r's. l.mu is held.
func (l *Locker) take(r *store.Request, id string) {
	l.locks[id] = &entry{body: r.Body}
	r.Hold(ours)
}

func (l *Locker) admit(r *store.Request, granted bool) error {
	if !granted {
		return store.Locked()
	}
	r.Hold(ours)
	return nil
}

// release hands the lock to the request that waits for it, if one does.
func (l *Locker) release(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.locks[id]
	if held == nil {
		return
	}
	w := held.waiter
	if w == nil {
		delete(l.locks, id)
		return
	}
	held.body, held.waiter = w.body, nil
	w.granted <- true
}

// ours is what Request.Held says: memory does not lose a lock.
func ours() error { return nil }

// lock is one request's use of a Locker, as tusd wants it.
type lock struct {
	locker *Locker
	id     string
	locked bool
}

// Lock waits until the lock is this request's, ctx ends, or a newer request
// wants it. tusd's requestUnlock is not used: the holder's own body is cut.
func (k *lock) Lock(ctx context.Context, _ func()) error {
	if store.RequestFrom(ctx).Method == http.MethodHead {
		return nil
	}
	if err := k.locker.acquire(ctx, k.id); err != nil {
		return err
	}
	k.locked = true
	return nil
}

// Unlock lets go of the lock. It never fails.
func (k *lock) Unlock() error {
	if k.locked {
		k.locked = false
		k.locker.release(k.id)
	}
	return nil
}
