package disk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// occupied is what u takes of its owner's quotas.
func (u *upload) occupied() store.Occupied {
	switch {
	case u.dataless:
		return store.Occupied{}
	case u.sealed && !u.info.IsPartial:
		return store.Occupied{Bytes: u.info.Size}
	}
	return unsealed(u.info)
}

// unsealed is what an upload occupies that is not sealed.
func unsealed(info handler.FileInfo) store.Occupied {
	switch {
	case info.IsFinal: // its parts are counted
		return store.Occupied{}
	case info.SizeIsDeferred:
		return store.Occupied{Open: true, Bytes: info.Offset}
	}
	return store.Occupied{Open: true, Bytes: info.Size}
}

func changeOf(info handler.FileInfo, before, after store.Occupied) store.Change {
	return store.Change{ID: info.ID, Owner: info.Storage[store.KeyOwner], Before: before, After: after}
}

// counted tells the accounts of a change.
func (s *Store) counted(info handler.FileInfo, before, after store.Occupied) {
	s.opts.Accounts.Changed(changeOf(info, before, after))
}

// growth counts the bytes of an upload of unknown length as they come.
type growth struct {
	store  *Store
	change store.Change // the last one
	looked int64        // up to where the space was looked at
}

// growthStep is how much comes between two looks at the space that is left.
const growthStep = 1 << 20

func (s *Store) newGrowth(info handler.FileInfo) *growth {
	return &growth{store: s, change: changeOf(info, store.Occupied{}, unsealed(info)), looked: -growthStep}
}

// by asks whether n more bytes may come. Errors: 507.
func (g *growth) by(n int) error {
	now := g.change.After
	if now.Bytes-g.looked >= growthStep {
		if err := g.store.space.fits(); err != nil {
			return err
		}
		g.looked = now.Bytes
	}
	next := g.change
	next.Before, next.After = now, store.Occupied{Open: true, Bytes: now.Bytes + int64(n)}
	if err := g.store.opts.Accounts.Grow(next); err != nil {
		return fmt.Errorf("count the bytes that come: %w", err)
	}
	g.change = next
	return nil
}

// is says what there is in fact.
func (g *growth) is(now store.Occupied) {
	if g.change.After == now {
		return
	}
	g.change.Before, g.change.After = g.change.After, now
	g.store.opts.Accounts.Changed(g.change)
}

// occupantsBatch is how many ids Occupants has in memory, and at least how many uploads
// it passes each time that it reads the folder.
const occupantsBatch = 64 << 10

// Occupants calls each for every upload that occupies something, in the order of their
// ids, from behind after on. It reads the record of each, and the folder's names once for
// every 65,536 uploads.
func (s *Store) Occupants(ctx context.Context, after string, each func(id, owner string, what store.Occupied) error) error {
	for {
		ids, err := s.idsAfter(ctx, after, occupantsBatch)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return err
			}
			u, err := s.open(id)
			switch {
			case exhausted(err): // that says nothing of the upload
				return fmt.Errorf("look at what %s occupies: %w", id, err)
			case err != nil:
				continue // removed, or not usable: an operator's
			}
			if err := each(id, u.info.Storage[store.KeyOwner], u.occupied()); err != nil {
				return err
			}
		}
		if len(ids) < occupantsBatch {
			return nil
		}
		after = ids[len(ids)-1]
	}
}

// exhausted reports whether err says that the process or the machine has no more files to
// open, or no memory.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM)
}

// idsAfter returns the first n ids behind after, in order.
func (s *Store) idsAfter(ctx context.Context, after string, n int) ([]string, error) {
	var ids []string
	first := func() {
		slices.Sort(ids)
		ids = slices.Clip(ids[:min(len(ids), n)])
	}
	err := s.eachName(ctx, func(name string) error {
		if name > after && s.ValidID(name) {
			if ids = append(ids, name); len(ids) == 2*n {
				first()
			}
		}
		return nil
	})
	first()
	return ids, err
}
