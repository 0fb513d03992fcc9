package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// concatSlice is how much of a part is copied at a time, in bytes.
const concatSlice = 64 << 20

// newFinal checks the parts of a final upload. Nothing exists of it yet:
// ConcatUploads makes it under its lock, and tusd calls that next.
func (s *Store) newFinal(ctx context.Context, info handler.FileInfo) (*upload, error) {
	id := finalID(info.PartialUploads)
	seen := make(map[string]bool, len(info.PartialUploads))
	for _, part := range info.PartialUploads {
		if seen[part] {
			return nil, fmt.Errorf("part %s is named twice: %w", part, store.InvalidParts("a part is named twice"))
		}
		seen[part] = true
		p, err := s.open(part)
		if err != nil {
			return nil, fmt.Errorf("open part %s: %w", part, err)
		}
		switch {
		case !p.info.IsPartial:
			return nil, fmt.Errorf("part %s: %w", part, store.InvalidParts("what the final upload names is not a partial upload"))
		case !p.complete():
			return nil, fmt.Errorf("part %s: %w", part, handler.ErrUploadNotFinished)
		case p.consumed() && p.info.Storage[keyFinal] != id && s.exists(p.info.Storage[keyFinal]):
			return nil, fmt.Errorf("part %s belongs to %s: %w", part, p.info.Storage[keyFinal],
				store.InvalidParts("a part belongs to another final upload already"))
		}
	}
	info.ID = id
	return &upload{store: s, info: store.Begin(ctx, info, now())}, nil
}

// ConcatUploads makes the final upload from its parts and finishes it. If it
// exists already, since an earlier answer was lost, it is finished if need be,
// and kept as it is, whatever comes of it: its event may be on its way. After a
// failure nothing is left of one that was made now, save if its parts' bytes are
// gone. The ends of the client and of tusd's context don't matter.
func (u *upload) ConcatUploads(ctx context.Context, _ []handler.Upload) error {
	if err := u.concat(ctx); err != nil {
		return u.store.answer(ctx, err)
	}
	return nil
}

func (u *upload) concat(ctx context.Context) error {
	s, id := u.store, u.info.ID
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.FinishWait)
	defer cancel()
	unlock, err := s.opts.Locker.Acquire(waiting, id)
	if err != nil {
		return err
	}
	defer unlock()

	assembled := false
	existing, err := s.open(id)
	switch {
	case err == nil && existing.sealed:
		u.info, u.sealed = existing.info, true
		if store.Marked(u.info) {
			// What a crash may have left undone.
			if err := s.markParts(ctx, u.info); err != nil {
				return unfinished("mark the parts", err)
			}
			s.removeParts(u.info)
		}
		return nil
	case err == nil && existing.complete():
		u.info = existing.info
	case err == nil, isNotFound(err), errors.Is(err, errDamaged), errors.Is(err, errRecord):
		// There is none, or a crash left it half made. It can be made as long as
		// its parts have their bytes.
		if err := s.haveBytes(u.info.PartialUploads); err != nil {
			return err
		}
		if err := s.discard(ctx, id); err != nil {
			return err
		}
		if err := s.assemble(ctx, u); err != nil {
			return errors.Join(err, s.discard(ctx, id))
		}
		assembled = true
	default:
		return err
	}

	fin := s.startFinish(ctx, u, nil)
	if err := fin.Wait(context.WithoutCancel(ctx), 2*s.opts.FinishDeadline); err != nil {
		if assembled && fin.Ended() && s.haveBytes(u.info.PartialUploads) == nil {
			err = errors.Join(err, s.discard(ctx, id))
		}
		return err
	}
	u.sealed = true
	return nil
}

// discard removes a final that isn't finished. Its id is that of its parts, so
// whoever has the lock now may be making the same one.
func (s *Store) discard(ctx context.Context, id string) error {
	if err := store.RequestFrom(ctx).Held(); err != nil {
		return err
	}
	_, err := s.unlink(id)
	return err
}

// assemble creates the final upload and copies its parts into it. io.Copy
// between files is copy_file_range, where there is one.
func (s *Store) assemble(ctx context.Context, u *upload) error {
	room, err := s.space.take(u.info.Size)
	if err != nil {
		return err
	}
	defer func() { s.space.release(room) }()
	if err := s.create(u.info); err != nil {
		return err
	}
	f, err := s.root.OpenFile(u.info.ID, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the data file: %w", err)
	}
	u.data = f
	held := store.RequestFrom(ctx).Held
	for _, part := range u.info.PartialUploads {
		n, err := s.appendPart(f, part, held)
		u.info.Offset += n
		s.space.wrote(&room, n)
		if err != nil {
			u.closeData()
			return fmt.Errorf("append part %s: %w", part, err)
		}
	}
	if u.info.Offset != u.info.Size {
		u.closeData()
		return fmt.Errorf("the parts have %d bytes, not %d: %w", u.info.Offset, u.info.Size, store.Failed())
	}
	// Not left to the finish, whose time has a bound: a final that fails there is
	// removed, and a large one would never be done.
	if err := s.sumFinal(u); err != nil {
		u.closeData()
		return err
	}
	return nil
}

// appendPart copies in slices, so that a lost lock and a stop are noticed.
func (s *Store) appendPart(f *os.File, part string, held func() error) (int64, error) {
	src, err := s.root.Open(part)
	if err != nil {
		return 0, err
	}
	defer src.Close()
	var copied int64
	for {
		if err := held(); err != nil {
			return copied, err
		}
		if s.interrupted.Load() {
			return copied, store.ShuttingDown()
		}
		n, err := io.CopyN(f, src, concatSlice)
		copied += n
		if err == io.EOF {
			return copied, nil
		}
		if err != nil {
			return copied, err
		}
	}
}

// exists reports whether there is anything under the id of a final. An error
// that says neither is taken for yes.
func (s *Store) exists(id string) bool {
	_, err := s.root.Lstat(id)
	return !errors.Is(err, fs.ErrNotExist)
}

// haveBytes returns nil if every part still has its data file: a final can then
// be made, or made again.
func (s *Store) haveBytes(parts []string) error {
	for _, part := range parts {
		_, err := s.root.Lstat(part)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the final upload is not there, and the bytes of its part %s are gone: %w", part, store.NotFound())
		}
		if err != nil {
			return fmt.Errorf("stat part %s: %w", part, err)
		}
	}
	return nil
}

// markParts writes into the parts' records which final has their bytes, before
// that final is sealed: a part without data is then known to be complete.
func (s *Store) markParts(ctx context.Context, final handler.FileInfo) error {
	changed := false
	for _, part := range final.PartialUploads {
		marked, err := s.markPart(ctx, part, final.ID)
		if err != nil {
			return err
		}
		changed = changed || marked
	}
	if changed && s.opts.Durable {
		return s.folder.sync()
	}
	return nil
}

// markPart marks one part, under its lock: nobody else replaces or removes its
// record meanwhile.
func (s *Store) markPart(ctx context.Context, part, final string) (changed bool, err error) {
	// The request in ctx holds the final's lock, not this one, so it isn't asked.
	waiting, cancel := context.WithTimeout(store.WithRequest(ctx, &store.Request{}), s.opts.FinishWait)
	defer cancel()
	unlock, err := s.opts.Locker.Acquire(waiting, part)
	if err != nil {
		return false, fmt.Errorf("part %s is in use: %w", part, err)
	}
	defer unlock()
	// A finish that outlasted its request goes on without the lock.
	if err := s.finishes.Wait(waiting, part, s.opts.FinishWait); err != nil {
		return false, fmt.Errorf("part %s: %w", part, err)
	}
	var info handler.FileInfo
	err = s.readRecord(part, &info)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // removed
	case err != nil:
		return false, err
	case !info.IsPartial, info.Storage[keyFinal] == final:
		return false, nil
	}
	return true, s.replaceRecord(store.Mark(info, keyFinal, final))
}

// removeParts removes the bytes of the parts of a sealed final, and keeps their
// records. What can't be removed now, a later sweep removes.
func (s *Store) removeParts(final handler.FileInfo) {
	for _, part := range final.PartialUploads {
		var info handler.FileInfo
		err := s.readRecord(part, &info)
		if err != nil || !info.IsPartial || info.Storage[keyFinal] != final.ID {
			continue
		}
		if !s.exists(part) {
			continue
		}
		was := unsealed(info)
		s.counted(info, was, was)
		err = s.root.Remove(part)
		if err == nil { // else whoever removed it has counted it
			s.counted(info, was, store.Occupied{})
		}
		if err := ignoreMissing(err); err != nil {
			s.opts.Log.Warn("the bytes of a part could not be removed", "upload", part, "final", final.ID, "error", err)
		}
	}
}

func isNotFound(err error) bool { return errors.Is(err, store.NotFound()) }
