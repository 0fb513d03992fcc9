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

// NewUpload creates an upload. Nothing is left of one that could not be created.
// Errors: 400, 404, 409, 507, 5xx.
func (s *Store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	if info.IsFinal {
		u, err := s.newFinal(info)
		if err != nil {
			return nil, s.answer(ctx, err)
		}
		return u, nil
	}
	if info.ID == "" {
		info.ID = newID()
	}
	if !s.ValidID(info.ID) {
		return nil, s.answer(ctx, fmt.Errorf("create %q: %w", info.ID, handler.NewError("ERR_INVALID_ID", "the id is not a valid one", 400)))
	}
	info = store.Mark(info, store.KeyCreated, now())
	if err := s.create(info); err != nil {
		return nil, s.answer(ctx, err)
	}
	return &upload{store: s, info: info}, nil
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
		return errors.Join(err, s.remove(info.ID))
	}
	return nil
}
