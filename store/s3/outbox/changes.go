package outbox

import (
	"context"
	"fmt"
	"time"
)

// lingers is how long a DELETE may yet be carried out that was given up.
const lingers = 30 * time.Second

// lingeringAtMost is how many such are remembered.
const lingeringAtMost = 1_000

// begin waits until nobody changes the entry in the bucket. Until end it is the
// caller's, and can't be claimed.
func (q *queue) begin(ctx context.Context, name string) error {
	for {
		q.mu.Lock()
		other, taken := q.busy[name]
		if !taken {
			q.busy[name] = make(chan struct{})
			q.mu.Unlock()
			return nil
		}
		q.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return fmt.Errorf("wait for another change of the entry: %w", ctx.Err())
		}
	}
}

// end reports whether one of them can be claimed now, or one that was not kept.
func (q *queue) end(names ...string) (claimable bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range names {
		close(q.busy[name])
		delete(q.busy, name)
		e := q.all[name]
		claimable = claimable || e != nil && e.place == ready || e == nil && q.confirmed.has(name)
	}
	return claimable
}

// end lets others change the entries, and claim them.
func (o *Outbox) end(names ...string) {
	if o.queue.end(names...) {
		signal(o.arrived)
	}
	signal(o.sooner)
}

// beginRemoving is begin for those of names that nobody changes; it doesn't wait.
// The others, and those with a new content, are to be sent once more.
func (q *queue) beginRemoving(names []string) (mine []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range names {
		e := q.all[name]
		_, taken := q.busy[name]
		switch {
		case taken, e != nil && e.changed:
			if e != nil && e.place == claimed {
				q.put(e, ready, time.Time{})
			}
		default:
			q.busy[name] = make(chan struct{})
			mine = append(mine, name)
		}
	}
	return mine
}

// gone is told of entries that are not in the bucket any more.
func (q *queue) gone(names ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range names {
		if e := q.all[name]; e != nil {
			q.take(e)
			q.pass.add(name, -1)
		}
		q.confirmed.remove(name)
	}
}

// linger is told of an entry whose DELETE was given up.
func (q *queue) linger(name string, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for other, until := range q.lingering {
		if !now.Before(until) {
			delete(q.lingering, other)
		}
	}
	if len(q.lingering) < lingeringAtMost {
		q.lingering[name] = now.Add(lingers)
	}
}

func (q *queue) lingers(name string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return now.Before(q.lingering[name])
}

// arrive is told of an entry that was written.
func (q *queue) arrive(name string, i intent, sum uint64, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	size := int64(len(i.Record))
	e := q.all[name]
	if e == nil {
		q.pass.add(name, 1)
		e = &entry{name: name, index: -1, confirmed: q.confirmed.has(name)}
	}
	e.written, e.changed = sum, e.sum != 0 && e.sum != sum
	if e.place == claimed && e.index >= 0 {
		return // it is sent once more when it would be removed
	}
	q.take(e)
	e.listed, e.record, e.size, e.tries = false, nil, size, 0
	e.id, e.finishedAt, e.since = i.ID, i.FinishedAt, i.FinishedAt
	if !q.hasRoom(size) {
		q.pass.miss(name)
		if e.confirmed {
			q.confirmed.add(name)
		}
		return
	}
	e.record = i.Record
	if e.confirmed {
		q.put(e, ready, time.Time{})
	} else {
		q.put(e, resting, now.Add(q.opts.AskAfter))
	}
}

// found is told of an entry that waits again.
func (q *queue) found(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.all[name] == nil {
		q.pass.add(name, 1)
		q.pass.miss(name)
	}
}

// confirm notes that the upload of an entry is finished, and reports whether the
// entry may have become ready.
func (q *queue) confirm(name string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.all[name]
	if e == nil {
		q.confirmed.add(name)
		return q.pass.missed != ""
	}
	e.confirmed = true
	if e.place != resting {
		return false
	}
	q.put(e, ready, time.Time{})
	return true
}

func (q *queue) has(name string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.all[name] != nil
}

func (q *queue) isConfirmed(name string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.all[name]
	return e != nil && e.confirmed || q.confirmed.has(name)
}

// unsure notes that nobody can say now whether the upload of a claimed entry is
// finished.
func (q *queue) unsure(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.all[name]; e != nil && e.place == claimed && !e.confirmed {
		e.unsure = true
	}
}
