package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"plateau/store"
	"plateau/store/lifecycle"
)

// writebackSize is how much is written before the kernel is told to bring it to
// the disk. So the disk works while bytes arrive, and the fsync at the end has
// little left to do.
const writebackSize = 8 << 20

// WriteChunk writes what src brings at offset, which is the data file's size.
// It returns how many bytes are in the file. With an error, or when the body
// was too long, that is less than what is missing, since tusd finishes an
// upload whose last byte is said to be there.
//
// Bytes wait in memory only while more can be read at once: what was collected
// is written before any read that may wait for the client.
func (u *upload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	r := store.RequestFrom(ctx)
	c, err := u.beginChunk(r, offset)
	if err == nil {
		// The upload waits for its client in here: this frame must be small.
		err = u.store.blocks.Copy(c.write, nil, r.Body, src)
	}
	return u.endChunk(ctx, r, c, err)
}

// beginChunk opens the data file, and marks the record as ours if tusd made it.
func (u *upload) beginChunk(r *store.Request, offset int64) (*chunk, error) {
	s := u.store
	c := &chunk{start: offset, offset: offset, flushed: offset, durable: s.opts.Durable, held: r.Held, space: &s.space}
	if s.opts.Wrote != nil {
		c.began = time.Now()
	}
	u.whole = offset == 0
	if u.sealed {
		return c, fmt.Errorf("write to a sealed upload: %w", store.Failed())
	}
	if !store.Marked(u.info) {
		if err := r.Held(); err != nil {
			return c, err
		}
		info := store.Mark(u.info, "", "")
		if err := s.replaceRecord(info); err != nil {
			return c, err
		}
		u.info = info
	}
	if c.claim = &u.claim; u.info.SizeIsDeferred {
		c.growth = s.newGrowth(u.info)
	}
	f, err := s.root.OpenFile(u.info.ID, os.O_RDWR, 0) // the journal reads what is written
	if err != nil {
		return c, fmt.Errorf("open the data file: %w", err)
	}
	u.data, c.file = f, f
	if c.digest, err = u.followDigest(); err != nil {
		return c, err
	}
	if c.digest != nil {
		c.save = u.saveDigest
	}
	return c, nil
}

// endChunk says what WriteChunk returns, and tells of it.
func (u *upload) endChunk(ctx context.Context, r *store.Request, c *chunk, err error) (int64, error) {
	n, err := u.keepChunk(ctx, r, c, err)
	if wrote := u.store.opts.Wrote; wrote != nil {
		wrote(ctx, store.EndedChunk{ID: u.info.ID, Offset: c.start, Size: n, Began: c.began, Err: err})
	}
	return n, err
}

// keepChunk makes of what came what is acknowledged: how the copy ended says that, and how
// the body did, which tusd's reader hides.
func (u *upload) keepChunk(ctx context.Context, r *store.Request, c *chunk, err error) (int64, error) {
	if err == nil && r.Body != nil {
		if r.Body.Received() > u.room(c.start) {
			err = errors.Join(store.TooLong(), u.takeBack(c))
		} else {
			err = r.Body.Err()
		}
	}
	n := c.written()
	u.info.Offset = c.offset
	if n > 0 {
		u.modified = time.Now()
	}
	u.keepDigest(r, c)
	if err == nil && !u.complete() {
		err = u.data.Close()
		u.data = nil
	}
	if err == nil {
		return n, nil
	}
	u.closeData()
	if _, final := errors.AsType[fsyncError](err); final {
		err = u.store.damage(u.info, err)
		u.store.space.release(u.claim)
		u.claim = claim{}
	}
	if r.Creates() {
		err = errors.Join(err, u.store.remove(u))
		n = 0
	}
	if n > 0 && c.offset == u.info.Size {
		n--
	}
	return n, u.store.answer(ctx, err)
}

// room is how many bytes may still come at offset.
func (u *upload) room(offset int64) int64 {
	switch {
	case !u.info.SizeIsDeferred:
		return u.info.Size - offset
	case u.store.opts.MaxSize > 0:
		return u.store.opts.MaxSize - offset
	}
	return math.MaxInt64
}

// closeData closes the data file if the upload still has it open. What was
// written is in the kernel already, so an error of close has nothing to add.
func (u *upload) closeData() {
	if u.data != nil {
		_ = u.data.Close()
		u.data = nil
	}
}

// chunk is the writing of one request's body.
type chunk struct {
	file          *os.File
	start, offset int64
	flushed       int64 // up to where the kernel was told to write back
	durable       bool
	held          func() error
	space         *spaceGuard
	claim         *claim                  // of the bytes to come
	growth        *growth                 // nil: the length is known
	digest        *lifecycle.Digest       // nil: nobody wants one
	save          func(*lifecycle.Digest) // keeps its state
	began         time.Time               // zero: nobody wants to know
}

func (c *chunk) written() int64 { return c.offset - c.start }

// write appends b to the file. The offset moves by what the file has taken,
// even if that is not all.
func (c *chunk) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := c.held(); err != nil {
		return err
	}
	if c.growth != nil {
		if err := c.growth.by(len(b)); err != nil {
			return err
		}
	}
	n, err := c.file.WriteAt(b, c.offset)
	c.offset += int64(n)
	c.space.wrote(c.claim, int64(n))
	if err != nil && c.growth != nil {
		c.growth.is(store.Occupied{Open: true, Bytes: c.offset})
	}
	if d := c.digest; d != nil {
		d.Feed(b[:n])
		if d.Offset-d.Saved >= digestEvery {
			c.save(d)
		}
	}
	if err != nil {
		return fmt.Errorf("write the data file: %w", err)
	}
	if c.durable && c.offset-c.flushed >= writebackSize {
		// What can't be written back is lost, as with a failed fsync.
		if err := startWriteback(c.file, c.flushed, c.offset-c.flushed); err != nil {
			return fsyncError{fmt.Errorf("write back the data file: %w", err)}
		}
		c.flushed = c.offset
	}
	return nil
}

// takeBack removes what this body wrote.
func (u *upload) takeBack(c *chunk) error {
	if err := c.held(); err != nil {
		return err
	}
	if c.digest = nil; u.store.opts.Digest != "" {
		if err := u.forgetDigest(c.start); err != nil {
			return err
		}
	}
	if err := c.file.Truncate(c.start); err != nil {
		return fmt.Errorf("take back a body that was too long: %w", err)
	}
	taken := c.offset - c.start
	c.offset = c.start
	if c.growth == nil {
		c.space.wrote(c.claim, -taken)
	} else { // it claims nothing, before as after
		c.growth.is(store.Occupied{Open: true, Bytes: c.offset})
	}
	return nil
}
