package s3

import (
	"context"
	"errors"

	"plateau/store"
	"plateau/store/s3/bucket"
)

// commit brings what came to the bucket at a request's end. Where that can't be done, since
// the bucket is away, it is let go of: it was not acknowledged, its client sends it again,
// and else it would take up room as long as the bucket is away. The caller has mu.
func (st *state) commit(ctx context.Context, held func() error, whole bool) error {
	err := st.bring(ctx, held, whole)
	if errors.Is(err, bucket.ErrAway) || errors.Is(err, bucket.ErrRefused) {
		st.drop()
		st.store.states.forget(st) // what the bucket has now, it has to say itself
	}
	return err
}

func (st *state) bring(ctx context.Context, held func() error, whole bool) error {
	if st.removed {
		return nil
	}
	if st.etag == "" && !st.draft {
		// Also of a creation that brought nothing.
		if err := held(); err != nil {
			return err
		}
		if err := st.createRecord(ctx); err != nil {
			return err
		}
	}
	if whole && st.fitsAsFirst() {
		if err := st.sendFirst(ctx, held); err != nil {
			return err
		}
	}
	if err := st.flush(ctx, held); err != nil {
		return err
	}
	if err := st.keepDigest(ctx, held); err != nil {
		return err
	}
	return st.emptyTail(ctx, held)
}

// fitsAsFirst reports whether what waits may become the first part as it is: a client
// that sends chunks of this size then needs no tails.
func (st *state) fitsAsFirst() bool {
	if st.small() || st.sent || st.grid.from > 0 || st.file == nil || st.complete() {
		return false
	}
	n := st.file.Size()
	return n >= leastPart && n != st.grid.size && (st.size() < 0 || st.size() <= n*mostParts)
}

// sendFirst makes a part of what waits, and all later ones as large.
func (st *state) sendFirst(ctx context.Context, held func() error) error {
	if err := held(); err != nil {
		return err
	}
	g := st.grid
	g.size = st.file.Size()
	if err := st.replaceRecord(ctx, store.Mark(st.info, keyParts, g.String())); err != nil {
		// It may have been written all the same: parts of the grid before it would not count.
		st.store.states.forget(st)
		return err
	}
	st.grid = g
	if err := st.send(ctx, held); err != nil {
		return err
	}
	return st.settle()
}
