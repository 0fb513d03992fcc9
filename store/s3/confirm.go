package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"plateau/hooks"
	"plateau/store"
	"plateau/store/s3/bucket"
)

// Confirm finds out whether an upload whose event waits was finished, and finishes it if
// all its bytes are there. It is for the outbox, which asks again while the answer is
// Unknown. With Abandoned the event has been withdrawn, or, if the upload was stored and is
// gone, buried.
func (s *Store) Confirm(ctx context.Context, id string, _ time.Time) (hooks.Confirmation, error) {
	if !validID(id) {
		return hooks.Unknown, fmt.Errorf("%q is not an id of ours", id)
	}
	exists, err := s.exists(ctx, id)
	switch {
	case err != nil:
		return hooks.Unknown, err
	case exists:
		s.unsettled.settle(id, true)
		return hooks.Finished, nil
	case s.finishes.Join(id) != nil:
		return hooks.Unknown, nil
	}
	s.gate.RLock() // the relay ends after the store
	defer s.gate.RUnlock()
	if s.closed {
		return hooks.Unknown, nil
	}
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return hooks.Unknown, nil
	}
	confirmation, handedOver, err := s.confirmLocked(ctx, id, unlock)
	if !handedOver {
		unlock()
	}
	return confirmation, err
}

// confirmLocked is Confirm for an upload without an object, with its lock held.
func (s *Store) confirmLocked(ctx context.Context, id string, unlock func()) (c hooks.Confirmation, handedOver bool, err error) {
	intent, waits, err := s.opts.Intents.Pending(ctx, id)
	switch {
	case err != nil:
		return hooks.Unknown, false, err
	case !waits:
		return hooks.Abandoned, false, nil // somebody took it away
	case intent.Confirmed:
		return hooks.Finished, false, nil
	}
	young := s.opts.Now().Sub(intent.Written) < s.opts.Grace
	u, err := s.open(ctx, id)
	gone := errors.Is(err, store.Gone()) || errors.Is(err, bucket.ErrNoMultipart)
	switch {
	case err == nil && u.sealed:
		return hooks.Finished, false, nil
	case err == nil && u.complete():
		s.startFinish(ctx, u.state, unlock)
		s.opts.Redriven("sweep")
		return hooks.Unknown, true, nil
	case err != nil && !gone && !isNotFound(err) && !unusable(err), young:
		return hooks.Unknown, false, nil
	}
	_, multipart := splitID(id)
	if err != nil && (multipart != "" || gone) {
		if err := s.opts.Intents.BuryUpload(ctx, id, "the upload's parts are gone, and it never became an object: "+err.Error()); err != nil {
			return hooks.Unknown, false, err
		}
		s.unsettled.withdraw(id)
		return hooks.Abandoned, false, nil
	}
	// Its bytes were never acknowledged: the process ended before it wrote the object.
	if err := s.opts.Intents.Withdraw(ctx, id); err != nil {
		return hooks.Unknown, false, err
	}
	s.unsettled.withdraw(id)
	s.opts.Log.Info("the event of an upload that was never stored is withdrawn", "upload", id)
	return hooks.Abandoned, false, nil
}
