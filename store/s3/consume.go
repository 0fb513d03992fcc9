package s3

import (
	"context"
	"fmt"
	"slices"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3/bucket"
)

// markParts writes into the parts' records which final has their bytes, before that final
// is sealed: a part without its object is then known to be complete. It returns those
// that are there and marked.
func (s *Store) markParts(ctx context.Context, final handler.FileInfo) ([]handler.FileInfo, error) {
	parts := make([]handler.FileInfo, len(final.PartialUploads))
	err := inParallel(len(parts), partsLooked, func(i int) (err error) {
		parts[i], err = s.markPart(ctx, final.PartialUploads[i], final.ID)
		return err
	})
	return slices.DeleteFunc(parts, func(part handler.FileInfo) bool { return part.ID == "" }), err
}

// markPart marks one part, under its lock: nobody else replaces or removes its record
// meanwhile. It returns no ID if there is none to be marked.
func (s *Store) markPart(ctx context.Context, part, final string) (marked handler.FileInfo, err error) {
	err = s.withPart(ctx, part, func(ctx context.Context) error {
		object, _ := splitID(part)
		info, o, err := s.readRecord(ctx, part)
		if isMissing(err) { // the object may carry it
			info, err = s.recordOf(ctx, family{object: object})
		}
		switch {
		case isMissing(err): // removed
			return nil
		case err != nil:
			return err
		case info.ID != part, !info.IsPartial:
			return nil
		}
		marked = info
		was := unsealed(info, 0)
		s.counted(info, was, was)
		if info.Storage[keyFinal] != final {
			if _, err = s.writeRecord(ctx, store.Mark(info, keyFinal, final), expecting(o.ETag)); err != nil {
				return err
			}
		}
		s.unsettled.taking(final, changeOf(info, was, store.Occupied{}))
		return nil
	})
	return marked, err
}

// withPart calls do with the lock of a part. A request that has it is asked to let go, and
// a finish of the part is waited for.
func (s *Store) withPart(ctx context.Context, part string, do func(context.Context) error) error {
	// The request in ctx holds the final's lock, not this one, so it isn't asked.
	waiting, cancel := context.WithTimeout(store.WithRequest(ctx, &store.Request{}), s.opts.FinishWait)
	defer cancel()
	unlock, err := s.opts.Locker.Acquire(waiting, part)
	if err != nil {
		return fmt.Errorf("part %s is in use: %w", part, err)
	}
	defer unlock()
	// A finish that outlasted its request goes on without the lock.
	if err := s.finishes.Wait(waiting, part, s.opts.FinishWait); err != nil {
		return fmt.Errorf("part %s: %w", part, err)
	}
	return do(store.WithRequest(ctx, store.RequestFrom(waiting)))
}

// leaveParts removes the bytes of the parts of a sealed final, which were marked. What
// can't be removed now, a later sweep removes.
func (s *Store) leaveParts(ctx context.Context, final string, parts []handler.FileInfo) {
	ids := make([]string, len(parts))
	for i, part := range parts {
		ids[i] = part.ID
	}
	if err := s.removeParts(ctx, ids); err != nil {
		s.opts.Log.Warn("the bytes of parts are left for the sweep", "final", final, "error", err)
	}
}

// removeParts removes the bytes of parts, and keeps their records.
func (s *Store) removeParts(ctx context.Context, parts []string) error {
	keys := make([]string, 0, 2*len(parts))
	for _, part := range parts {
		object, _ := splitID(part)
		keys = append(keys, object, tailKey(object))
	}
	if err := s.opts.Bucket.Delete(ctx, keys...); err != nil {
		return fmt.Errorf("remove the bytes of parts: %w", err)
	}
	return nil
}

// piece is what becomes of one part in a final.
type piece struct {
	object string
	bucket.Object
}

// piecesOf looks at the objects of parts. A part that is complete without one is finished
// first. An error that wraps store.NotFound says that the bytes of one are gone.
func (s *Store) piecesOf(ctx context.Context, parts []string) ([]piece, error) {
	pieces := make([]piece, len(parts))
	err := inParallel(len(parts), partsLooked, func(i int) (err error) {
		pieces[i].object, _ = splitID(parts[i])
		if pieces[i].Object, err = s.opts.Bucket.Head(ctx, pieces[i].object); !isMissing(err) {
			return err
		}
		if err := s.finishPart(ctx, parts[i]); err != nil {
			return fmt.Errorf("part %s: %w", parts[i], err)
		}
		if pieces[i].Object, err = s.opts.Bucket.Head(ctx, pieces[i].object); isMissing(err) {
			return fmt.Errorf("the final upload is not there, and the bytes of its part %s are gone: %w", parts[i], store.NotFound())
		}
		return err
	})
	return pieces, err
}

// finishPart makes an object of a part that a crash left complete.
func (s *Store) finishPart(ctx context.Context, part string) error {
	return s.withPart(ctx, part, func(ctx context.Context) error {
		p, err := s.open(ctx, part)
		if err != nil || p.sealed {
			return err
		}
		if !p.complete() {
			return handler.ErrUploadNotFinished
		}
		return s.startFinish(ctx, p.state, nil).Wait(ctx, s.opts.FinishDeadline)
	})
}
