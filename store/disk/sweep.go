package disk

import (
	"context"
	"strings"
	"time"

	"plateau/store"
)

// Swept counts what one sweep did.
type Swept struct {
	Finished int    // were complete, and are now sealed
	Adopted  int    // of these, finished by tusd: sealed without an event
	Removed  int    // finals that a crash left incomplete
	Drafts   int    // files of forms that a crash broke off; removed
	Unusable int    // can't be used, or could not be finished now
	Example  string // the id of one of the unusable
	Err      error  // and what is wrong with it
}

func (s *Store) sweepEvery(ctx context.Context) {
	for {
		count, err := s.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			s.opts.Log.Error("the sweep stopped", "error", err)
		}
		s.report(count)
		s.tidy(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.opts.SweepEvery):
		}
	}
}

func (s *Store) report(n Swept) {
	if n.Finished+n.Removed > 0 {
		s.opts.Log.Info("sweep: uploads that a stop left complete are finished", "finished", n.Finished,
			"without_event_since_tusd_finished_them", n.Adopted, "incomplete_finals_removed", n.Removed)
	}
	if n.Drafts > 0 {
		s.opts.Log.Info("sweep: files of forms that a stop broke off are removed", "files", n.Drafts)
	}
	if n.Unusable > 0 {
		s.opts.Log.Warn("sweep: uploads that can't be used, or not be finished now", "count", n.Unusable, "for_example", n.Example, "error", n.Err)
	}
}

// Sweep goes once through the folder and finishes what is complete but not
// sealed. It costs one stat for each sealed upload, holds no list of them, and
// leaves alone what a request is using. The first one finds out how much is still to come
// of recent uploads. Start runs it; it may be called too.
func (s *Store) Sweep(ctx context.Context) (Swept, error) {
	var n Swept
	err := s.eachName(ctx, func(name string) error {
		if s.ValidID(name) {
			s.sweepOne(ctx, name, &n)
		} else if id, ok := strings.CutSuffix(name, draftName("")); ok && ownID(id) {
			s.sweepDraft(id, &n)
		}
		return nil
	})
	if err == nil {
		s.swept.Store(true)
	}
	return n, err
}

// sweepDraft removes a draft that a process left which is gone: whoever writes one
// has its lock.
func (s *Store) sweepDraft(id string, n *Swept) {
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return
	}
	defer unlock()
	if err := ignoreMissing(s.root.Remove(draftName(id))); err != nil {
		n.Unusable++
		n.Example, n.Err = draftName(id), err
		return
	}
	n.Drafts++
}

func (s *Store) sweepOne(ctx context.Context, id string, n *Swept) {
	stat, err := s.root.Lstat(id)
	if err != nil || stat.Mode()&writeBits == 0 && stat.Mode()&partBit == 0 {
		return // removed meanwhile, or sealed
	}
	u, err := s.open(id)
	switch {
	case isNotFound(err):
		return // data without a record: being created, or left by a crash of a creation
	case err != nil:
		n.Unusable++
		n.Example, n.Err = id, err
	case u.sealed && u.consumed():
		if final, err := s.open(u.info.Storage[keyFinal]); err == nil && final.sealed {
			s.removeParts(final.info)
		}
	case u.sealed:
	case u.complete():
		s.sweepComplete(ctx, u, n)
	case u.info.IsFinal:
		s.sweepFinal(id, n)
	case !s.swept.Load() && u.modified.Before(s.opened):
		s.space.restore(u.claim)
	}
}

func (s *Store) sweepComplete(ctx context.Context, u *upload, n *Swept) {
	unlock, ok := s.opts.Locker.TryLock(u.info.ID)
	if !ok {
		return
	}
	fin := s.startFinish(ctx, u, unlock)
	<-fin.Done()
	switch {
	case fin.Err() == nil:
		s.opts.Redriven("sweep")
		n.Finished++
		if !store.Marked(u.info) {
			n.Adopted++
		}
	case !isNotFound(fin.Err()):
		n.Unusable++
		n.Example, n.Err = u.info.ID, fin.Err()
	}
}

// sweepFinal removes a final whose concatenation was cut off: nobody knows its
// address, and its parts are there.
func (s *Store) sweepFinal(id string, n *Swept) {
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return
	}
	defer unlock()
	if u, err := s.open(id); err != nil || u.complete() || !u.info.IsFinal {
		return
	}
	if _, err := s.unlink(id); err != nil {
		n.Unusable++
		n.Example, n.Err = id, err
		return
	}
	n.Removed++
}
