package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// Expires is part of store.Expiring. What is complete doesn't expire, save for a
// part: it counts as unfinished until a sealed final has its bytes.
func (u *upload) Expires() (time.Time, bool) {
	after := u.store.opts.ExpireAfter
	if after <= 0 || u.complete() && !u.info.IsPartial || u.consumed() && u.store.exists(u.info.Storage[keyFinal]) {
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

// expired reports whether the upload is to be removed.
func (u *upload) expired() bool {
	at, expires := u.Expires()
	now, _ := u.store.ages.Read()
	return expires && now.After(at)
}

// due reports whether the janitor is to remove u: it has expired, or was finished
// long enough ago and its event is delivered.
func (s *Store) due(u *upload) (bool, error) {
	after := s.opts.DeleteFinishedAfter
	if !u.sealed || u.info.IsPartial || after <= 0 {
		return u.expired(), nil
	}
	if now, sparedUntil := s.ages.Read(); now.Before(sparedUntil) || now.Sub(u.modified) <= after {
		return false, nil
	}
	waiting, err := s.opts.Waiting(u.info.ID, u.modified)
	if err != nil {
		return false, fmt.Errorf("ask whether the event of upload %s is delivered: %w", u.info.ID, err)
	}
	return !waiting, nil
}

// Remove removes an upload and what is set aside of it. It refuses one that a
// request is using: 423. An event that waits stays.
func (s *Store) Remove(_ context.Context, id string) error {
	if !s.ValidID(id) {
		return store.NotFound()
	}
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return store.Locked()
	}
	defer unlock()
	if !s.exists(id) && !s.exists(id+".damaged") && !s.exists(recordName(id)) {
		return store.NotFound()
	}
	u, err := s.open(id)
	if err != nil {
		u = &upload{store: s, info: handler.FileInfo{ID: id}, dataless: true}
	}
	if err := errors.Join(ignoreMissing(s.root.Remove(id+".damaged")), s.remove(u)); err != nil {
		return fmt.Errorf("remove upload %s: %w", id, err)
	}
	return nil
}

// Expire removes every upload that has expired, and what crashes left; as a dry
// run it only says which uploads. What a request is using is left alone; what
// can't be removed doesn't keep the rest from it, and the first such error is
// returned. It costs a stat for each file, and reads the records of those uploads
// only that are old enough.
func (s *Store) Expire(ctx context.Context, dryRun bool, each func(store.Expired) error) error {
	var failed error
	err := s.eachName(ctx, func(name string) error {
		one, err := s.tidyOne(name, dryRun)
		if err != nil && failed == nil {
			failed = err
		}
		if one.ID == "" {
			return nil
		}
		return each(one)
	})
	return errors.Join(err, failed)
}

// tidyOne looks at one name of the folder, and returns the upload that was
// removed with it, if any.
func (s *Store) tidyOne(name string, dryRun bool) (store.Expired, error) {
	id, suffix, _ := strings.Cut(name, ".")
	switch {
	case !s.ValidID(id):
		return store.Expired{}, nil
	case suffix == "":
		return s.expireOne(id, dryRun)
	case dryRun:
		return store.Expired{}, nil
	case name == recordName(id):
		return store.Expired{}, s.removeRecord(id)
	case name == recordName(id)+".tmp", name == draftName(id):
		return store.Expired{}, s.removeTemporary(name, id)
	}
	return store.Expired{}, nil
}

func (s *Store) expireOne(id string, dryRun bool) (store.Expired, error) {
	stat, err := s.root.Lstat(id)
	if err != nil || !s.oldEnough(stat) {
		return store.Expired{}, nil
	}
	one := store.Expired{ID: id, Bytes: stat.Size()}
	u, err := s.open(id)
	switch {
	case isNotFound(err) && (stat.Mode()&writeBits == 0 || !ownID(id)):
		return store.Expired{}, nil
	case isNotFound(err) && dryRun:
		return one, nil
	case isNotFound(err):
		if removed, err := s.removeOrphan(id); !removed || err != nil {
			return store.Expired{}, err
		}
		return one, nil
	case err != nil:
		return store.Expired{}, nil // not usable: an operator's
	}
	due, err := s.due(u)
	if due && !dryRun {
		due, err = s.expire(id)
	}
	if !due || err != nil {
		return store.Expired{}, err
	}
	return one, nil
}

// oldEnough reports, by the data file alone, whether an upload can be due.
func (s *Store) oldEnough(stat os.FileInfo) bool {
	if stat.Mode()&writeBits == 0 && stat.Mode()&partBit == 0 {
		return s.old(stat, s.opts.DeleteFinishedAfter)
	}
	return s.old(stat, s.opts.ExpireAfter)
}

// expire removes an upload if it is due, with its lock held: a request may just
// have brought bytes.
func (s *Store) expire(id string) (removed bool, err error) {
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return false, nil
	}
	defer unlock()
	u, err := s.open(id)
	if err != nil {
		return false, nil
	}
	due, err := s.due(u)
	if !due || err != nil {
		return false, err
	}
	if err := s.remove(u); err != nil {
		return false, fmt.Errorf("remove upload %s: %w", id, err)
	}
	s.opts.Expired(u.info.Offset)
	return true, nil
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
