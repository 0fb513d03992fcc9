package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// lookFlush is how long a request that only looks waits for bytes to be committed before
// it says what is.
const lookFlush = 5 * time.Second

// lookPause is how long after one such commit the next may come: each writes all that
// waits.
const lookPause = time.Second

// upload is one upload as it was when it was opened. tusd uses it within one request, by
// one goroutine.
type upload struct {
	store    *Store
	state    *state
	info     handler.FileInfo // with the offset
	sealed   bool
	removed  bool // by Terminate
	modified time.Time
}

// complete reports whether all bytes are there.
func (u *upload) complete() bool {
	return !u.info.SizeIsDeferred && u.info.Offset == u.info.Size
}

// GetUpload opens an upload. If the request is a PATCH, HEAD or GET and finds it complete
// but not sealed, it is finished first. A DELETE opens an upload that can't be used too.
// Errors: 404, 410, 423, 5xx.
func (s *Store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	u, err := s.open(context.WithoutCancel(ctx), id)
	if err != nil && store.RequestFrom(ctx).Method == http.MethodDelete && unusable(err) {
		u, err = s.openUnusable(context.WithoutCancel(ctx), id)
		if err == nil {
			return u, nil
		}
	}
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	if store.RequestFrom(ctx).Redrives() && u.expired() {
		return nil, s.answer(ctx, fmt.Errorf("the upload has expired: %w", store.Gone()))
	}
	if err := s.redrive(ctx, u); err != nil {
		return nil, s.answer(ctx, err)
	}
	return u, nil
}

// unusable reports whether err says that an upload is there and broken.
func unusable(err error) bool {
	return errors.Is(err, errDamaged) || errors.Is(err, errRecord) || errors.Is(err, store.Gone())
}

// openUnusable returns an upload that can't be opened, to be removed; not one that has only
// the object's name in common with it, whose lock is another.
func (s *Store) openUnusable(ctx context.Context, id string) (*upload, error) {
	switch there, err := s.anything(ctx, id); {
	case err != nil:
		return nil, err
	case !there:
		return nil, fmt.Errorf("the upload has another id: %w", store.NotFound())
	}
	exists, err := s.exists(ctx, id)
	return &upload{store: s, info: handler.FileInfo{ID: id}, sealed: exists}, err
}

// open finds out what there is of an upload. What waits here of it is committed first, if
// that can be done now: what is reported is to survive the process.
func (s *Store) open(ctx context.Context, id string) (*upload, error) {
	if !validID(id) {
		return nil, fmt.Errorf("the id is not one of ours: %w", store.NotFound())
	}
	st, err := s.states.open(ctx, id, func(stale *state) (*state, error) {
		st, err := s.load(ctx, id)
		if stale != nil {
			s.recount(stale, st, err)
		}
		return st, err
	})
	if err != nil {
		return nil, err
	}
	defer s.states.put(st, false)
	r := store.RequestFrom(ctx)
	if seen := st.seen.Load(); seen != nil { // whose it is never changes
		if err := r.Permit(seen.info); err != nil {
			return nil, err
		}
	}
	if looks := r.Method == http.MethodHead || r.Method == http.MethodGet; !looks {
		st.mu.Lock()
	} else if !st.mu.TryLock() {
		// A writer waits for the bucket, or for room. What was known last is not too much.
		if seen := st.seen.Load(); seen != nil {
			u := *seen
			return &u, nil
		}
		st.mu.Lock()
	}
	defer st.mu.Unlock()
	if err := r.Permit(st.info); err != nil {
		return nil, err
	}
	// A PATCH goes on from what its client heard last: its offset must not move now.
	waits := !st.complete() && !st.finishing && st.received() != st.committed()
	if waits && r.Method != http.MethodPatch && time.Since(st.looked) > lookPause {
		st.looked = time.Now()
		flushing, cancel := context.WithTimeout(ctx, lookFlush)
		defer cancel()
		if err := st.flush(flushing, r.Held); err != nil {
			s.opts.Log.Debug("bytes that came are not committed yet", "upload", id, "error", err)
		}
		if st.chunks == 0 { // else more has come than is committed, and is to be
			st.shrink()
		}
	}
	return st.opened(), nil
}

// opened returns the upload as it is now. The caller has mu.
func (st *state) opened() *upload {
	u := &upload{store: st.store, state: st, info: st.info, sealed: st.sealed, modified: st.last}
	u.info.Offset = st.committed()
	if st.complete() {
		u.info.Offset = st.info.Size
	}
	seen := *u
	st.seen.Store(&seen)
	return u
}

// GetInfo returns what was known when the upload was opened. It never fails.
func (u *upload) GetInfo(context.Context) (handler.FileInfo, error) { return u.info, nil }

// GetReader opens the data for reading. The server reads by Content instead.
func (u *upload) GetReader(ctx context.Context) (io.ReadCloser, error) {
	object, _ := splitID(u.info.ID)
	r, _, err := u.store.opts.Bucket.Open(context.WithoutCancel(ctx), object, 0, -1)
	if err != nil {
		return nil, u.store.answer(ctx, missing(err))
	}
	return r, nil
}

// DeclareLength sets the length of an upload that was created without one.
func (u *upload) DeclareLength(ctx context.Context, length int64) error {
	if err := u.declare(ctx, length); err != nil {
		return u.store.answer(ctx, err)
	}
	return nil
}

func (u *upload) declare(ctx context.Context, length int64) error {
	s := u.store
	st := s.states.add(u.state)
	defer s.states.put(st, true)
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := store.RequestFrom(ctx).Held(); err != nil {
		return err
	}
	info := store.Mark(st.info, "", "")
	info.Size, info.SizeIsDeferred = length, false
	before, after := unsealed(st.info, st.grown), unsealed(info, 0)
	if err := s.opts.Accounts.Grow(changeOf(info, before, after)); err != nil {
		return fmt.Errorf("count the length: %w", err)
	}
	if err := st.replaceRecord(context.WithoutCancel(ctx), info); err != nil {
		s.counted(info, after, before)
		return err
	}
	u.info.Size, u.info.SizeIsDeferred, u.info.Storage = info.Size, false, info.Storage
	return nil
}

// Terminate removes the upload; it can be done again. A finish that runs is waited for,
// never started. An event that waits stays.
func (u *upload) Terminate(ctx context.Context) error {
	s := u.store
	complete := u.complete() || s.finishes.Join(u.info.ID) != nil
	if err := s.finishes.Wait(context.WithoutCancel(ctx), u.info.ID, s.opts.FinishWait); err != nil {
		return s.answer(ctx, err)
	}
	if err := store.RequestFrom(ctx).Held(); err != nil {
		return s.answer(ctx, err)
	}
	if complete && !u.sealed {
		// Whether there is an event to be kept: a finish may have ended since.
		exists, err := s.exists(context.WithoutCancel(ctx), u.info.ID)
		if err != nil {
			return s.answer(ctx, err)
		}
		u.sealed = exists
	}
	if err := s.remove(context.WithoutCancel(ctx), u); err != nil {
		return s.answer(ctx, err)
	}
	return nil
}

// remove removes all that there is of an upload. The record goes with the rest, in one
// call; what is left after an error can be removed again.
func (s *Store) remove(ctx context.Context, u *upload) error {
	id := u.info.ID
	if u.state != nil {
		u.state = s.states.add(u.state)
		defer s.states.put(u.state, false)
	}
	was := u.occupied(ctx)
	s.counted(u.info, was, was)
	var err error
	switch {
	case u.info.IsPartial:
	case u.sealed:
		err = s.opts.Intents.Keep(ctx, id)
	case u.complete():
		err = s.opts.Intents.Withdraw(ctx, id) // of a finish that failed
	}
	if err != nil {
		return fmt.Errorf("see to the event: %w", err)
	}
	if err := s.discard(ctx, id); err != nil {
		return err
	}
	s.unsettled.settle(id, false)
	s.left(u, was)
	u.removed = true
	return nil
}

// discard is remove for an upload that has no event, or whose event has been seen to.
func (s *Store) discard(ctx context.Context, id string) error {
	multipart, err := s.forget(ctx, id)
	if err != nil {
		return err
	}
	object, _ := splitID(id)
	if multipart != "" {
		if err := s.opts.Bucket.Abort(ctx, object, multipart); err != nil {
			return fmt.Errorf("abort the multipart upload: %w", err)
		}
	}
	if err := s.opts.Bucket.Delete(ctx, object, tailKey(object), recordKey(object)); err != nil {
		return fmt.Errorf("remove the upload: %w", err)
	}
	s.states.removed(id)
	return nil
}

// forget lets go of what this process has of an upload, and returns its multipart
// upload, if it has one.
func (s *Store) forget(ctx context.Context, id string) (multipart string, err error) {
	object, multipart := splitID(id)
	if st := s.states.get(id); st != nil {
		st.mu.Lock()
		for st.flying > 0 {
			st.change.Wait()
		}
		st.drop()
		st.removed = true
		multipart = multipartOf(st.info)
		st.mu.Unlock()
		s.states.forget(st)
		s.states.put(st, false)
		return multipart, nil
	}
	if multipart != "" {
		return multipart, nil
	}
	info, _, err := s.readRecord(ctx, object)
	if err != nil && !isMissing(err) && !errors.Is(err, errRecord) {
		return "", err
	}
	return multipartOf(info), nil
}
