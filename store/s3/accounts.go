package s3

import (
	"context"
	"errors"
	"fmt"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// What an upload occupies is known from its record and its object alone, save for one of
// unknown length. A part occupies nothing as soon as its final has an object: its bytes
// only wait to be removed.

// unsealed is what an upload occupies that has no object; grown is how many bytes of it were
// counted, if its length isn't known.
func unsealed(info handler.FileInfo, grown int64) store.Occupied {
	switch {
	case info.IsFinal: // its parts are counted
		return store.Occupied{}
	case info.SizeIsDeferred:
		return store.Occupied{Open: true, Bytes: grown}
	}
	return store.Occupied{Open: true, Bytes: info.Size}
}

func changeOf(info handler.FileInfo, before, after store.Occupied) store.Change {
	object, _ := splitID(info.ID) // the rest of the id may not be known yet
	return store.Change{ID: object, Owner: info.Storage[store.KeyOwner], Before: before, After: after}
}

// counted tells the accounts of a change.
func (s *Store) counted(info handler.FileInfo, before, after store.Occupied) {
	s.opts.Accounts.Changed(changeOf(info, before, after))
}

// grow asks whether n more bytes may come of an upload of unknown length. The caller has
// mu.
func (st *state) grow(n int) error {
	c := changeOf(st.info, unsealed(st.info, st.grown), unsealed(st.info, st.grown+int64(n)))
	if err := st.store.opts.Accounts.Grow(c); err != nil {
		return fmt.Errorf("count the bytes that come: %w", err)
	}
	st.grown += int64(n)
	return nil
}

// shrink counts what is committed of an upload of unknown length, in place of what has
// come. The caller has mu.
func (st *state) shrink() {
	if is := st.committed(); st.info.SizeIsDeferred && !st.removed && !st.recounted && is != st.grown {
		st.store.counted(st.info, unsealed(st.info, st.grown), unsealed(st.info, is))
		st.grown = is
	}
}

// recount counts what a new look at an upload of unknown length has found, in place of what
// was known before. While a request has that open, it does nothing: the request counts.
func (s *Store) recount(before, now *state, err error) {
	before.mu.Lock()
	defer before.mu.Unlock()
	is := int64(0)
	switch {
	case !before.info.SizeIsDeferred, before.removed, s.states.isPinned(before):
		return
	case err == nil && now.info.SizeIsDeferred:
		is = now.grown
	case !errors.Is(err, store.Gone()):
		return
	}
	if is != before.grown {
		s.counted(before.info, unsealed(before.info, before.grown), unsealed(before.info, is))
		before.grown, before.recounted = is, true
	}
}

// gone counts that nothing is left of an upload without an object. The caller has mu, or is
// alone in having the state.
func (st *state) gone() {
	st.store.counted(st.info, unsealed(st.info, st.grown), store.Occupied{})
}

// sealingChange is what is to be counted of an upload once it has its object.
func sealingChange(info handler.FileInfo) store.Change {
	was, after := unsealed(info, 0), store.Occupied{Bytes: info.Size}
	if info.IsPartial {
		after = was
	}
	return changeOf(info, was, after)
}

// left counts that an upload was removed, which occupied something before. A part that a
// final was about to take may be the final's by now.
func (s *Store) left(u *upload, was store.Occupied) {
	if was == (store.Occupied{}) {
		return
	}
	c := changeOf(u.info, was, store.Occupied{})
	if u.info.IsPartial && (s.unsettled.left(c) || u.taken()) {
		return
	}
	s.opts.Accounts.Changed(c)
}

// occupied is what an upload occupies that was opened, or that can't be. Its state is pinned.
func (u *upload) occupied(ctx context.Context) store.Occupied {
	switch {
	case u.removed, u.state == nil && u.sealed: // damaged
		return store.Occupied{}
	case u.state == nil:
		if u.info.Storage == nil { // not read yet
			info, _, err := u.store.readRecord(ctx, u.info.ID)
			if err != nil || info.ID != u.info.ID {
				return store.Occupied{}
			}
			u.info = info
		}
		if consumed(u.info) { // its bytes are gone
			return store.Occupied{}
		}
		return unsealed(u.info, 0)
	case u.taken():
		return store.Occupied{}
	case u.sealed && !u.info.IsPartial:
		return store.Occupied{Bytes: u.info.Size}
	}
	u.state.mu.Lock()
	defer u.state.mu.Unlock()
	return unsealed(u.info, u.state.grown)
}

// Occupants calls each for every upload that occupies something, in the order of their
// objects' names, which is what stands for the ids, from behind after on. It lists the
// bucket and reads the record of each.
func (s *Store) Occupants(ctx context.Context, after string, each func(id, owner string, what store.Occupied) error) error {
	type occupant struct {
		owner string
		what  store.Occupied
	}
	var batch []family
	show := func() error {
		found := make([]occupant, len(batch))
		err := inParallel(len(batch), readsAtOnce, func(i int) error {
			info, what, err := s.occupant(ctx, batch[i])
			found[i] = occupant{info.Storage[store.KeyOwner], what}
			if err != nil && (ctx.Err() != nil || stopped(err)) {
				return fmt.Errorf("look at what %s occupies: %w", batch[i].object, err)
			}
			return nil // removed meanwhile, not an upload, or an operator's
		})
		if err != nil {
			return err
		}
		for i, f := range batch {
			if found[i].what == (store.Occupied{}) {
				continue
			}
			if err := each(f.object, found[i].owner, found[i].what); err != nil {
				return err
			}
		}
		batch = batch[:0]
		return nil
	}
	err := s.eachFamily(ctx, span{}, after, func(f family) error {
		if f.object <= after || !there(f.data) && !there(f.record) {
			return nil
		}
		if batch = append(batch, f); len(batch) < readBatch {
			return nil
		}
		return show()
	})
	if err != nil {
		return err
	}
	return show()
}

// occupant returns what one upload occupies. An error that doesn't say that the bucket is
// away means nothing.
func (s *Store) occupant(ctx context.Context, f family) (info handler.FileInfo, what store.Occupied, err error) {
	if info, err = s.recordOf(ctx, f); err != nil {
		return info, what, err
	}
	switch {
	case there(f.data) && (info.SizeIsDeferred || info.Size != f.data.Size): // damaged
	case consumed(info):
		exists := !there(f.data)
		if !exists {
			exists, err = s.exists(ctx, info.Storage[keyFinal])
		}
		if err == nil && !exists {
			what = unsealed(info, 0)
		}
	case there(f.data) && !info.IsPartial:
		what = store.Occupied{Bytes: info.Size}
	case info.SizeIsDeferred:
		var u *upload
		switch u, err = s.open(ctx, info.ID); {
		case err == nil && u.sealed:
			info, what = u.info, store.Occupied{Bytes: u.info.Size}
		case err == nil:
			info, what = u.info, unsealed(u.info, u.info.Offset)
		case errors.Is(err, store.Gone()), errors.Is(err, errDamaged): // until it is removed
			what, err = unsealed(info, 0), nil
		}
	default:
		what = unsealed(info, 0)
	}
	if errors.Is(err, store.Gone()) {
		err = nil
	}
	return info, what, err
}
