package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3/bucket"
)

// Swept counts what one sweep did.
type Swept struct {
	Finished int    // were complete, and are now sealed
	Removed  int    // finals that a crash left incomplete
	Emptied  int    // parts whose bytes a sealed final has; these were removed
	Tails    int    // were left beside finished uploads; removed
	Unusable int    // can't be used, or could not be finished now
	Example  string // the id of one of the unusable
	Err      error  // and what is wrong with it
}

func (n *Swept) unusable(id string, err error) {
	n.Unusable++
	n.Example, n.Err = id, err
}

// A listing of a million uploads takes two thousand calls. So only one sweep in
// wholeEvery goes through all of the bucket, and the janitor after it; the others look
// at what was created within youngFor, behind each prefix. What they may miss is an old upload whose finish
// has failed, and whose client doesn't come back.
const (
	wholeEvery = 6
	youngFor   = 24 * time.Hour
)

func (s *Store) sweepEvery(ctx context.Context) {
	for round := 0; ; round++ {
		var created span
		if round%wholeEvery != 0 {
			created = youngAt(s.opts.Now())
		}
		count, err := s.sweep(ctx, created)
		if err != nil && ctx.Err() == nil {
			s.opts.Log.Error("the sweep stopped", "error", err)
		}
		s.report(count)
		if round%wholeEvery == 1 { // not in the first: then all is spared
			s.tidy(ctx)
		}
		if pause(ctx, s.opts.SweepEvery) != nil {
			return
		}
	}
}

// youngAt is when what is young then was created. Another's clock may be ahead.
func youngAt(now time.Time) span {
	return span{timeOf(now.Add(-youngFor)), timeOf(now.Add(youngFor))}
}

func (s *Store) report(n Swept) {
	if n.Finished+n.Removed+n.Emptied+n.Tails > 0 {
		s.opts.Log.Info("sweep: what a stop left is put right", "finished", n.Finished, "incomplete_finals_removed", n.Removed,
			"parts_emptied", n.Emptied, "tails_removed", n.Tails)
	}
	if n.Unusable > 0 {
		s.opts.Log.Warn("sweep: uploads that can't be used, or not be finished now", "count", n.Unusable, "for_example", n.Example, "error", n.Err)
	}
}

// Sweep goes once through the bucket and finishes what is complete but not sealed. It
// lists everything, a page at a time, reads the records of open uploads and of finished
// parts only, and leaves alone what a request is using. It stops with an error when the
// endpoint is away. Start runs it; it may be called too.
func (s *Store) Sweep(ctx context.Context) (Swept, error) { return s.sweep(ctx, span{}) }

func (s *Store) sweep(ctx context.Context, created span) (Swept, error) {
	var n Swept
	err := s.eachFamily(ctx, created, "", func(f family) error { return s.sweepOne(ctx, f, &n) })
	return n, err
}

// sweepOne returns an error only if the sweep has to stop.
func (s *Store) sweepOne(ctx context.Context, f family, n *Swept) error {
	var err error
	switch {
	case there(f.data) && there(f.tail):
		err = s.sweepTail(ctx, f, n)
	case there(f.data) && there(f.record) && partObject(f.object):
		err = s.sweepPart(ctx, f, n)
	case !there(f.data) && there(f.record):
		err = s.sweepOpen(ctx, f, n)
	}
	switch {
	case err == nil, isMissing(err), isNotFound(err): // removed meanwhile
		return nil
	case ctx.Err() != nil, stopped(err):
		return fmt.Errorf("sweep %s: %w", f.object, err)
	case errors.Is(err, store.Locked()), errors.Is(err, store.Unfinished()):
		return nil // in use
	}
	n.unusable(f.object, err)
	return nil
}

// stopped reports whether err says that the endpoint does nothing for us now.
func stopped(err error) bool {
	return errors.Is(err, bucket.ErrAway) || errors.Is(err, bucket.ErrRefused) || errors.Is(err, bucket.ErrClosed)
}

// sweepTail removes a tail that a finish left. The object has its bytes.
func (s *Store) sweepTail(ctx context.Context, f family, n *Swept) error {
	info, err := s.recordOf(ctx, f)
	if err != nil {
		return err
	}
	unlock, ok := s.opts.Locker.TryLock(info.ID)
	if !ok {
		return nil
	}
	defer unlock()
	// Since it was listed, the upload may have been removed and made anew.
	if exists, err := s.exists(ctx, info.ID); err != nil || !exists {
		return err
	}
	if err := s.opts.Bucket.Delete(ctx, tailKey(f.object)); err != nil {
		return fmt.Errorf("remove the tail of a finished upload: %w", err)
	}
	n.Tails++
	return nil
}

// sweepPart removes the bytes of a part that a sealed final has taken over.
func (s *Store) sweepPart(ctx context.Context, f family, n *Swept) error {
	info, err := s.recordOf(ctx, f)
	if err != nil || !consumed(info) {
		return err
	}
	if exists, err := s.exists(ctx, info.Storage[keyFinal]); err != nil || !exists {
		return err
	}
	if err := s.removeParts(ctx, []string{info.ID}); err != nil {
		return err
	}
	n.Emptied++
	return nil
}

// sweepOpen finishes an upload that is complete, and removes a final that isn't.
func (s *Store) sweepOpen(ctx context.Context, f family, n *Swept) error {
	info, _, err := s.readRecord(ctx, f.object)
	if err != nil || consumed(info) {
		return err
	}
	known, complete := s.glance(info.ID)
	if !known && multipartOf(info) == "" && !info.IsFinal && (info.SizeIsDeferred || there(f.tail) && f.tail.Size < info.Size || !there(f.tail) && info.Size > 0) {
		return nil // its bytes are those of the tail
	}
	if !known {
		st, err := s.load(ctx, info.ID)
		if info.IsFinal && errors.Is(err, store.Gone()) {
			return s.sweepFinal(ctx, info.ID, n)
		}
		if err != nil {
			return err
		}
		complete = !st.sealed && st.complete()
	}
	switch {
	case complete:
		return s.sweepComplete(ctx, info, n)
	case info.IsFinal:
		return s.sweepFinal(ctx, info.ID, n)
	}
	return nil
}

// glance looks at an upload that is open in this process. One that is busy is in use.
func (s *Store) glance(id string) (known, complete bool) {
	st := s.states.get(id)
	if st == nil {
		return false, false
	}
	defer s.states.put(st, false)
	if !st.mu.TryLock() {
		return true, false
	}
	defer st.mu.Unlock()
	return true, !st.sealed && !st.finishing && st.complete()
}

func (s *Store) sweepComplete(ctx context.Context, info handler.FileInfo, n *Swept) error {
	unlock, ok := s.opts.Locker.TryLock(info.ID)
	if !ok {
		return nil
	}
	// Before the lock was ours, a request may have done anything.
	u, err := s.open(ctx, info.ID)
	if err != nil || u.sealed || !u.complete() {
		unlock()
		return err
	}
	fin := s.startFinish(ctx, u.state, unlock)
	<-fin.Done()
	if err := fin.Err(); err != nil {
		if !isNotFound(err) {
			n.unusable(info.ID, err) // if the endpoint is away, the next look at one says so
		}
		return nil
	}
	s.opts.Redriven("sweep")
	n.Finished++
	return nil
}

// sweepFinal removes a final whose concatenation was cut off: nobody knows its address,
// and its parts are there.
func (s *Store) sweepFinal(ctx context.Context, id string, n *Swept) error {
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return nil
	}
	defer unlock()
	u, err := s.open(ctx, id)
	if err == nil && (u.complete() || !u.info.IsFinal) || err != nil && !errors.Is(err, store.Gone()) {
		return err
	}
	if err := s.discard(ctx, id); err != nil {
		return err
	}
	s.unsettled.settle(id, false)
	n.Removed++
	return nil
}
