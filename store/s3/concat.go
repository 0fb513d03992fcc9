package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// partsLooked is how many parts of a final are looked at, or marked, at the same time.
const partsLooked = 8

// newFinal checks the parts of a final upload. Nothing exists of it yet: ConcatUploads
// makes it under its lock, and tusd calls that next.
func (s *Store) newFinal(ctx context.Context, info handler.FileInfo) (*upload, error) {
	object := finalObject(info.PartialUploads)
	id := object + "+" + noMultipart
	seen := make(map[string]bool, len(info.PartialUploads))
	for _, part := range info.PartialUploads {
		if seen[part] {
			return nil, fmt.Errorf("part %s is named twice: %w", part, store.InvalidParts("a part is named twice"))
		}
		seen[part] = true
	}
	err := inParallel(len(info.PartialUploads), partsLooked, func(i int) error {
		return s.checkPart(ctx, info.PartialUploads[i], id)
	})
	if err != nil {
		return nil, err
	}
	info.ID = id
	return &upload{store: s, info: s.placed(ctx, info, object)}, nil
}

// checkPart returns why a part can't become one of this final.
func (s *Store) checkPart(ctx context.Context, part, final string) error {
	p, err := s.open(ctx, part)
	if err != nil {
		return fmt.Errorf("open part %s: %w", part, err)
	}
	switch {
	case !p.info.IsPartial:
		return fmt.Errorf("part %s: %w", part, store.InvalidParts("what the final upload names is not a partial upload"))
	case !p.complete():
		return fmt.Errorf("part %s: %w", part, handler.ErrUploadNotFinished)
	case !consumed(p.info) || p.info.Storage[keyFinal] == final:
		return nil
	}
	exists, err := s.exists(ctx, p.info.Storage[keyFinal])
	if err == nil && exists {
		err = fmt.Errorf("part %s belongs to %s: %w", part, p.info.Storage[keyFinal],
			store.InvalidParts("a part belongs to another final upload already"))
	}
	return err
}

// ConcatUploads makes the final upload from its parts and finishes it. If it exists
// already, since an earlier answer was lost, it is finished if need be, and kept as it is,
// whatever comes of it: its event may be on its way. After a failure nothing is left of
// one that was made now, save if its object may be there, or if its parts' bytes are gone.
// The ends of the client and of tusd's context don't matter.
func (u *upload) ConcatUploads(ctx context.Context, _ []handler.Upload) error {
	if err := u.concat(context.WithoutCancel(ctx)); err != nil {
		return u.store.answer(ctx, err)
	}
	return nil
}

func (u *upload) concat(ctx context.Context) error {
	s, id := u.store, u.info.ID
	waiting, cancel := context.WithTimeout(ctx, s.opts.FinishWait)
	defer cancel()
	unlock, err := s.opts.Locker.Acquire(waiting, id)
	if err != nil {
		return err
	}
	defer unlock()

	assembled := false
	existing, err := s.open(ctx, id)
	switch {
	case err == nil && existing.sealed:
		u.info, u.sealed = existing.info, true
		return s.concatAgain(ctx, u.info)
	case err == nil && existing.complete():
		u.info, u.state = existing.info, s.states.add(existing.state)
	case err == nil, isNotFound(err), unusable(err):
		// There is none, or a crash left it half made. It can be made as long as its
		// parts have their bytes.
		if u.state, err = s.remake(ctx, u.info, !isNotFound(err)); err != nil {
			return err
		}
		assembled = true
	default:
		return err
	}
	defer s.states.put(u.state, true)

	fin := s.startFinish(ctx, u.state, nil)
	if err := fin.Wait(ctx, 2*s.opts.FinishDeadline); err != nil {
		if assembled && fin.Ended() {
			if _, lost := s.piecesOf(ctx, u.info.PartialUploads); lost == nil {
				err = errors.Join(err, s.abandon(ctx, u.state, err))
			}
		}
		return err
	}
	u.sealed, u.info.Offset = true, u.info.Size
	return nil
}

// concatAgain does for a finished final what a crash may have left undone.
func (s *Store) concatAgain(ctx context.Context, final handler.FileInfo) error {
	if !store.Marked(final) {
		return nil
	}
	parts, err := s.markParts(ctx, final)
	s.unsettled.settle(final.ID, false) // that was counted when it got its object
	if err != nil {
		return unfinished("mark the parts", err)
	}
	s.leaveParts(ctx, final.ID, parts)
	return nil
}

// remake makes a final of its parts, with all its bytes, but not finished. broken says that
// there is something of an earlier try. The state is in the table until put; after an
// error nothing is left.
func (s *Store) remake(ctx context.Context, info handler.FileInfo, broken bool) (*state, error) {
	pieces, err := s.piecesOf(ctx, info.PartialUploads)
	if err != nil {
		return nil, err
	}
	if err := store.RequestFrom(ctx).Held(); err != nil {
		return nil, err
	}
	if broken {
		if err := s.discard(ctx, info.ID); err != nil {
			return nil, err
		}
	}
	st := s.newState(info)
	st.announced = broken
	for got := s.states.add(st); got != st; got = s.states.add(st) {
		s.states.forget(got) // somebody looked at the one that was discarded
		s.states.put(got, false)
	}
	if err := s.assemble(ctx, st, pieces); err != nil {
		if held := store.RequestFrom(ctx).Held(); held == nil {
			err = errors.Join(err, s.discard(ctx, info.ID))
		}
		s.states.forget(st)
		s.states.put(st, false)
		return nil, err
	}
	return st, nil
}
