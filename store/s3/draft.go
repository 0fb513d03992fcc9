package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// abandonTime is how long the removal of what a draft has in the bucket may take.
const abandonTime = 10 * time.Second

// draft is a store.Draft: a state that isn't in the table of states, and has no record.
// Its bytes wait in the spool; full parts are sent while more come; where the spool is
// crowded, what waits leaves as a tail, which is nothing without a record. What a crash
// leaves, tails and multipart uploads, the janitor removes.
type draft struct {
	store  *Store
	state  *state
	chunk  chunk
	unlock func()
	begun  bool // its finish; its record may be there
}

// NewDraft begins a draft. It makes no call. Errors: 5xx.
func (s *Store) NewDraft(ctx context.Context) (store.Draft, error) {
	object := newObject(ctx, s.opts.Now(), false)
	info := handler.FileInfo{ID: object + "+" + noMultipart, SizeIsDeferred: true}
	unlock, ok := s.opts.Locker.TryLock(info.ID)
	if !ok {
		return nil, s.answer(ctx, fmt.Errorf("lock the new upload: %w", store.Exists()))
	}
	info = s.placed(ctx, info, object)
	info.Storage[keyParts] = s.newGrid(-1).String()
	st := s.newState(info)
	if err := s.opts.Accounts.Grow(changeOf(info, store.Occupied{}, unsealed(info, 0))); err != nil {
		unlock()
		return nil, s.answer(ctx, fmt.Errorf("count the upload: %w", err))
	}
	st.draft = true
	st.digest = st.savedDigest()
	d := &draft{store: s, state: st, unlock: unlock}
	d.chunk = chunk{state: st, held: func() error { return nil }}
	return d, nil
}

// ID is the id that the upload will have.
func (d *draft) ID() string { return d.state.id }

// Size is how many bytes were appended.
func (d *draft) Size() int64 {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	return d.state.received()
}

// Wait waits until Append can begin without waiting for the bucket. Whoever appends from a
// block that Lend has lent calls it before. What went wrong Append says.
func (d *draft) Wait() {
	_, _ = d.chunk.ready()
}

// Append writes b at the end. It waits for room, and while too many parts are on their
// way. Errors: 503, 507, 5xx; then the draft is to be abandoned.
func (d *draft) Append(ctx context.Context, b []byte) error {
	if err := d.chunk.write(b); err != nil {
		return d.store.answer(ctx, err)
	}
	return nil
}

// Rest begins to send the last part of a large draft, so that the finish has less to wait
// for; nothing more is appended. What is small waits in the spool.
func (d *draft) Rest() {
	st := d.state
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.small() || st.file == nil || st.file.Size() == 0 {
		return
	}
	if err := st.send(context.Background(), nil); err != nil {
		d.store.opts.Log.Debug("the last part of a draft is sent later", "upload", st.id, "error", err)
	}
}

// Abandon removes the draft. An error means that something is left for the janitor.
func (d *draft) Abandon() error {
	defer d.unlock()
	ctx, cancel := context.WithTimeout(context.Background(), abandonTime)
	defer cancel()
	return d.remove(ctx)
}

// become makes the draft's state that of a complete upload.
func (d *draft) become(metadata handler.MetaData) {
	st := d.state
	st.mu.Lock()
	defer st.mu.Unlock()
	st.info.SizeIsDeferred = false
	st.info.Size = st.received()
	st.info.MetaData = metadata
}

// remove removes all that the bucket may have of a draft without an object.
func (d *draft) remove(ctx context.Context) error {
	st := d.state
	st.mu.Lock()
	defer st.mu.Unlock()
	for st.flying > 0 {
		st.change.Wait()
	}
	st.drop()
	st.removed = true
	b := d.store.opts.Bucket
	object, _ := splitID(st.id)
	var errs []error
	if multipart := multipartOf(st.info); multipart != "" {
		errs = append(errs, b.Abort(ctx, object, multipart))
	}
	if st.tail.etag != "" || st.tail.tried != "" || d.begun {
		errs = append(errs, b.Delete(ctx, tailKey(object), recordKey(object)))
	}
	err := errors.Join(errs...)
	if err == nil || !d.begun { // else the sweep may find it, and finish it
		st.gone()
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", st.id, err)
	}
	return nil
}
