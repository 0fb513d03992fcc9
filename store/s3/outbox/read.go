package outbox

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"plateau/hooks"
	"plateau/store/s3/bucket"
)

// readFailuresAtMost is after how many failures no more entries are read now.
const readFailuresAtMost = 3

// result is what came of reading an entry.
type result struct {
	read   bool
	intent intent
	broken bool // it is there, and nobody can ever read it
	err    error
}

// read returns claimed entries with their records. Those that are not returned are
// given back, dropped, buried, or left alone for a while. With no error all others
// are gone.
func (o *Outbox) read(ctx context.Context, names []string) (entries []hooks.Entry, err error) {
	results := o.readAll(ctx, names)
	var errs []error
	for i, name := range names {
		r := &results[i]
		switch {
		case !r.read, r.err != nil && ctx.Err() != nil:
			o.queue.release([]string{name}, time.Now())
			if r.err != nil {
				errs = append(errs, r.err)
			}
		case errors.Is(r.err, bucket.ErrNotFound):
			o.queue.gone(name)
		case errors.Is(r.err, errNewer), errors.Is(r.err, bucket.ErrTooLarge):
			o.queue.leave(name, time.Now().Add(o.opts.AloneMax))
			if !o.said.Swap(true) {
				o.opts.Log.Error("the outbox has entries that this version can't read; they stay where they are", "entry", name, "error", r.err)
			}
		case r.broken:
			if err := o.buryUnread(ctx, name, r.err); err != nil {
				o.queue.leave(name, time.Time{})
				errs = append(errs, err)
			}
		case r.err != nil:
			o.queue.leave(name, time.Time{})
			errs = append(errs, r.err)
		default:
			entries = append(entries, hooks.Entry{Name: name, ID: r.intent.ID, FinishedAt: r.intent.FinishedAt, Record: r.intent.Record})
			o.queue.reading(name, r.intent, o.sum(r.intent))
		}
	}
	return entries, errors.Join(errs...)
}

// buryUnread buries an entry that nobody can ever read.
func (o *Outbox) buryUnread(ctx context.Context, name string, cause error) error {
	if err := o.bury(ctx, name, cause.Error()); err != nil {
		return err
	}
	o.opts.Buried()
	o.opts.Log.Error("an event in the outbox can't be read; it was moved to "+deadPrefix, "entry", name, "error", cause)
	return nil
}

// readAll reads those of names whose records aren't in memory, several at a time,
// until it fails too often.
func (o *Outbox) readAll(ctx context.Context, names []string) []result {
	results := make([]result, len(names))
	var missing []int
	for i, name := range names {
		if in, ok := o.queue.handOut(name); ok {
			results[i] = result{read: true, intent: in}
		} else {
			missing = append(missing, i)
		}
	}
	var next, failed atomic.Int64
	var readers sync.WaitGroup
	for range min(o.opts.Readers, len(missing)) {
		readers.Go(func() {
			for failed.Load() < readFailuresAtMost {
				n := int(next.Add(1)) - 1
				if n >= len(missing) {
					return
				}
				r := &results[missing[n]]
				*r = o.readOne(ctx, names[missing[n]])
				if r.err != nil && !r.broken && !errors.Is(r.err, bucket.ErrNotFound) {
					failed.Add(1)
				}
			}
		})
	}
	readers.Wait()
	return results
}

func (o *Outbox) readOne(ctx context.Context, name string) result {
	text, _, err := o.bucket.Read(ctx, pendingPrefix+name, maxEntry)
	if err != nil {
		return result{read: true, err: err}
	}
	i, err := parseIntent(name, text)
	return result{read: true, intent: i, broken: err != nil && !errors.Is(err, errNewer), err: err}
}

// handOut takes the record of a claimed entry out of memory.
func (q *queue) handOut(name string) (intent, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.all[name]
	if e == nil || e.record == nil {
		return intent{}, false
	}
	i := intent{ID: e.id, FinishedAt: e.finishedAt, Confirmed: e.confirmed, Record: e.record}
	e.record = nil
	return i, true
}

// reading is told what a claimed entry says.
func (q *queue) reading(name string, i intent, sum uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.all[name]
	if e == nil {
		return // it was withdrawn meanwhile
	}
	e.sum, e.since = sum, i.FinishedAt
	e.changed = e.written != 0 && e.written != sum
	e.confirmed = e.confirmed || i.Confirmed
}

// leave leaves a claimed entry alone until then, or if that is zero for a while.
func (q *queue) leave(name string, until time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.all[name]
	switch {
	case e == nil || e.place != claimed:
	case until.IsZero() || q.alone >= q.opts.Alone:
		q.rest(e, time.Now())
	default:
		q.put(e, resting, until)
	}
}
