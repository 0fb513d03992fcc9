package disk

import (
	"fmt"
	"os"
	"time"

	"plateau/store"
)

// keptAfterwards is how long a part's record outlives its bytes, so that a client
// which lost an answer can ask again, and how old a temporary file is that nobody
// is writing any more.
const keptAfterwards = 24 * time.Hour

// removeOrphan removes data without a record, as a crash of a creation leaves it,
// or a power cut: no request can reach it. Its age is that of an unfinished upload
// that has expired. What is sealed is left to a person.
func (s *Store) removeOrphan(id string) (removed bool, err error) {
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return false, nil
	}
	defer unlock()
	stat, err := s.root.Lstat(id)
	if !ownID(id) || err != nil || !stat.Mode().IsRegular() || stat.Mode()&writeBits == 0 || !s.old(stat, s.opts.ExpireAfter) {
		return false, nil
	}
	if _, err := s.openRecord(id); !isNotFound(err) {
		return false, nil
	}
	if err := ignoreMissing(s.root.Remove(id)); err != nil {
		return false, fmt.Errorf("remove the data of %s, which has no record: %w", id, err)
	}
	s.opts.Expired(stat.Size())
	return true, nil
}

// removeRecord removes the record of an upload whose data is gone: of one whose
// removal was broken off, and of a part a day after a final took its bytes over,
// or when that final is gone too. A creation makes the data first, so that none is
// in between. The data of a record that tusd made may lie elsewhere.
func (s *Store) removeRecord(id string) error {
	if s.exists(id) {
		return nil
	}
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return nil
	}
	defer unlock()
	u, err := s.openRecord(id)
	if err != nil || !store.Marked(u.info) || s.exists(id) || s.exists(id+".damaged") || u.consumed() && s.remembered(u) {
		return nil
	}
	if err := ignoreMissing(s.root.Remove(recordName(id))); err != nil {
		return fmt.Errorf("remove the record of upload %s: %w", id, err)
	}
	return nil
}

// remembered reports whether a part's final is there and was finished less than a
// day ago.
func (s *Store) remembered(part *upload) bool {
	if !s.exists(part.info.Storage[keyFinal]) {
		return false
	}
	// The record was written when it was marked, just before the final was sealed.
	stat, err := s.root.Lstat(recordName(part.info.ID))
	return err != nil || !s.old(stat, keptAfterwards)
}

// removeTemporary removes a record that a crash kept from replacing another.
func (s *Store) removeTemporary(name, id string) error {
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return nil
	}
	defer unlock()
	stat, err := s.root.Lstat(name)
	if err != nil || !s.old(stat, keptAfterwards) {
		return nil
	}
	if err := ignoreMissing(s.root.Remove(name)); err != nil {
		return fmt.Errorf("remove the temporary file %s: %w", name, err)
	}
	return nil
}

// old reports whether a file was last written longer ago than age; never if age is
// 0, nor while all is spared.
func (s *Store) old(stat os.FileInfo, age time.Duration) bool {
	now, sparedUntil := s.ages.Read()
	return age > 0 && !now.Before(sparedUntil) && now.Sub(stat.ModTime()) > age
}
