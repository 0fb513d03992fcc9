package disk

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// List calls each for every upload, in no order.
func (s *Store) List(ctx context.Context, each func(store.Listed) error) error {
	return s.eachName(ctx, func(name string) error {
		id, damaged := strings.CutSuffix(name, ".damaged")
		if of, isRecord := strings.CutSuffix(name, recordName("")); isRecord {
			return s.listDataless(of, each)
		}
		if !s.ValidID(id) {
			return nil
		}
		one := store.Listed{ID: id, Size: -1, State: "damaged"}
		if !damaged {
			var err error
			if one, err = s.Show(ctx, id); isNotFound(err) {
				return nil
			} else if err != nil {
				one = store.Listed{ID: id, Size: -1, State: "unusable", Err: err}
			}
		}
		return each(one)
	})
}

// listDataless calls each if the record is of an upload whose data isn't here,
// though it should be: tusd's hooks can have put it elsewhere.
func (s *Store) listDataless(id string, each func(store.Listed) error) error {
	if !s.ValidID(id) || s.exists(id) || s.exists(id+".damaged") {
		return nil
	}
	u, err := s.openRecord(id)
	switch {
	case isNotFound(err), err == nil && u.consumed():
		return nil
	case err == nil:
		_, err = s.openData(u)
	}
	if err == nil {
		return nil // it is there now
	}
	return each(store.Listed{ID: id, Size: -1, State: "unusable", Err: err})
}

// Show returns what is known of one upload.
func (s *Store) Show(_ context.Context, id string) (store.Listed, error) {
	u, err := s.open(id)
	if err != nil {
		return store.Listed{}, fmt.Errorf("look at the upload %q: %w", id, err)
	}
	l := store.Listed{
		ID: id, Size: u.info.Size, Offset: u.info.Offset, Modified: u.modified, State: "receiving",
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
	return l, nil
}

// FinishedBetween calls each for the uploads that were finished then, oldest first.
// Its error says too if there are uploads of which that can't be known.
func (s *Store) FinishedBetween(ctx context.Context, since, until time.Time, each func(info handler.FileInfo, finishedAt time.Time) error) error {
	type finished struct {
		id string
		at time.Time
	}
	var found []finished
	unusable, example := 0, error(nil)
	err := s.List(ctx, func(l store.Listed) error {
		switch {
		case l.Err != nil:
			unusable++
			example = l.Err
		case l.State == "sealed" && !l.Modified.Before(since) && l.Modified.Before(until):
			found = append(found, finished{l.ID, l.Modified})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b finished) int { return a.at.Compare(b.at) })
	for _, f := range found {
		u, err := s.open(f.id)
		switch {
		case isNotFound(err):
			continue // removed meanwhile
		case err != nil:
			unusable++
			example = err
			continue
		case !store.Marked(u.info):
			continue
		}
		if err := each(u.info, f.at); err != nil {
			return err
		}
	}
	if unusable > 0 {
		return fmt.Errorf("%d uploads can't be used, so it isn't known whether they were finished then; one of them: %w", unusable, example)
	}
	return nil
}
