package s3

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3/bucket"
)

// family is what lies in the bucket of one upload, as a listing shows it. What isn't
// there has no Key.
type family struct {
	object             string
	data, record, tail bucket.Object
}

// walkPause is between two pages of a listing, of 1,000 objects each: going through a
// bucket makes at most twenty calls a second.
const walkPause = 50 * time.Millisecond

// span is a span of time: of what was created in it, the names come after from and not
// after to, as timeOf makes them, behind whatever prefix. The zero value is all names.
type span struct{ from, to string }

func (s span) has(key string) bool {
	_, name := store.CutIDPrefix(key)
	return s == span{} || name > s.from && name <= s.to
}

// next is where a listing that has come to key may go on: it leaps over what isn't of this
// time. Behind a prefix all names are by time, and no other prefix is between them; without
// one they begin with a digit, and prefixes don't. So a listing makes never more calls than
// one of everything, and few if the prefixes are few.
func (s span) next(key string) string {
	prefix, name := store.CutIDPrefix(key)
	switch {
	case s == span{}:
		return key
	case name <= s.from:
		return prefix + s.from
	case name > s.to && prefix == "":
		return max(key, ":") // the character after "9"
	case name > s.to:
		return prefix + "~"
	}
	return key
}

// eachFamily lists what was created in a span of time, from behind a name on. It holds one
// page. An error of each ends it.
func (s *Store) eachFamily(ctx context.Context, created span, after string, each func(family) error) error {
	var waiting []family // those of which more may come; more than one only for names of others
	after = max(after, created.from)
	for more := true; more; {
		page, left, err := s.opts.Bucket.List(ctx, "", after, 1000)
		if err != nil {
			return fmt.Errorf("list the uploads: %w", err)
		}
		for _, o := range page {
			if waiting, err = passedBy(waiting, o.Key, each); err != nil {
				return err
			}
			if created.has(o.Key) {
				waiting = enter(waiting, o)
			}
			after = created.next(o.Key)
		}
		if more = left; more {
			if err := pause(ctx, walkPause); err != nil {
				return err
			}
		}
	}
	_, err := passedBy(waiting, "", each)
	return err
}

// passedBy calls each for the families that lie wholly before a key, all if it is
// empty, and returns the others.
func passedBy(waiting []family, key string, each func(family) error) ([]family, error) {
	kept := waiting[:0]
	for _, f := range waiting {
		if key != "" && tailKey(f.object) >= key {
			kept = append(kept, f)
		} else if err := each(f); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// enter puts an object to its family.
func enter(waiting []family, o bucket.Object) []family {
	object, suffix, _ := strings.Cut(o.Key, ".")
	if !validObject(object) || suffix != "" && suffix != "info" && suffix != "part" {
		return waiting
	}
	i := 0
	for ; i < len(waiting) && waiting[i].object != object; i++ {
	}
	if i == len(waiting) {
		waiting = append(waiting, family{object: object})
	}
	switch f := &waiting[i]; suffix {
	case "":
		f.data = o
	case "info":
		f.record = o
	case "part":
		f.tail = o
	}
	return waiting
}

// there reports whether the listing has shown one of a family's objects.
func there(o bucket.Object) bool { return o.Key != "" }

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// recordOf reads the record of what a listing has shown. Without one, and if it is gone
// meanwhile, the error is bucket.ErrNotFound.
func (s *Store) recordOf(ctx context.Context, f family) (handler.FileInfo, error) {
	if there(f.record) {
		info, _, err := s.readRecord(ctx, f.object)
		return info, err
	}
	o, err := s.opts.Bucket.Head(ctx, f.object)
	if err != nil {
		return handler.FileInfo{}, fmt.Errorf("look for the record: %w", err)
	}
	info, ok := carriedRecord(f.object, o)
	if !ok {
		return info, fmt.Errorf("%w: the object carries no record", bucket.ErrNotFound)
	}
	return info, nil
}
