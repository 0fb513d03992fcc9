package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"plateau/hooks"
	"plateau/store/s3/bucket"
)

// deadPages is how many pages of dead entries are counted.
const deadPages = 10

// Bury is part of hooks.Outbox. The entry moves to outbox/dead/. A crash leaves it
// where it was, or in both places.
func (o *Outbox) Bury(ctx context.Context, e hooks.Entry, reason string) error {
	if err := o.bury(ctx, e.Name, reason); err != nil {
		return fmt.Errorf("bury the entry %.200q: %w", e.Name, away(err))
	}
	return nil
}

// BuryUpload is Bury for the store, of an upload whose bytes are lost. The caller
// holds the upload's lock.
func (o *Outbox) BuryUpload(ctx context.Context, id, reason string) error {
	name, err := nameOf(id)
	if err != nil {
		return err
	}
	return o.Bury(ctx, hooks.Entry{Name: name}, reason)
}

func (o *Outbox) bury(ctx context.Context, name, reason string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !isName(name) {
		return errNotAnEntry
	}
	if err := o.queue.begin(ctx, name); err != nil {
		return err
	}
	defer o.end(name)
	if o.queue.renew(name) {
		return nil // another content may be fine
	}
	text, _, err := o.bucket.Read(ctx, pendingPrefix+name, maxEntry)
	if errors.Is(err, bucket.ErrNotFound) {
		o.queue.gone(name)
		return nil
	}
	if err != nil {
		return err
	}
	c, err := content(newGrave(text, reason, time.Now()))
	if err != nil {
		return err
	}
	if _, err := o.bucket.Put(ctx, deadPrefix+name, c, bucket.Any); err != nil {
		return err
	}
	if err := o.deleteOne(ctx, name); err != nil {
		return err
	}
	o.dead.add(1)
	return nil
}

// renew gives a claimed entry back if its content was changed since, and reports
// whether it was.
func (q *queue) renew(name string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.all[name]
	if e == nil || !e.changed || e.place != claimed {
		return false
	}
	q.put(e, ready, time.Time{})
	return true
}

// dead counts the dead entries.
type dead struct {
	mu    sync.Mutex
	count int64
	more  bool
	since int64 // that were added while they are counted
}

func (d *dead) add(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count = max(d.count+n, 0)
	d.since += n
}

func (d *dead) known() (count int64, more bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count, d.more
}

// countDead counts the dead entries now and then: operators change them too.
func (o *Outbox) countDead(ctx context.Context) {
	ticker := time.NewTicker(o.opts.Relist)
	defer ticker.Stop()
	for {
		_ = o.recount(ctx) // what was known stays
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (o *Outbox) recount(ctx context.Context) error {
	o.dead.mu.Lock()
	o.dead.since = 0
	o.dead.mu.Unlock()
	after, count, more := "", int64(0), true
	for page := 0; more && page < deadPages; page++ {
		var objects []bucket.Object
		var err error
		if objects, more, err = o.bucket.List(ctx, deadPrefix, after, largestPage); err != nil {
			return err
		}
		if len(objects) == 0 {
			break
		}
		after = objects[len(objects)-1].Key
		count += int64(len(objects))
	}
	o.dead.mu.Lock()
	defer o.dead.mu.Unlock()
	if o.dead.since == 0 { // else it is counted again next time
		o.dead.count, o.dead.more = count, more
	}
	return nil
}

// Stats says what is known of what the outbox holds. It makes no call. What other
// processes did, it knows after the next listing.
func (o *Outbox) Stats() (hooks.Stats, error) {
	s := o.queue.stats()
	var more bool
	s.Dead, more = o.dead.known()
	s.AtLeast = s.AtLeast || more
	return s, nil
}

func (q *queue) stats() (s hooks.Stats) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s.Pending = max(q.pass.pending, int64(len(q.all)))
	if q.pass.whole && !q.pass.drained {
		s.Pending = max(s.Pending, q.pass.counted)
	}
	s.AtLeast = !q.pass.surely
	for _, e := range q.all {
		if s.Oldest.IsZero() || e.since.Before(s.Oldest) {
			s.Oldest = e.since
		}
	}
	return s
}
