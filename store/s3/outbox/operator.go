package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"plateau/hooks"
	"plateau/store/s3/bucket"
)

// maxGrave is the largest dead entry: one that was no JSON grows by a third.
const maxGrave = 2 * maxEntry

// List calls each for the entries that wait, or for the dead ones with the reason,
// oldest first, without their records. It reads each entry; what can't be read has
// a Name alone. An error of each ends it.
func (o *Outbox) List(ctx context.Context, dead bool, each func(e hooks.Entry, reason string) error) error {
	prefix := pendingPrefix
	if dead {
		prefix = deadPrefix
	}
	after := ""
	for more := true; more; {
		objects, left, err := o.bucket.List(ctx, prefix, after, o.opts.Page)
		if err != nil {
			return fmt.Errorf("list the outbox: %w", away(err))
		}
		if len(objects) == 0 {
			return nil
		}
		more, after = left, objects[len(objects)-1].Key
		for len(objects) > 0 {
			n := min(len(objects), o.opts.Readers)
			if err := o.show(ctx, prefix, objects[:n], each); err != nil {
				return fmt.Errorf("list the outbox: %w", err)
			}
			objects = objects[n:]
		}
	}
	return nil
}

// show calls each for a few objects, which it reads all at a time.
func (o *Outbox) show(ctx context.Context, prefix string, objects []bucket.Object, each func(hooks.Entry, string) error) error {
	type shown struct {
		entry  hooks.Entry
		reason string
		err    error
	}
	all := make([]shown, len(objects))
	var reading sync.WaitGroup
	for i, object := range objects {
		s, name := &all[i], strings.TrimPrefix(object.Key, prefix)
		reading.Go(func() {
			if prefix == deadPrefix {
				s.entry, s.reason, s.err = o.readDead(ctx, name)
			} else {
				s.entry, s.err = o.readPending(ctx, name)
			}
			s.entry.Record = nil
		})
	}
	reading.Wait()
	for _, s := range all {
		if errors.Is(s.err, bucket.ErrNotFound) {
			continue // gone meanwhile
		}
		if s.err != nil {
			return away(s.err)
		}
		if err := each(s.entry, s.reason); err != nil {
			return err
		}
	}
	return nil
}

// Show returns one entry with its record, and the reason if it is dead. Without
// it the error is bucket.ErrNotFound. An entry that can't be read has no ID, and
// for a record all that is there.
func (o *Outbox) Show(ctx context.Context, name string) (e hooks.Entry, reason string, err error) {
	if !plain(name) {
		return e, "", fmt.Errorf("show the entry %.200q: %w", name, errNotAnEntry)
	}
	if e, err = o.readPending(ctx, name); errors.Is(err, bucket.ErrNotFound) {
		e, reason, err = o.readDead(ctx, name)
	}
	if err != nil {
		return hooks.Entry{}, "", fmt.Errorf("show the entry %q: %w", name, away(err))
	}
	return e, reason, nil
}

// plain: the name can be that of an object in pending or dead, be it an entry's or not.
func plain(name string) bool {
	return name != "" && len(name) <= 512 && !strings.ContainsAny(name, "/\x00")
}

func (o *Outbox) readPending(ctx context.Context, name string) (hooks.Entry, error) {
	text, _, err := o.bucket.Read(ctx, pendingPrefix+name, maxEntry)
	if err != nil {
		return hooks.Entry{}, err
	}
	return entryOf(name, text), nil
}

func (o *Outbox) readDead(ctx context.Context, name string) (hooks.Entry, string, error) {
	text, _, err := o.bucket.Read(ctx, deadPrefix+name, maxGrave)
	if err != nil {
		return hooks.Entry{}, "", err
	}
	g, err := parseGrave(text)
	if err != nil {
		return hooks.Entry{Name: name, Record: text}, err.Error(), nil
	}
	return entryOf(name, g.text()), g.Reason, nil
}

func entryOf(name string, text []byte) hooks.Entry {
	i, err := parseIntent(name, text)
	if err != nil {
		return hooks.Entry{Name: name, Record: text}
	}
	return hooks.Entry{Name: name, ID: i.ID, FinishedAt: i.FinishedAt, Record: i.Record}
}

// Retry makes a dead entry wait again. A server that runs finds it within
// Options.Relist. Without it the error is bucket.ErrNotFound.
func (o *Outbox) Retry(ctx context.Context, name string) error {
	if err := o.retry(ctx, name); err != nil {
		return fmt.Errorf("retry the entry %.200q: %w", name, away(err))
	}
	return nil
}

func (o *Outbox) retry(ctx context.Context, name string) error {
	if !isName(name) {
		return errNotAnEntry
	}
	text, _, err := o.bucket.Read(ctx, deadPrefix+name, maxGrave)
	if err != nil {
		return err
	}
	g, err := parseGrave(text)
	if err != nil {
		return err
	}
	if err := o.queue.begin(ctx, name); err != nil {
		return err
	}
	defer o.end(name)
	_, err = o.bucket.Put(ctx, pendingPrefix+name, contentOf(g.text()), bucket.Absent)
	if errors.Is(err, bucket.ErrConflict) {
		// It may be this one, which somebody began to retry.
		waiting, _, failed := o.bucket.Read(ctx, pendingPrefix+name, maxEntry)
		if failed != nil {
			return failed
		}
		if !bytes.Equal(waiting, g.text()) {
			return errors.New("an event of this upload waits already; retry this one when that is sent")
		}
		err = nil
	}
	if err != nil {
		return err
	}
	o.queue.found(name)
	signal(o.arrived)
	if err := o.bucket.Delete(ctx, deadPrefix+name); err != nil {
		return err
	}
	o.dead.add(-1)
	return nil
}
