package hooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// item is an event in memory: it is sent, or waits to be tried again.
type item struct {
	entry Entry     // without its record
	event Event     // empty if there is none yet: the entry is claimed anew
	until time.Time // when the claim ends

	tries      int // that failed
	rejections int
	due        time.Time
}

// room is how many more events, and bytes of them, may be read into memory. The
// names of another half may wait to be removed.
func (r *Relay) room() (count int, size int64) {
	count = min(halfCount, 2*halfCount-r.held, 3*halfCount-r.held-len(r.acked))
	size = min(halfSize, 2*halfSize-r.heldSize)
	if count <= 0 || size <= 0 {
		return 0, 0
	}
	return count, size
}

// hold and drop count what is in memory.
func (r *Relay) hold(it *item) {
	r.held++
	r.heldSize += int64(len(it.event.Data))
}

func (r *Relay) drop(it *item) {
	r.held--
	r.heldSize -= int64(len(it.event.Data))
}

// load adds to what is to be sent next, up to half of all: what is to be tried
// again now, and as much as there is room for of what waits in the outbox.
func (r *Relay) load(ctx context.Context, next []*item) ([]*item, error) {
	now := time.Now()
	again, late := r.retries.take(now, halfCount-len(next))
	r.release(late)
	next = append(next, again...)
	left := int64(halfSize)
	for _, it := range next {
		left -= int64(len(it.event.Data))
	}
	count, size := r.room()
	count, size = min(count, halfCount-len(next)), min(size, left)
	// Claim returns at least one, however large.
	r.more = false
	if count <= 0 || size <= 0 || len(next) > 0 && left < halfSize/2 {
		return next, nil
	}
	until := now.Add(claimFor)
	entries, err := r.opts.Outbox.Claim(ctx, count, size, until)
	claimed := len(entries)
	entries, unconfirmed := r.finished(ctx, entries, until)
	r.more = claimed > 0 && unconfirmed == nil
	err = errors.Join(err, unconfirmed)
	for _, e := range entries {
		it, failed := r.prepare(ctx, e, until)
		err = errors.Join(err, failed)
		if it != nil {
			next = append(next, it)
		}
	}
	if len(entries) < len(next) {
		// Tries are few; the oldest goes first all the same.
		slices.SortStableFunc(next, func(a, b *item) int { return strings.Compare(a.entry.Name, b.entry.Name) })
	}
	return next, err
}

// prepare makes the event of a claimed entry, or returns nil if there is none to
// send now.
func (r *Relay) prepare(ctx context.Context, e Entry, until time.Time) (*item, error) {
	it := &item{entry: Entry{Name: e.Name, ID: e.ID, FinishedAt: e.FinishedAt}, until: until}
	event, err := NewEvent(r.opts.Source, e)
	if err != nil {
		r.hold(it)
		return nil, r.bury(ctx, it, err)
	}
	it.event = event
	r.hold(it)
	return it, nil
}

// outcome is what became of a call to the sink.
type outcome struct {
	errs         []error // as Sink.Send returns them
	began, ended time.Time
}

// of is what became of the event at i.
func (o outcome) of(i int) error {
	if o.errs == nil {
		return nil
	}
	return o.errs[i]
}

// send hands events to the sink, in a goroutine that ends with the returned
// channel's one value.
func (r *Relay) send(ctx context.Context, items []*item) <-chan outcome {
	events := make([]Event, len(items))
	for i, it := range items {
		events[i] = it.event
	}
	sent := make(chan outcome, 1)
	go func() {
		began := time.Now()
		errs := r.call(ctx, events)
		sent <- outcome{errs, began, time.Now()}
	}()
	return sent
}

// call calls the sink. A panic in it is an error of these events.
func (r *Relay) call(ctx context.Context, events []Event) (errs []error) {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendFor)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		grace := time.NewTimer(r.opts.Grace)
		defer grace.Stop()
		select {
		case <-call.Done():
		case <-grace.C:
			cancel()
		}
	})
	defer stop()
	defer func() {
		if p := recover(); p != nil {
			errs = slices.Repeat([]error{fmt.Errorf("panic: %v", p)}, len(events))
		}
	}()
	errs = r.opts.Sink.Send(call, events)
	if errs != nil && len(errs) != len(events) {
		errs = slices.Repeat([]error{errors.New("the sink answered for other events")}, len(events))
	}
	return errs
}

// settle does what the sink's answers ask for.
func (r *Relay) settle(ctx context.Context, items []*item, sent outcome) {
	var retried, delivered int
	var passing, operator, buried error
	for i, it := range items {
		err := sent.of(i)
		r.opts.Observer.Tried(Try{Event: it.event, Began: sent.began, Ended: sent.ended, Err: err})
		switch {
		case err == nil:
			delivered++
			r.drop(it)
			r.acked = append(r.acked, it.entry)
			r.opts.Observer.Delivered(time.Since(it.entry.FinishedAt))
			continue
		case errors.Is(err, ErrPoison):
			buried = errors.Join(buried, r.bury(ctx, it, err))
			continue
		case errors.Is(err, ErrRejected):
			it.rejections++
			if it.rejections >= r.opts.RejectTries {
				buried = errors.Join(buried, r.bury(ctx, it, fmt.Errorf("tried %d times: %w", it.rejections, err)))
				continue
			}
		case errors.Is(err, ErrOperator):
			operator = err
		case ctx.Err() == nil:
			passing = err
		}
		retried++
		r.again(it)
	}
	if retried > 0 {
		r.opts.Observer.Retried(retried)
	}
	if buried != nil {
		r.outboxAnswered(ctx, buried)
	}
	r.note(delivered, passing, operator)
}

// note says in the log, once for each spell, what keeps events waiting.
func (r *Relay) note(delivered int, passing, operator error) {
	if operator != nil && r.operator.begin(operator) {
		r.opts.Observer.Operator(true)
	}
	if operator == nil && delivered > 0 && r.operator.end() {
		r.opts.Observer.Operator(false)
	}
	if passing != nil {
		r.sinkSpell.begin(passing)
	}
	if delivered == 0 {
		r.down = true
		return
	}
	if r.down {
		r.retries.hurry(time.Now())
	}
	r.down = false
	if passing == nil {
		r.sinkSpell.end()
	}
}

// again has an item tried again later.
func (r *Relay) again(it *item) {
	it.tries++
	r.retries.add(it, time.Now())
}

// bury takes an event out of the way. If that fails, it is tried again.
func (r *Relay) bury(ctx context.Context, it *item, cause error) error {
	if err := r.opts.Outbox.Bury(ctx, it.entry, cause.Error()); err != nil {
		r.again(it)
		return fmt.Errorf("bury the event of upload %q (%w): %w", it.entry.ID, cause, err)
	}
	r.drop(it)
	r.opts.Observer.Dead()
	r.opts.Log.Error("an event can't be delivered; it was moved to the outbox's dead entries", "upload", it.entry.ID, "error", cause)
	return nil
}
