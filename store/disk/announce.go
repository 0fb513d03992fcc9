package disk

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// announce makes the finished event safe. The parts of a final are marked
// before: afterwards nothing may fail. After a power cut, what is journaled is
// announced again.
func (s *Store) announce(ctx context.Context, info handler.FileInfo, data *os.File, journaled bool) error {
	if info.IsPartial {
		return nil
	}
	if info.IsFinal {
		if err := s.markParts(ctx, info); err != nil {
			return unfinished("mark the parts", err)
		}
	}
	if err := store.RequestFrom(ctx).Held(); err != nil {
		return err
	}
	stat, err := data.Stat()
	if err != nil {
		return unfinished("see when the last byte was written", err)
	}
	err = s.opts.Finish(ctx, info, stat.ModTime(), journaled)
	if _, ok := errors.AsType[handler.Error](err); err != nil && !ok && !full(err) {
		// Whatever is missing there, it isn't this upload.
		err = fmt.Errorf("%w: %w", err, store.Unfinished())
	}
	if err != nil {
		return fmt.Errorf("make the finished event safe: %w", err)
	}
	return nil
}

// sealFinished ends a finish that has succeeded: an upload whose event is safe
// must not be removed. Without the seal it is only finished once more.
func (s *Store) sealFinished(ctx context.Context, info handler.FileInfo, data *os.File) {
	err := store.RequestFrom(ctx).Held()
	if err == nil {
		err = seal(info, data)
	}
	if err != nil {
		s.opts.Log.Warn("a finished upload could not be sealed; its event will be made again", "upload", info.ID, "error", err)
		return
	}
	s.brought.Delete(info.ID)
	if !info.IsPartial {
		s.counted(info, unsealed(info), store.Occupied{Bytes: info.Size})
	}
	if info.IsFinal {
		s.removeParts(info)
	}
}

// partBit is set in the mode of a sealed part, so that the sweep knows it from
// a file: there may be bytes to remove.
const partBit = 0o100

// seal takes the write bits of the data file away.
func seal(info handler.FileInfo, data *os.File) error {
	stat, err := data.Stat()
	if err != nil {
		return err
	}
	mode := stat.Mode().Perm() &^ writeBits
	if info.IsPartial {
		mode |= partBit
	}
	return data.Chmod(mode)
}
