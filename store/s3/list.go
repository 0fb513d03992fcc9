package s3

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3/bucket"
)

const (
	// readsAtOnce is how many records a listing reads at the same time, readBatch how
	// many it holds.
	readsAtOnce = 16
	readBatch   = 128
)

// List calls each for every upload, in the order of creation, those without a prefix of
// their ids first, and then each prefix's. It reads the record of each.
func (s *Store) List(ctx context.Context, each func(store.Listed) error) error {
	var batch []family
	show := func() error {
		listed := make([]store.Listed, len(batch))
		err := inParallel(len(batch), readsAtOnce, func(i int) (err error) {
			listed[i], err = s.listOne(ctx, batch[i])
			return err
		})
		batch = batch[:0]
		if err != nil {
			return err
		}
		for _, one := range listed {
			if one.ID == "" {
				continue // removed meanwhile, or not an upload
			}
			if err := each(one); err != nil {
				return err
			}
		}
		return nil
	}
	err := s.eachFamily(ctx, span{}, "", func(f family) error {
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

// listOne returns an upload without an ID if there is none. An error is one that ends the
// listing.
func (s *Store) listOne(ctx context.Context, f family) (store.Listed, error) {
	if !there(f.data) && !there(f.record) {
		return store.Listed{}, nil
	}
	id := f.object
	u, err := s.openFamily(ctx, f)
	if u != nil {
		id = u.info.ID
	}
	switch {
	case err == nil && u.sealed && !there(f.data): // a part whose bytes a final has
		return store.Listed{}, nil
	case err == nil:
		return u.listed(), nil
	case isMissing(err), isNotFound(err):
		return store.Listed{}, nil
	case ctx.Err() != nil, stopped(err):
		return store.Listed{}, fmt.Errorf("look at the upload %s: %w", id, err)
	}
	return store.Listed{ID: id, Size: -1, State: "unusable", Modified: f.data.Modified, Err: err}, nil
}

// openFamily opens what a listing has shown; for what is sealed that takes one call. With
// an error it returns the id, if that is known.
func (s *Store) openFamily(ctx context.Context, f family) (*upload, error) {
	info, err := s.recordOf(ctx, f)
	if err != nil {
		return nil, err
	}
	u := &upload{store: s, info: info}
	if there(f.data) {
		u.sealed, u.modified, u.info.Offset = true, f.data.Modified, f.data.Size
		if info.SizeIsDeferred || info.Size != f.data.Size {
			err = fmt.Errorf("%w: the object has %d bytes, its record promises %d", errDamaged, f.data.Size, info.Size)
		}
		return u, err
	}
	opened, err := s.open(ctx, info.ID)
	if err != nil {
		return u, err
	}
	return opened, nil
}

// Show returns what is known of one upload.
func (s *Store) Show(ctx context.Context, id string) (store.Listed, error) {
	u, err := s.open(ctx, id)
	if err != nil {
		return store.Listed{}, fmt.Errorf("look at the upload %q: %w", id, err)
	}
	return u.listed(), nil
}

// listed is what an operator sees of u.
func (u *upload) listed() store.Listed {
	l := store.Listed{
		ID: u.info.ID, Size: u.info.Size, Offset: u.info.Offset, Modified: u.modified, State: "receiving",
		Owner: u.info.Storage[store.KeyOwner], Filename: u.info.MetaData["filename"],
	}
	if u.info.SizeIsDeferred {
		l.Size = -1
	}
	l.Created, _ = time.Parse(time.RFC3339Nano, u.info.Storage[store.KeyCreated])
	l.Expires, _ = u.Expires()
	switch {
	case u.info.IsPartial:
		l.State = "part"
	case u.sealed:
		l.State = "sealed"
	case u.complete():
		l.State = "complete"
	}
	return l
}

// finished is what the listing shows of an upload that was finished.
type finished struct {
	object   string
	size     int64
	recorded bool // in an object of its own
	at       time.Time
}

func (f finished) family() family {
	as := family{object: f.object, data: bucket.Object{Key: f.object, Size: f.size, Modified: f.at}}
	if f.recorded {
		as.record.Key = recordKey(f.object)
	}
	return as
}

// FinishedBetween calls each for the uploads that were finished then, oldest first. It
// holds their names and times, and reads their records only. Its error says too if there
// are uploads of which that can't be known. Some endpoints give an object of many parts
// the time at which its upload was begun; that is then taken for when it was finished.
func (s *Store) FinishedBetween(ctx context.Context, since, until time.Time, each func(info handler.FileInfo, finishedAt time.Time) error) error {
	var found []finished
	err := s.eachFamily(ctx, span{}, "", func(f family) error {
		if there(f.data) && !partObject(f.object) && !f.data.Modified.Before(since) && f.data.Modified.Before(until) {
			found = append(found, finished{f.object, f.data.Size, there(f.record), f.data.Modified})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortStableFunc(found, func(a, b finished) int { return a.at.Compare(b.at) })
	unusable, example := 0, error(nil)
	for batch := range slices.Chunk(found, readBatch) {
		uploads, errs := make([]*upload, len(batch)), make([]error, len(batch))
		err := inParallel(len(batch), readsAtOnce, func(i int) error {
			uploads[i], errs[i] = s.openFamily(ctx, batch[i].family())
			if errs[i] != nil && (ctx.Err() != nil || stopped(errs[i])) {
				return errs[i]
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, u := range uploads {
			switch err := errs[i]; {
			case isMissing(err), isNotFound(err): // removed meanwhile, or not an upload
			case err != nil:
				unusable++
				example = err
			case u.info.IsPartial || !store.Marked(u.info):
			default:
				if err := each(u.info, batch[i].at); err != nil {
					return err
				}
			}
		}
	}
	if unusable > 0 {
		return fmt.Errorf("%d uploads can't be used, so it isn't known whether they were finished then; one of them: %w", unusable, example)
	}
	return nil
}
