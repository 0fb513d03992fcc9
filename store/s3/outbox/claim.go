package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"plateau/hooks"
)

// Claim is part of hooks.Outbox. A claim doesn't outlive the process. Errors wrap
// bucket.ErrAway and the like; with one, some entries may be left alone for a while.
func (o *Outbox) Claim(ctx context.Context, count int, size int64, until time.Time) ([]hooks.Entry, error) {
	defer signal(o.sooner)
	var failure error
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("claim entries: %w", err)
		}
		if count > 0 && failure == nil && o.queue.wanted(time.Now()) {
			// What is known can be claimed whether or not this works.
			failure = o.page(ctx)
		}
		names := o.queue.claim(count, size, time.Now(), until)
		if len(names) > 0 {
			entries, err := o.read(ctx, names)
			if len(entries) > 0 {
				return entries, nil // what failed comes again later
			}
			failure = errors.Join(failure, err) // nil: all of these are gone
		}
		switch {
		case failure != nil:
			return nil, fmt.Errorf("claim entries: %w", away(failure))
		case count <= 0, len(names) == 0 && !o.queue.wanted(time.Now()):
			return nil, nil
		}
	}
}

// page lists what comes next, if that is still wanted.
func (o *Outbox) page(ctx context.Context) error {
	select {
	case o.listing <- struct{}{}:
		defer func() { <-o.listing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if !o.queue.wanted(time.Now()) {
		return nil
	}
	after := o.queue.beginPage(time.Now())
	if after != "" {
		after = pendingPrefix + after
	}
	objects, more, err := o.bucket.List(ctx, pendingPrefix, after, o.opts.Page)
	if err != nil {
		o.queue.endPage(nil, "", false, true, time.Now())
		return fmt.Errorf("list what waits: %w", err)
	}
	found, cursor := o.entriesIn(objects)
	o.queue.endPage(found, cursor, more && len(objects) > 0, false, time.Now())
	return nil
}

// claim claims the oldest that are ready, at most count, and save for the first at
// most size bytes of records. It stops before what does not fit.
func (q *queue) claim(count int, size int64, now, until time.Time) (names []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.revive(now)
	var skipped []*entry
	for e := q.ready.first(); e != nil && len(names) < count; e = q.ready.first() {
		if _, taken := q.busy[e.name]; taken {
			q.ready.remove(e)
			skipped = append(skipped, e) // it is told of when it is free: see end
			continue
		}
		if size -= e.size; size < 0 && len(names) > 0 {
			break
		}
		e.sum, e.written, e.changed, e.unsure = 0, 0, false, false
		q.put(e, claimed, until)
		names = append(names, e.name)
	}
	for _, e := range skipped {
		q.ready.add(e)
	}
	return names
}

// Release is part of hooks.Outbox. Entries whose claims have ended must not be
// released: they may be another relay's by now.
func (o *Outbox) Release(entries []hooks.Entry) {
	o.queue.release(namesOf(entries), time.Now())
	signal(o.sooner)
}

func (q *queue) release(names []string, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range names {
		e := q.all[name]
		switch {
		case e == nil || e.place != claimed:
		case e.unsure && !e.confirmed:
			q.rest(e, now)
		default:
			q.put(e, ready, time.Time{})
		}
	}
}

// Remove is part of hooks.Outbox.
func (o *Outbox) Remove(ctx context.Context, entries []hooks.Entry) error {
	var errs []error
	var names []string
	for _, e := range entries {
		if isName(e.Name) {
			names = append(names, e.Name)
		} else {
			errs = append(errs, fmt.Errorf("%.200q: %w", e.Name, errNotAnEntry))
		}
	}
	if mine := o.queue.beginRemoving(names); len(mine) > 0 {
		defer o.end(mine...)
		keys := make([]string, len(mine))
		for i, name := range mine {
			keys[i] = pendingPrefix + name
		}
		if err := o.bucket.Delete(ctx, keys...); err == nil {
			o.queue.gone(mine...)
		} else {
			errs = append(errs, away(err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove entries: %w", err)
	}
	return nil
}

func namesOf(entries []hooks.Entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	return names
}
