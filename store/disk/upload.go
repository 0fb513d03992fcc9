package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/lifecycle"
)

// errRefused is in the chain of errors that say that an fsync of the upload
// failed, and that it could not be set aside.
var errRefused = errors.New("the upload is refused until the process ends, since an fsync failed")

// errDamaged is in the chain of errors that say that an upload's data can't be
// trusted or is not there.
var errDamaged = errors.New("the upload's data can't be used")

// writeBits are those that a sealed data file lacks.
const writeBits = 0o222

// upload is one upload as it was when it was opened. tusd uses it within one
// request, by one goroutine.
type upload struct {
	store    *Store
	info     handler.FileInfo // Offset is the data file's size
	sealed   bool
	dataless bool // a part whose bytes a final has taken over, or an upload that can't be used
	claim    claim
	modified time.Time
	data     *os.File          // open for writing between the last byte and the finish
	whole    bool              // one request brought all bytes
	digest   *lifecycle.Digest // of what is there, while a request brings more; may be nil
}

// complete reports whether all bytes are there.
func (u *upload) complete() bool {
	return !u.info.SizeIsDeferred && u.info.Offset == u.info.Size
}

// consumed reports whether this is a part whose bytes a final has taken over.
func (u *upload) consumed() bool { return u.info.Storage[keyFinal] != "" && u.info.IsPartial }

// GetUpload opens an upload. If the request is a PATCH, HEAD or GET and finds
// it complete but not sealed, it is finished first. A DELETE opens an upload
// that can't be used too. Errors: 404, 410, 423, 5xx.
func (s *Store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	u, err := s.open(id)
	if err != nil && store.RequestFrom(ctx).Method == http.MethodDelete && (unusable(err) || errors.Is(err, store.Gone())) {
		return &upload{store: s, info: handler.FileInfo{ID: id}, dataless: true}, nil
	}
	if err == nil {
		err = store.RequestFrom(ctx).Permit(u.info)
	}
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	if store.RequestFrom(ctx).Redrives() && u.expired() {
		return nil, s.answer(ctx, fmt.Errorf("the upload has expired: %w", store.Gone()))
	}
	if err := s.redrive(ctx, u); err != nil {
		return nil, s.answer(ctx, err)
	}
	return u, nil
}

// open reads an upload's record and its data file's size and seal.
func (s *Store) open(id string) (*upload, error) {
	u, err := s.openRecord(id)
	if err != nil {
		return nil, err
	}
	return s.openData(u)
}

// openRecord reads an upload's record.
func (s *Store) openRecord(id string) (*upload, error) {
	if err := s.usable(id); err != nil {
		return nil, err
	}
	u := &upload{store: s}
	if err := s.readRecord(id, &u.info); err != nil {
		return nil, missing(err)
	}
	return u, nil
}

func (s *Store) usable(id string) error {
	if !s.ValidID(id) {
		return fmt.Errorf("the id is not one of ours: %w", store.NotFound())
	}
	if _, refused := s.refused.Load(id); refused {
		return errRefused
	}
	return nil
}

// missing makes the answer to a record that isn't there.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", err, store.NotFound())
	}
	return err
}

// Record reads an upload's record, also of one that can't be used. It does nothing else
// with the upload. Errors: 404, 410, 5xx.
func (s *Store) Record(ctx context.Context, id string) (handler.FileInfo, error) {
	if !s.ValidID(id) {
		return handler.FileInfo{}, s.answer(ctx, store.NotFound())
	}
	var info handler.FileInfo
	if err := s.readRecord(id, &info); err != nil {
		return handler.FileInfo{}, s.answer(ctx, missing(err))
	}
	return info, nil
}

// openData looks at the data file of an upload whose record was read.
func (s *Store) openData(u *upload) (*upload, error) {
	stat, err := s.root.Lstat(u.info.ID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.openWithoutData(u.info.ID)
	case err != nil:
		return nil, fmt.Errorf("stat the data file: %w", err)
	case !stat.Mode().IsRegular():
		return nil, fmt.Errorf("%w: the data file is not a regular file", errDamaged)
	}
	u.sealed = stat.Mode()&writeBits == 0
	if u.sealed && u.info.SizeIsDeferred {
		// It was sealed after its record was read, so its length is known now.
		if u, err = s.openRecord(u.info.ID); err != nil {
			return nil, err
		}
		u.sealed = true
	}
	u.info.Offset = stat.Size()
	u.modified = stat.ModTime()
	if err := u.check(); err != nil {
		return nil, err
	}
	u.claim = claimOf(u)
	return u, nil
}

// openWithoutData opens a part whose bytes a final has taken over: it is
// complete as long as that final exists. The record is read anew, since the
// bytes, or all of the upload, may have gone after it was read.
func (s *Store) openWithoutData(id string) (*upload, error) {
	u, err := s.openRecord(id)
	if err != nil {
		return nil, err
	}
	if !u.consumed() {
		return nil, fmt.Errorf("%w: the data file is missing", errDamaged)
	}
	_, err = s.root.Lstat(u.info.Storage[keyFinal])
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the final upload that had this part's bytes: %w: %w", err, store.Gone())
	}
	if err != nil {
		return nil, fmt.Errorf("stat the final upload: %w", err)
	}
	u.info.Offset, u.sealed, u.dataless = u.info.Size, true, true
	return u, nil
}

// check compares the data file with what the record promises.
func (u *upload) check() error {
	switch {
	case u.sealed && (u.info.SizeIsDeferred || u.info.Offset < u.info.Size):
		return fmt.Errorf("%w: the data file has %d bytes, its record promises %d", errDamaged, u.info.Offset, u.info.Size)
	case !u.info.SizeIsDeferred && u.info.Offset > u.info.Size:
		return fmt.Errorf("%w: the data file has %d bytes, its record allows %d", errDamaged, u.info.Offset, u.info.Size)
	}
	return nil
}

// GetInfo returns what was read when the upload was opened. It never fails.
func (u *upload) GetInfo(context.Context) (handler.FileInfo, error) { return u.info, nil }

// GetReader opens the data for reading. The server reads by Content instead.
func (u *upload) GetReader(ctx context.Context) (io.ReadCloser, error) {
	f, err := u.store.root.Open(u.info.ID)
	if err != nil {
		return nil, u.store.answer(ctx, fmt.Errorf("open the data file: %w", missing(err)))
	}
	return f, nil
}

// Terminate removes the upload. It only unlinks, so that it works on a full
// disk, and can be done again. A finish that runs is waited for, never started.
func (u *upload) Terminate(ctx context.Context) error {
	s := u.store
	if err := s.finishes.Wait(context.WithoutCancel(ctx), u.info.ID, s.opts.FinishWait); err != nil {
		return s.answer(ctx, err)
	}
	if err := store.RequestFrom(ctx).Held(); err != nil {
		return s.answer(ctx, err)
	}
	if now, err := s.open(u.info.ID); err == nil {
		u = now // that finish may have sealed it
	}
	// Leftovers first: while the record is there, a DELETE can be done again.
	var err error
	for _, leftover := range []string{recordName(u.info.ID) + ".tmp", u.info.ID + ".damaged"} {
		if err == nil {
			err = ignoreMissing(s.root.Remove(leftover))
		}
	}
	if err == nil {
		err = s.remove(u)
	}
	if err != nil {
		return s.answer(ctx, err)
	}
	s.refused.Delete(u.info.ID)
	return nil
}

// unusable reports whether err says that an upload is there and broken.
func unusable(err error) bool {
	return errors.Is(err, errDamaged) || errors.Is(err, errRecord) || errors.Is(err, errRefused)
}

// remove unlinks an upload, and takes it out of the accounts with its data: what then may
// be left of it can't be used.
func (s *Store) remove(u *upload) error {
	was := u.occupied()
	if _, refused := s.refused.Load(u.info.ID); refused {
		was = store.Occupied{} // see damage
	}
	s.counted(u.info, was, was)
	gone, err := s.unlink(u.info.ID)
	if gone {
		s.counted(u.info, was, store.Occupied{})
		s.space.release(u.claim)
	}
	return err
}

// unlink unlinks an upload: the data first, since it is what takes up space; a
// record left behind by a crash can be removed again. gone says that the data was
// there.
func (s *Store) unlink(id string) (gone bool, err error) {
	if err := s.forget(id); err != nil {
		return false, fmt.Errorf("note in the journal that the upload is removed: %w", err)
	}
	err = s.root.Remove(id)
	gone = err == nil
	if err := ignoreMissing(err); err != nil {
		return false, fmt.Errorf("remove the data file: %w", err)
	}
	if err := ignoreMissing(s.root.Remove(recordName(id))); err != nil {
		return gone, fmt.Errorf("remove the record: %w", err)
	}
	return gone, nil
}

// Content opens a sealed upload for a download. An upload that is complete but not
// sealed is finished first. Errors: 404 while it is receiving, for
// parts and when it doesn't exist, 410, 423, 5xx.
func (s *Store) Content(ctx context.Context, id string) (store.Content, error) {
	fail := func(err error) (store.Content, error) { return store.Content{}, s.answer(ctx, err) }
	u, err := s.open(id)
	if err == nil {
		err = store.RequestFrom(ctx).Permit(u.info)
	}
	if err != nil {
		return fail(err)
	}
	if !u.complete() || u.info.IsPartial {
		return fail(fmt.Errorf("the upload is not a finished file: %w", store.NotFound()))
	}
	if err := s.redrive(ctx, u); err != nil {
		return fail(err)
	}
	f, err := s.root.Open(id)
	if err != nil {
		return fail(fmt.Errorf("open the data file: %w", missing(err)))
	}
	return store.Content{Info: u.info, Modified: u.modified, Body: f}, nil
}
