package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// failedFor is how long a name is left alone whose record can't be read now, and
// failedAtMost how many of them one Claim tries.
const (
	failedFor    = 10 * time.Second
	failedAtMost = 2_000
)

// Claim is part of Outbox. A claim doesn't outlive the process.
func (o *DiskOutbox) Claim(ctx context.Context, count int, size int64, until time.Time) ([]Entry, error) {
	var failure error
	scanned, tried := false, 0
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("claim entries: %w", err)
		}
		if count > 0 && !scanned && o.queue.needsScan() {
			if err := o.scan(ctx, false); err != nil {
				failure, scanned = errors.Join(failure, err), true // what is known can be claimed all the same
			}
		}
		names, low := o.queue.take(count, o.opts.Now(), until)
		if low {
			signal(o.low)
		}
		if len(names) > 0 {
			entries, err := o.read(ctx, names, size)
			if len(entries) > 0 {
				return entries, nil // those that failed come again later
			}
			tried += len(names)
			failure = errors.Join(failure, err) // nil: all of these are gone
		}
		if count <= 0 || o.queue.exhausted() || len(names) == 0 && scanned || failure != nil && tried >= failedAtMost {
			if failure != nil {
				return nil, fmt.Errorf("claim entries: %w", failure)
			}
			return nil, nil
		}
	}
}

// needsScan: the window is empty, and there may be more. What arrived late doesn't
// matter, else a backlog would wait for as long as something arrives.
func (q *queue) needsScan() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.window) == 0 && (q.stale || !q.drained)
}

// exhausted: nothing is left that could be claimed, as far as is known.
func (q *queue) exhausted() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.window)+len(q.late) == 0 && q.drained && !q.stale
}

// read reads the records of claimed names, as many as fit into size bytes, and
// at least one. Names without a result are given back, dropped, buried, or left
// alone for a while.
func (o *DiskOutbox) read(ctx context.Context, names []string, size int64) (entries []Entry, err error) {
	results := o.readAll(ctx, names, size)
	var back, gone, later []string
	var errs []error
	var sum int64
	defer func() { o.queue.postpone(later, o.opts.Now().Add(failedFor)) }()
	for i, name := range names {
		r := &results[i]
		fits := len(entries) == 0 || sum+r.size <= size
		if r.state == tooBigForNow && fits {
			*r = o.readWhole(name)
		}
		switch {
		case r.state == isGone:
			gone = append(gone, name)
		case r.state == failed && !passing(r.err) && ctx.Err() == nil:
			if err := o.buryUnread(ctx, name, r.err); err != nil {
				errs = append(errs, err)
				later = append(later, name)
			}
		case r.state == failed:
			errs = append(errs, r.err)
			later = append(later, name)
		case r.state == isRead && fits:
			id, at, _ := parseName(name)
			entries = append(entries, Entry{Name: name, ID: id, FinishedAt: at, Record: r.record})
			sum += r.size
		default: // no room
			// What comes behind it has to wait for it: the oldest goes first.
			back = append(back, names[i:]...)
			o.giveBack(back, gone)
			return entries, errors.Join(errs...)
		}
	}
	o.giveBack(back, gone)
	return entries, errors.Join(errs...)
}

func (o *DiskOutbox) giveBack(back, gone []string) {
	o.queue.giveBack(back...)
	for _, key := range o.queue.drop(gone...) {
		o.minutes.remove(key)
	}
}

// buryUnread buries an entry whose record can't be read.
func (o *DiskOutbox) buryUnread(ctx context.Context, name string, cause error) error {
	err := o.bury(ctx, name, "the record can't be read: "+cause.Error())
	if err != nil {
		return fmt.Errorf("bury an entry that can't be read (%w): %w", cause, err)
	}
	o.opts.Buried()
	o.opts.Log.Error("an event in the outbox can't be read; it was moved to its folder "+deadFolder, "entry", name, "error", cause)
	return nil
}

// Release is part of Outbox. Entries whose claims have ended must not be
// released: they may be another relay's by now.
func (o *DiskOutbox) Release(entries []Entry) {
	o.queue.giveBack(namesOf(entries)...)
}

// Remove is part of Outbox. A crash may bring entries back; they are sent again.
func (o *DiskOutbox) Remove(ctx context.Context, entries []Entry) error {
	gone, err := o.unlinkAll(ctx, entries)
	for _, key := range o.queue.drop(gone...) {
		o.minutes.remove(key)
	}
	if err != nil {
		return fmt.Errorf("remove entries: %w", err)
	}
	return nil
}

// unlinkAll removes the names of all entries that it can, and returns them.
func (o *DiskOutbox) unlinkAll(ctx context.Context, entries []Entry) (gone []string, err error) {
	o.names.RLock()
	defer o.names.RUnlock()
	names := o.queue.sentOld(namesOf(entries))
	gone = make([]string, 0, len(names))
	var errs []error
	visit := o.visit()
	defer visit.end()
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return gone, err
		}
		if _, _, ok := parseName(name); !ok {
			errs = append(errs, fmt.Errorf("%q: %w", name, errNotAnEntry))
			continue
		}
		removed := false
		f, err := visit.enter(keyOf(name))
		if err == nil {
			removed, err = unlink(f.File, name)
		}
		if errors.Is(err, os.ErrNotExist) {
			err = nil // with its folder
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if removed {
			o.tally.add(keyOf(name), -1)
		}
		gone = append(gone, name)
	}
	return gone, errors.Join(errs...)
}

func namesOf(entries []Entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	return names
}

// visit goes from one minute's folder to the next, as names are sorted.
type visit struct {
	minutes *minuteFolders
	in      *minuteFolder
}

func (o *DiskOutbox) visit() visit { return visit{minutes: &o.minutes} }

// enter returns the folder of a minute; it stays open until the next enter.
func (v *visit) enter(key string) (*minuteFolder, error) {
	if v.in != nil && v.in.key == key {
		return v.in, nil
	}
	v.end()
	f, err := v.minutes.enter(key, false)
	if err != nil {
		return nil, err
	}
	v.in = f
	return f, nil
}

func (v *visit) end() {
	if v.in != nil {
		v.minutes.leave(v.in)
		v.in = nil
	}
}
