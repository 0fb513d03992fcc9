package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// Expires is part of store.Expiring. What is complete doesn't expire, save for a part:
// it counts as unfinished until a sealed final has its bytes. For such a part it asks
// the bucket.
func (u *upload) Expires() (time.Time, bool) {
	after := u.store.opts.ExpireAfter
	if after <= 0 || u.complete() && !u.info.IsPartial || u.taken() {
		return time.Time{}, false
	}
	now, sparedUntil := u.store.ages.Read()
	at := now.Add(after)
	if !u.modified.IsZero() {
		at = u.modified.Add(after)
	}
	if at.Before(sparedUntil) {
		at = sparedUntil
	}
	return at, true
}

// taken reports whether this is a part whose final is there. An error that says neither
// is taken for yes.
func (u *upload) taken() bool {
	if !consumed(u.info) {
		return false
	}
	exists, err := u.store.exists(context.Background(), u.info.Storage[keyFinal]) // the call has its deadline
	return exists || err != nil
}

// expired reports whether the upload is to be removed.
func (u *upload) expired() bool {
	at, expires := u.Expires()
	now, _ := u.store.ages.Read()
	return expires && now.After(at)
}

// due reports whether the janitor is to remove u: it has expired, or was finished long
// enough ago and its event is delivered.
func (s *Store) due(u *upload) (bool, error) {
	after := s.opts.DeleteFinishedAfter
	if !u.sealed || u.info.IsPartial || after <= 0 {
		return u.expired(), nil
	}
	if !s.old(u.modified, after) {
		return false, nil
	}
	waiting, err := s.opts.Waiting(u.info.ID, u.modified)
	if err != nil {
		return false, fmt.Errorf("ask whether the event of upload %s is delivered: %w", u.info.ID, err)
	}
	return !waiting, nil
}

// old reports whether something was last written longer ago than age; never if age is 0,
// nor while all is spared.
func (s *Store) old(written time.Time, age time.Duration) bool {
	now, sparedUntil := s.ages.Read()
	return age > 0 && !now.Before(sparedUntil) && now.Sub(written) > age
}

// Remove removes an upload and all that there is of it. It refuses one that a request of
// this process is using: 423. An event that waits stays.
func (s *Store) Remove(ctx context.Context, id string) error {
	if !validID(id) {
		return store.NotFound()
	}
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return store.Locked()
	}
	defer unlock()
	found, err := s.anything(ctx, id)
	if err == nil && !found {
		return store.NotFound()
	}
	if err == nil {
		err = s.removeAny(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("remove upload %s: %w", id, err)
	}
	return nil
}

// removeAny removes an upload, be it one that can't be used.
func (s *Store) removeAny(ctx context.Context, id string) error {
	u, err := s.open(ctx, id)
	if unusable(err) || isNotFound(err) {
		u, err = s.openUnusable(ctx, id)
	}
	if err != nil {
		return err
	}
	return s.remove(ctx, u)
}

// anything reports whether there is anything of an upload in the bucket.
func (s *Store) anything(ctx context.Context, id string) (bool, error) {
	object, _ := splitID(id)
	info, _, err := s.readRecord(ctx, object)
	switch {
	case err == nil:
		return info.ID == id, nil
	case errors.Is(err, errRecord):
		return true, nil
	case !isMissing(err):
		return false, err
	}
	for _, key := range []string{object, tailKey(object)} {
		o, err := s.opts.Bucket.Head(ctx, key)
		if err == nil {
			info, ok := carriedRecord(object, o)
			return !ok || info.ID == id, nil
		}
		if !isMissing(err) {
			return false, err
		}
	}
	return false, nil
}

// Expire removes every upload that has expired, and what crashes left; as a dry run it
// only says which uploads. What a request is using is left alone; what can't be removed
// doesn't keep the rest from it, and the first such error is returned. It lists the
// bucket, a page at a time, and reads the records of those uploads only that are old
// enough.
func (s *Store) Expire(ctx context.Context, dryRun bool, each func(store.Expired) error) error {
	var failed error
	err := s.eachFamily(ctx, span{}, "", func(f family) error {
		one, err := s.expireOne(ctx, f, dryRun)
		switch {
		case isMissing(err), isNotFound(err): // removed meanwhile
			return nil
		case ctx.Err() != nil, stopped(err):
			return err
		case err != nil && failed == nil:
			failed = err
		}
		if one.ID == "" {
			return nil
		}
		return each(one)
	})
	if err == nil && !dryRun {
		err = s.abortOrphans(ctx)
	}
	return errors.Join(err, failed)
}

// expireOne returns the upload that was removed, if any.
func (s *Store) expireOne(ctx context.Context, f family, dryRun bool) (one store.Expired, err error) {
	switch {
	case !s.oldEnough(f):
		return one, nil
	case !there(f.data) && !there(f.record):
		return one, s.removeTail(ctx, f, dryRun)
	}
	info, err := s.recordOf(ctx, f)
	switch {
	case isMissing(err) && there(f.data) && !there(f.record):
		return s.removeBare(ctx, f, dryRun)
	case errors.Is(err, errRecord):
		return one, nil // an operator's
	case err != nil:
		return one, err
	case consumed(info) && !there(f.data):
		return one, s.removeRecord(ctx, f, dryRun)
	}
	due, bytes, err := s.expire(ctx, info, f.record.Modified, dryRun)
	if !due || err != nil {
		return one, err
	}
	return store.Expired{ID: info.ID, Bytes: bytes}, nil
}

// oldEnough reports, by the listing alone, whether anything of an upload can be due.
func (s *Store) oldEnough(f family) bool {
	switch {
	case !there(f.data):
		// Parts may have come since, which is seen when it is opened.
		age := keptAfterwards
		if s.opts.ExpireAfter > 0 {
			age = min(age, s.opts.ExpireAfter)
		}
		return (!there(f.record) || s.old(f.record.Modified, age)) && (!there(f.tail) || s.old(f.tail.Modified, age))
	case partObject(f.object):
		return s.old(f.data.Modified, s.opts.ExpireAfter)
	}
	return s.old(f.data.Modified, s.opts.DeleteFinishedAfter)
}

// expire removes an upload if it is due, with its lock held: a request may just have
// brought bytes. As a dry run it only looks. recorded is when its record was written.
func (s *Store) expire(ctx context.Context, info handler.FileInfo, recorded time.Time, dryRun bool) (due bool, bytes int64, err error) {
	id := info.ID
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return false, 0, nil
	}
	defer unlock()
	u, err := s.open(ctx, id)
	switch {
	case errors.Is(err, store.Gone()):
		due, u = s.old(recorded, s.opts.ExpireAfter), new(upload) // its parts are gone
	case errors.Is(err, store.Unfinished()), errors.Is(err, errDamaged), errors.Is(err, errRecord):
		return false, 0, nil
	case err != nil:
		return false, 0, err
	default:
		var failure error
		if due, failure = s.due(u); failure != nil {
			return false, 0, failure
		}
	}
	if !due || dryRun {
		return due, u.info.Offset, nil
	}
	if err == nil {
		err = s.remove(ctx, u)
	} else {
		was := unsealed(info, 0)
		s.counted(info, was, was)
		if err = s.discard(ctx, id); err == nil { // if it has an event, that is the outbox's
			s.counted(info, was, store.Occupied{})
		}
	}
	if err != nil {
		return false, 0, fmt.Errorf("remove upload %s: %w", id, err)
	}
	s.opts.Expired(u.info.Offset)
	return true, u.info.Offset, nil
}

// tidy is the janitor's round of a running server.
func (s *Store) tidy(ctx context.Context) {
	if now, sparedUntil := s.ages.Read(); now.Before(sparedUntil) {
		return
	}
	var count, bytes int64
	err := s.Expire(ctx, false, func(e store.Expired) error {
		count++
		bytes += e.Bytes
		return nil
	})
	if err != nil && ctx.Err() == nil {
		s.opts.Log.Error("some expired uploads could not be removed", "error", err)
	}
	if count > 0 {
		s.opts.Log.Info("expired uploads are removed", "uploads", count, "bytes", bytes)
	}
}
