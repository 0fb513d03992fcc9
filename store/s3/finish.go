package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"plateau/store"
	"plateau/store/lifecycle"
)

// FinishUpload finishes an upload whose last byte this request brought. tusd calls it
// under the upload's lock. If it fails on a POST, the upload is removed. Errors: 423, 503,
// 5xx.
func (u *upload) FinishUpload(ctx context.Context) error {
	s, r := u.store, store.RequestFrom(ctx)
	fin := s.startFinish(ctx, u.state, nil)
	wait := s.opts.FinishWait
	if r.Creates() {
		// It can't be removed while it is being finished, and it ends by its own deadline.
		wait = 2 * s.opts.FinishDeadline
	}
	// tusd's context ends with the client; the finish doesn't.
	err := fin.Wait(context.WithoutCancel(ctx), wait)
	if err == nil {
		u.sealed = true
		return nil
	}
	if r.Creates() && fin.Ended() {
		err = errors.Join(err, s.abandon(context.WithoutCancel(ctx), u.state, err))
	}
	return s.answer(ctx, err)
}

// errUnsure is in the chain of errors after which the object may be there, or come yet.
var errUnsure = errors.New("the object may be there all the same")

// abandon removes an upload whose finish has failed, and which nobody knows of, unless its
// object may be there: then its event stays too, for the outbox to find out.
func (s *Store) abandon(ctx context.Context, of *state, cause error) error {
	of.mu.Lock()
	info, gone := of.info, of.removed // by an earlier step of the same request
	of.mu.Unlock()
	// Nobody goes on with it: what waits here goes in any case, whatever the bucket can do.
	if st := s.states.get(info.ID); st != nil {
		st.mu.Lock()
		st.drop()
		st.removed = true
		st.mu.Unlock()
		s.states.forget(st)
		s.states.put(st, false)
	}
	if errors.Is(cause, errUnsure) {
		return nil
	}
	if !info.IsPartial {
		if err := s.opts.Intents.Withdraw(ctx, info.ID); err != nil {
			return fmt.Errorf("withdraw the event: %w", err)
		}
	}
	if err := s.discard(ctx, info.ID); err != nil {
		return err
	}
	if s.unsettled.settle(info.ID, false); gone {
		return nil
	}
	s.counted(info, unsealed(info, 0), store.Occupied{})
	return nil
}

// redrive finishes u if it was left complete but not sealed, and if the request is one
// that does so.
func (s *Store) redrive(ctx context.Context, u *upload) error {
	r := store.RequestFrom(ctx)
	if u.sealed || !u.complete() || !r.Redrives() {
		return nil
	}
	id := u.info.ID
	fin := s.finishes.Join(id)
	ours := fin == nil
	if fin == nil && r.Method == http.MethodPatch { // it holds the lock
		fin = s.startFinish(ctx, u.state, nil)
	}
	if fin == nil {
		unlock, ok := s.opts.Locker.TryLock(id)
		if !ok {
			return fmt.Errorf("complete, and a writer holds the lock: %w", store.Locked())
		}
		fin = s.startFinish(ctx, u.state, unlock)
	}
	if err := fin.Wait(context.WithoutCancel(ctx), s.opts.FinishWait); err != nil {
		return err
	}
	if ours {
		s.opts.Redriven("request")
	}
	u.sealed = true
	return nil
}

// startFinish runs the finish of an upload in the background, or joins the one that runs.
// The caller holds the upload's lock, or gives its unlock, which is then called at the
// end.
func (s *Store) startFinish(ctx context.Context, st *state, unlock func()) *lifecycle.Finishing {
	fin, first := s.finishes.Begin(st.id)
	if !first {
		if unlock != nil {
			unlock()
		}
		return fin
	}
	begin := time.Now()
	st = s.states.add(st)
	s.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.FinishDeadline)
		defer cancel()
		err := s.finishSafely(ctx, st)
		s.opts.Finished(ctx, store.EndedFinish{Info: st.record(), Began: begin, Err: err})
		s.states.put(st, true)
		if unlock != nil {
			unlock()
		}
		s.finishes.End(st.id, fin, err)
	})
	return fin
}

// unlocked makes a call of the finish without mu, so that others can look at the upload
// meanwhile; they change nothing. The caller has mu.
func (st *state) unlocked(call func() error) error {
	st.mu.Unlock()
	defer st.mu.Lock()
	return call()
}

// finishSafely is finish; a panic, most likely in the outbox, is an error: it is to cost
// one upload's finish, not the process.
func (s *Store) finishSafely(ctx context.Context, st *state) (err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.finishing = true
	defer func() { st.finishing = false }()
	defer func() {
		if p := recover(); p != nil {
			err = unfinished("finish", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err = s.finish(ctx, st); err == nil {
		return nil
	}
	if !store.RequestFrom(ctx).Creates() {
		// The client's bytes came well: they shall not have to come again.
		if kept := st.commit(ctx, store.RequestFrom(ctx).Held, false); kept != nil {
			err = errors.Join(err, kept)
		}
	}
	return err
}
