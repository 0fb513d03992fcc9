package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"plateau/store"
	"plateau/store/s3/bucket"
)

// keptAfterwards is how long a part's record outlives its bytes, so that a client which
// lost an answer can ask again, and how old a tail or a multipart upload is at least that
// nobody is writing any more.
const keptAfterwards = 24 * time.Hour

// removeTail removes a tail without a record, as a form leaves it that a crash broke off.
func (s *Store) removeTail(ctx context.Context, f family, dryRun bool) error {
	if dryRun || !namedThen(f.object, f.tail.Modified) || !s.old(f.tail.Modified, max(keptAfterwards, s.opts.ExpireAfter)) {
		return nil
	}
	return s.bare(ctx, f.object, func() error { return s.opts.Bucket.Delete(ctx, tailKey(f.object)) })
}

// removeBare removes the object of an upload without a record, as a removal leaves it
// that was broken off: no request can reach it.
func (s *Store) removeBare(ctx context.Context, f family, dryRun bool) (one store.Expired, err error) {
	if !namedThen(f.object, f.data.Modified) {
		return one, nil
	}
	found := store.Expired{ID: f.object, Bytes: f.data.Size}
	if dryRun {
		return found, nil
	}
	err = s.bare(ctx, f.object, func() error {
		err := s.opts.Bucket.Delete(ctx, f.object, tailKey(f.object))
		if err == nil {
			one = found
			s.opts.Expired(found.Bytes)
		}
		return err
	})
	return one, err
}

// bare calls remove if nothing is known of an object, with the lock that an upload of it
// would have.
func (s *Store) bare(ctx context.Context, object string, remove func() error) error {
	unlock, ok := s.opts.Locker.TryLock(object + "+" + noMultipart)
	if !ok {
		return nil
	}
	defer unlock()
	_, err := s.recordOf(ctx, family{object: object, record: bucket.Object{Key: recordKey(object)}})
	if isMissing(err) {
		_, err = s.recordOf(ctx, family{object: object})
	}
	if !isMissing(err) {
		return err // nil: there is one now
	}
	if err := remove(); err != nil {
		return fmt.Errorf("remove what is left of %s: %w", object, err)
	}
	return nil
}

// removeRecord removes the record of a part a day after a final took its bytes over, or
// when that final is gone too.
func (s *Store) removeRecord(ctx context.Context, f family, dryRun bool) error {
	info, _, err := s.readRecord(ctx, f.object)
	if err != nil || dryRun {
		return err
	}
	unlock, ok := s.opts.Locker.TryLock(info.ID)
	if !ok {
		return nil
	}
	defer unlock()
	info, o, err := s.readRecord(ctx, info.ID)
	if err != nil || !consumed(info) {
		return err
	}
	// The record was written when it was marked, just before the final was sealed.
	if !s.old(o.Modified, keptAfterwards) {
		if exists, err := s.exists(ctx, info.Storage[keyFinal]); err != nil || exists {
			return err
		}
	}
	if exists, err := s.exists(ctx, info.ID); err != nil || exists {
		return err
	}
	if err := s.opts.Bucket.Delete(ctx, recordKey(f.object), tailKey(f.object)); err != nil {
		return fmt.Errorf("remove the record of part %s: %w", info.ID, err)
	}
	return nil
}

// abortOrphans aborts multipart uploads of which no record tells, as a crash leaves them
// that comes between their beginning and the record. Not every endpoint lists them.
func (s *Store) abortOrphans(ctx context.Context) error {
	age := max(keptAfterwards, s.opts.ExpireAfter) // younger ones have their uploads' records
	err := s.opts.Bucket.Multiparts(ctx, func(object, id string, begun time.Time) error {
		if !namedThen(object, begun) || !validMultipart(id) || !s.old(begun, age) {
			return nil
		}
		return s.abortOrphan(ctx, object, id)
	})
	if errors.Is(err, bucket.ErrRefused) || isMissing(err) {
		s.opts.Log.Debug("multipart uploads can't be listed, so none that a crash left is removed; a lifecycle rule of the bucket can do it", "error", err)
		return nil
	}
	return err
}

func (s *Store) abortOrphan(ctx context.Context, object, id string) error {
	for _, other := range []string{noMultipart, id} { // the uploads that it may be of
		unlock, ok := s.opts.Locker.TryLock(object + "+" + other)
		if !ok {
			return nil
		}
		defer unlock()
	}
	info, _, err := s.readRecord(ctx, object)
	switch {
	case err == nil && multipartOf(info) == id, errors.Is(err, errRecord):
		return nil // it is wanted, or can't be judged
	case err != nil && !isMissing(err):
		return err
	}
	if err := s.opts.Bucket.Abort(ctx, object, id); err != nil {
		return fmt.Errorf("abort a multipart upload of %s that nobody knows of: %w", object, err)
	}
	return nil
}
