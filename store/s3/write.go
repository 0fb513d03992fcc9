package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"plateau/store"
	"plateau/store/s3/spool"
)

// roomWait is how long a request waits for room in the spool.
const roomWait = 30 * time.Second

// WriteChunk takes what src brings at offset. Full parts are sent while it comes; when
// it returns, what came is committed, save for the last part of an upload that is
// complete, which the finish stores. It returns how many bytes are there. With an error,
// or when the body was too long, that is less than what is missing, since tusd finishes an
// upload whose last byte is said to be there.
//
// The ends of the client and of tusd's context don't matter: what arrived is stored.
func (u *upload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	r := store.RequestFrom(ctx)
	c, err := u.beginChunk(ctx, r, offset)
	if err == nil {
		// The upload waits for its client in here: this frame must be small.
		err = u.store.blocks.Copy(c.write, c.ready, r.Body, src)
	}
	return u.endChunk(ctx, r, c, err)
}

// chunk is the writing of one request's body.
type chunk struct {
	*state
	from int64 // the offset of its first byte
	next int64 // of the next one
	room int64 // how many bytes may come
	held func() error

	began time.Time // zero: nobody wants to know
}

// beginChunk makes the upload ready to take bytes at offset.
func (u *upload) beginChunk(ctx context.Context, r *store.Request, offset int64) (*chunk, error) {
	s := u.store
	st := s.states.add(u.state) // until endChunk
	c := &chunk{state: st, from: offset, next: offset, held: r.Held}
	if s.opts.Wrote != nil {
		c.began = time.Now()
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.chunks++
	c.room = st.roomAt(offset)
	if st.sealed || st.removed {
		return c, fmt.Errorf("write to an upload that is sealed or removed: %w", store.Failed())
	}
	if err := st.current(); err != nil {
		return c, err
	}
	if err := st.settle(); err != nil {
		s.opts.Log.Debug("an earlier request left a part that could not be stored", "upload", st.id, "error", err)
	}
	if err := st.rewind(offset); err != nil {
		return c, err
	}
	if st.info.SizeIsDeferred {
		st.shrink()
		was := unsealed(st.info, st.grown)
		s.counted(st.info, was, was)
	}
	if store.Marked(st.info) && st.grid.size > 0 {
		return c, nil
	}
	if err := r.Held(); err != nil {
		return c, err
	}
	return c, st.adopt(context.WithoutCancel(ctx))
}

// adopt marks the record of an upload that tusd began, and says which parts are to come.
func (st *state) adopt(ctx context.Context) error {
	g := st.store.newGrid(st.size())
	g.from = len(st.parts)
	if err := st.replaceRecord(ctx, store.Mark(st.info, keyParts, g.String())); err != nil {
		return err
	}
	st.grid = g
	return nil
}

// rewind makes offset the place of the next byte. It may be behind bytes that wait here
// and were never acknowledged.
func (st *state) rewind(offset int64) error {
	if st.received() == offset {
		return nil
	}
	if st.committed() != offset {
		return fmt.Errorf("the next byte is at %d, not at %d: %w", st.received(), offset, store.Locked())
	}
	if st.file == nil || st.start != st.stored {
		st.drop()
	} else if err := st.file.Truncate(offset - st.start); err != nil {
		st.drop()
	}
	st.digest = st.savedDigest()
	return nil
}

// roomAt is how many bytes may still come at offset.
func (st *state) roomAt(offset int64) int64 {
	switch {
	case !st.info.SizeIsDeferred:
		return st.info.Size - offset
	case st.store.opts.MaxSize > 0:
		return st.store.opts.MaxSize - offset
	}
	return math.MaxInt64
}

// ready waits until a part can be begun, and returns how many bytes fit into it.
func (c *chunk) ready() (int, error) {
	st := c.state
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.file != nil && st.partEnd() == st.received() && st.received() != st.info.Size {
		if err := st.send(context.Background(), c.held); err != nil {
			return 0, err
		}
	}
	for st.flying >= st.store.opts.PartsAtOnce && st.failed == nil {
		st.change.Wait()
	}
	if err := c.fits(); err != nil {
		return 0, err
	}
	if st.tail.covers(st.start) && st.file == nil { // it left, and comes back
		ctx, cancel := context.WithTimeout(st.store.room, roomWait)
		defer cancel()
		if err := st.take(ctx); err != nil {
			return 0, err
		}
	}
	return int(max(1, min(st.partEnd()-st.received(), math.MaxInt))), nil
}

// write appends b to what waits for its part to be full. It returns once a full part is
// on its way.
func (c *chunk) write(b []byte) error {
	ctx, cancel := context.WithTimeout(c.store.room, roomWait)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info.SizeIsDeferred && len(b) > 0 {
		if err := c.grow(len(b)); err != nil {
			return err
		}
	}
	for len(b) > 0 {
		err := c.fits()
		if err == nil {
			err = c.held()
		}
		if err != nil {
			return err
		}
		n, err := c.append(ctx, b)
		if errors.Is(err, spool.ErrCrowded) {
			err = c.leave(context.WithoutCancel(ctx))
		}
		if err != nil {
			return err
		}
		b = b[n:]
		c.next += int64(n)
	}
	return nil
}

// fits returns an error unless the body's next byte goes where the upload's next one is.
// The caller has mu.
func (c *chunk) fits() error {
	if c.failed != nil {
		return c.failed
	}
	if c.received() != c.next {
		return fmt.Errorf("the bytes before the one at %d are gone: %w", c.next, store.Away())
	}
	return nil
}

// append takes as many of the bytes as fit into the part. The caller has mu.
func (st *state) append(ctx context.Context, b []byte) (int, error) {
	if err := st.take(ctx); err != nil {
		return 0, err
	}
	room := st.partEnd() - st.received()
	if room <= 0 {
		return 0, st.send(context.WithoutCancel(ctx), nil)
	}
	n := int(min(int64(len(b)), room))
	if err := st.file.Write(ctx, b[:n]); err != nil {
		return 0, fmt.Errorf("keep the bytes: %w", err)
	}
	if st.digest != nil {
		st.digest.Feed(b[:n])
	}
	return n, nil
}

// endChunk says what WriteChunk returns, and tells of it.
func (u *upload) endChunk(ctx context.Context, r *store.Request, c *chunk, err error) (int64, error) {
	n, err := u.keepChunk(ctx, r, c, err)
	if wrote := u.store.opts.Wrote; wrote != nil {
		wrote(ctx, store.EndedChunk{ID: u.info.ID, Offset: c.from, Size: n, Began: c.began, Err: err})
	}
	return n, err
}

// keepChunk commits what came, and says what is acknowledged: by how the copy ended, and
// how the body did, which tusd's reader hides.
func (u *upload) keepChunk(ctx context.Context, r *store.Request, c *chunk, err error) (int64, error) {
	s, st := u.store, c.state
	defer s.states.put(st, true)
	ctx = context.WithoutCancel(ctx)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.chunks--
	if serr := st.settle(); serr != nil && !errors.Is(err, serr) {
		err = errors.Join(err, serr)
	}
	if err == nil && r.Body != nil {
		if r.Body.Received() > c.room {
			err = errors.Join(store.TooLong(), st.takeBack(c))
		} else {
			err = r.Body.Err()
		}
	}
	if !st.sealed && (err != nil || !st.complete()) {
		if err == nil || !r.Creates() {
			err = errors.Join(err, st.commit(ctx, c.held, err == nil))
		}
		if r.Creates() && err != nil {
			return 0, s.answer(ctx, errors.Join(err, u.discardNew(ctx, st)))
		}
	}
	st.shrink()
	st.opened() // what is acknowledged is to be seen
	u.info, u.modified = st.info, st.last
	u.info.Offset = st.committed()
	if err == nil && st.complete() {
		u.info.Offset = st.info.Size
	}
	n := max(0, u.info.Offset-c.from)
	if err == nil {
		return n, nil
	}
	if n > 0 && u.info.Offset == st.info.Size {
		n--
	}
	return n, s.answer(ctx, err)
}

// takeBack removes what this body brought, as far as it isn't in parts. The caller has
// mu.
func (st *state) takeBack(c *chunk) error {
	if err := c.held(); err != nil {
		return err
	}
	if st.file == nil || c.from < st.start {
		st.drop()
	} else if err := st.file.Truncate(c.from - st.start); err != nil {
		return fmt.Errorf("take back a body that was too long: %w", err)
	}
	st.digest = nil
	if st.received() == 0 {
		st.digest = st.savedDigest()
	} else if d := st.savedDigest(); d != nil && d.Offset == st.received() {
		st.digest = d
	}
	return nil
}

// discardNew removes an upload that a failing POST made. The caller has mu.
func (u *upload) discardNew(ctx context.Context, st *state) error {
	st.drop()
	st.removed = true
	u.store.states.forget(st)
	if st.touched || !st.small() { // else nothing was written
		if err := st.unlocked(func() error { return u.store.discard(ctx, st.id) }); err != nil {
			return err
		}
	}
	st.gone()
	return nil
}
