package disk

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/lifecycle"
)

// draft is a store.Draft: a temporary file, which the first sweep removes if a
// crash leaves it. Rest closes it until it is used again, so that a form of many files
// needs few descriptors.
type draft struct {
	store  *Store
	id     string
	began  handler.FileInfo
	name   string // of its file
	unlock func()
	data   *os.File // nil: it rests
	chunk  chunk
	err    error // why it can't be finished
}

func draftName(id string) string { return id + ".tmp" }

// NewDraft begins a draft. Errors: 507, 5xx.
func (s *Store) NewDraft(ctx context.Context) (store.Draft, error) {
	id := newID(ctx)
	unlock, ok := s.opts.Locker.TryLock(id)
	if !ok {
		return nil, s.answer(ctx, fmt.Errorf("lock the new upload: %w", store.Exists()))
	}
	d := &draft{store: s, id: id, began: store.Begin(ctx, handler.FileInfo{ID: id}, now()), name: draftName(id), unlock: unlock}
	d.chunk = chunk{durable: s.opts.Durable, held: func() error { return nil }, space: &s.space, claim: new(claim), growth: s.newGrowth(d.began)}
	if err := d.begin(); err != nil {
		unlock()
		return nil, s.answer(ctx, err)
	}
	if s.opts.Digest != "" {
		d.chunk.digest = lifecycle.NewDigest()
		d.chunk.save = func(d *lifecycle.Digest) { d.Saved = d.Offset } // a draft is never continued
	}
	return d, nil
}

// begin makes the draft's file, if it may have one.
func (d *draft) begin() error {
	s := d.store
	if err := s.space.fits(); err != nil {
		return err
	}
	if err := s.opts.Accounts.Grow(d.chunk.growth.change); err != nil {
		return fmt.Errorf("count the upload: %w", err)
	}
	f, err := s.root.OpenFile(d.name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		d.chunk.growth.is(store.Occupied{})
		return fmt.Errorf("create the data file: %w", err)
	}
	d.data, d.chunk.file = f, f
	return nil
}

// ID is the id that the upload will have.
func (d *draft) ID() string { return d.id }

// Size is how many bytes were written.
func (d *draft) Size() int64 { return d.chunk.offset }

// Append writes b at the end. Errors: 507, 5xx; then the draft is to be abandoned.
func (d *draft) Append(ctx context.Context, b []byte) error {
	if err := d.chunk.write(b); err != nil {
		return d.store.answer(ctx, err)
	}
	return nil
}

// Rest lets go of the draft's file until it is finished; nothing more is appended.
// What is large begins its way to the disk, so that the finish has less to wait for.
func (d *draft) Rest() {
	if d.data == nil {
		return
	}
	if c := &d.chunk; c.durable && c.offset > journalLimit && c.offset > c.flushed {
		if err := startWriteback(d.data, c.flushed, c.offset-c.flushed); err != nil {
			d.err = fsyncError{fmt.Errorf("write back the data file: %w", err)}
		}
		c.flushed = c.offset
	}
	d.close()
}

func (d *draft) close() {
	if d.data != nil {
		_ = d.data.Close() // what was written is with the kernel
		d.data = nil
	}
}

// wake opens the file of a draft that rests.
func (d *draft) wake() error {
	if d.data != nil {
		return nil
	}
	f, err := d.store.root.Open(d.name)
	if err != nil {
		return fmt.Errorf("open the data file: %w", err)
	}
	d.data = f
	return nil
}

// Abandon removes the draft. An error means that the next start will have to.
func (d *draft) Abandon() error {
	defer d.unlock()
	d.close()
	d.chunk.growth.is(store.Occupied{})
	return ignoreMissing(d.store.root.Remove(draftName(d.id)))
}

// info is the record of the upload that the draft becomes.
func (d *draft) info(metadata handler.MetaData) handler.FileInfo {
	info := d.began
	info.Size, info.Offset, info.MetaData = d.Size(), d.Size(), metadata
	if sum := d.chunk.digest; sum != nil {
		info.Storage[store.KeyDigest] = sum.Sum()
	}
	return info
}

// publish gives the draft's bytes the name of an upload, whose record is there. at is
// when the form ended, which is when all of its files did.
func (d *draft) publish(at time.Time) error {
	s := d.store
	if d.err != nil {
		return d.err
	}
	if s.exists(d.id) {
		return fmt.Errorf("name the data file: %w", store.Exists())
	}
	if err := s.root.Chtimes(d.name, at, at); err != nil {
		return fmt.Errorf("set the time of the data file: %w", err)
	}
	if err := s.root.Rename(d.name, d.id); err != nil {
		return fmt.Errorf("name the data file: %w", err)
	}
	d.name = d.id
	return nil
}
