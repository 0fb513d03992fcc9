package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// NewUpload creates an upload, if its length fits onto the disk and into its owner's
// quotas. Nothing is left of one that could not be created.
// Errors: 400, 404, 409, 507, 5xx.
func (s *Store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	if info.IsFinal {
		u, err := s.newFinal(ctx, info)
		if err != nil {
			return nil, s.answer(ctx, err)
		}
		return u, nil
	}
	given := info.ID != ""
	if !given {
		info.ID = newID(ctx)
	}
	if !s.ValidID(info.ID) {
		return nil, s.answer(ctx, fmt.Errorf("create %q: %w", info.ID, handler.NewError("ERR_INVALID_ID", "the id is not a valid one", 400)))
	}
	if given && s.exists(info.ID) {
		return nil, s.answer(ctx, store.Exists())
	}
	info = store.Begin(ctx, info, now())
	u := &upload{store: s, info: info}
	if err := u.begin(); err != nil {
		return nil, s.answer(ctx, err)
	}
	return u, nil
}

// begin creates an upload for which there is room.
func (u *upload) begin() (err error) {
	s, what := u.store, u.occupied()
	if err = s.opts.Accounts.Grow(changeOf(u.info, store.Occupied{}, what)); err != nil {
		return fmt.Errorf("count the upload: %w", err)
	}
	if u.claim, err = s.space.take(u.info.Size); err == nil {
		if err = s.create(u.info); err != nil {
			s.space.release(u.claim)
		}
	}
	if err != nil {
		s.counted(u.info, what, store.Occupied{})
	}
	return err
}

// create makes the two files of an upload. An existing file is never opened.
func (s *Store) create(info handler.FileInfo) error {
	f, err := s.root.OpenFile(info.ID, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("create the data file: %w: %w", err, store.Exists())
		}
		return fmt.Errorf("create the data file: %w", err)
	}
	err = f.Close()
	if err == nil {
		err = s.createRecord(info)
	}
	if err != nil {
		// The record, if there was one before us, is not ours to remove.
		if errors.Is(err, fs.ErrExist) {
			return errors.Join(err, ignoreMissing(s.root.Remove(info.ID)), store.Exists())
		}
		_, left := s.unlink(info.ID)
		return errors.Join(err, left)
	}
	return nil
}
