package hooks

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// halfCount and halfSize bound what is sent at a time. As much again is read
	// meanwhile, or waits to be tried again.
	halfCount = 500
	halfSize  = 2 << 20 // bytes of records

	// claimFor is how long a claim lasts; sendFor, far less, how long the sink may
	// take. What is tried again later than its claim allows is claimed anew.
	claimFor = 5 * time.Minute
	sendFor  = 2 * time.Minute

	// tidyFor is how long the last steps may take after the relay was stopped.
	tidyFor = 2 * time.Second
)

// RelayOptions are what a Relay needs. The zero value of a field with a default
// means the default.
type RelayOptions struct {
	Outbox Outbox // required
	Sink   Sink   // required; the relay doesn't close it
	// Source is the events' source, a URI reference. Required.
	Source string
	// Observer hears what happens to events.
	Observer RelayObserver
	// BackoffMin and BackoffMax bound the pause before an event is tried again; it
	// doubles from one to the other, and is jittered. Defaults 1 s and 60 s.
	BackoffMin, BackoffMax time.Duration
	// RejectTries is after how many tries an event is buried that the receiver
	// rejects. Default 5.
	RejectTries int
	// Grace is how long a call to the sink may go on after Run was told to end.
	// Default 1 s.
	Grace time.Duration
	// Log hears when troubles begin and end. Default: nothing.
	Log *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o RelayOptions) Validate() error {
	var errs []error
	if o.Outbox == nil {
		errs = append(errs, errors.New("relay: Outbox is nil"))
	}
	if o.Sink == nil {
		errs = append(errs, errors.New("relay: Sink is nil"))
	}
	if o.Source == "" {
		errs = append(errs, errors.New("relay: Source is empty"))
	}
	if o.BackoffMin < 0 || o.BackoffMax < o.BackoffMin || o.RejectTries < 0 || o.Grace < 0 {
		errs = append(errs, errors.New("relay: a duration or count is negative, or BackoffMax is less than BackoffMin"))
	}
	return errors.Join(errs...)
}

func (o RelayOptions) withDefaults() RelayOptions {
	if o.BackoffMin == 0 {
		o.BackoffMin = time.Second
	}
	if o.BackoffMax == 0 {
		o.BackoffMax = max(time.Minute, o.BackoffMin)
	}
	if o.RejectTries == 0 {
		o.RejectTries = 5
	}
	if o.Grace == 0 {
		o.Grace = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Observer = o.Observer.withDefaults()
	return o
}

// Relay brings events from an outbox to a sink. It holds at most 1,000 events
// and 4 MiB in memory, whatever waits in the outbox.
//
// While one half of that is sent, the next is read, and what was acknowledged
// before is removed. An event that fails waits for its own next try and holds up
// no other, unless 1,000 of them fail. An entry whose upload isn't known to be
// finished waits in the outbox, and holds up none.
type Relay struct {
	opts RelayOptions

	retries  retries
	held     int     // events in memory,
	heldSize int64   // and their bytes
	acked    []Entry // that are to be removed, without their records
	down     bool    // nothing of what was sent last was acknowledged
	more     bool    // the last claim returned entries, be it none to send

	outboxPause                      time.Duration // before the outbox is asked again; 0: it works
	outboxFailed                     time.Time     // when it last did
	outboxSpell, sinkSpell, operator spell
}

// NewRelay returns a relay that does nothing until Run.
func NewRelay(opts RelayOptions) (*Relay, error) {
	opts = opts.withDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	return &Relay{
		opts:        opts,
		retries:     retries{least: opts.BackoffMin, most: opts.BackoffMax},
		outboxSpell: spell{log: opts.Log, begins: "the outbox fails; events wait", ends: "the outbox works again"},
		sinkSpell:   spell{log: opts.Log, begins: "events can't be delivered; they wait in the outbox", ends: "events are delivered again"},
		operator:    spell{log: opts.Log, begins: "events wait in the outbox until somebody puts this right", ends: "what kept events waiting was put right"},
	}, nil
}

// Run relays until ctx ends; a call to the sink that runs then may go on for the
// grace. When it returns nothing of it runs any more, what was acknowledged is
// removed and the rest is given back; the error says what could not be removed,
// and so will be sent again. It may be called once.
func (r *Relay) Run(ctx context.Context) error {
	next := r.advance(ctx, nil)
	for ctx.Err() == nil {
		if len(next) == 0 {
			if !r.more {
				r.wait(ctx)
			}
			next = r.advance(ctx, nil)
			continue
		}
		sent := r.send(ctx, next)
		now := next
		next = nil
		if !r.down { // else what is read now would only wait
			next = r.advance(ctx, nil)
		}
		r.settle(ctx, now, <-sent)
		if len(next) < halfCount/2 { // what came meanwhile need not wait for one more call
			next = r.advance(ctx, next)
		}
	}
	return r.tidy(ctx, next)
}

// advance removes what was acknowledged, and meanwhile adds to what is to be sent
// next.
func (r *Relay) advance(ctx context.Context, next []*item) []*item {
	if ctx.Err() != nil {
		return next
	}
	var removed error
	var removing sync.WaitGroup
	acked := r.acked
	left := acked[:0:0]
	if len(acked) > 0 {
		removing.Go(func() { left, removed = r.remove(ctx, acked) })
	}
	next, claimed := r.load(ctx, next)
	removing.Wait()
	r.acked = append(left, r.acked[len(acked):]...)
	r.outboxAnswered(ctx, errors.Join(removed, claimed))
	return next
}

// remove removes entries, and returns those that could not be: at most half of
// what may be in memory. The others are sent again when their claims end, rather
// than that all other events wait.
func (r *Relay) remove(ctx context.Context, acked []Entry) (left []Entry, err error) {
	if err = r.opts.Outbox.Remove(ctx, acked); err == nil {
		return nil, nil
	}
	for i, e := range acked {
		if ctx.Err() != nil || errors.Is(err, ErrAway) {
			left = append(left, acked[i:]...)
			break
		}
		if failed := r.opts.Outbox.Remove(ctx, acked[i:i+1]); failed != nil {
			left, err = append(left, e), failed
		}
	}
	if ctx.Err() != nil {
		return left, err // for the last try
	}
	return left[max(0, len(left)-halfCount):], err
}

// outboxAnswered notes whether the outbox works.
func (r *Relay) outboxAnswered(ctx context.Context, err error) {
	switch {
	case err == nil:
		r.outboxPause = 0
		r.outboxSpell.end()
	case ctx.Err() == nil:
		r.outboxFailed = time.Now()
		r.outboxPause = min(max(2*r.outboxPause, r.opts.BackoffMin), r.opts.BackoffMax)
		r.outboxSpell.begin(err)
	}
}

// wait waits until an event arrives, something is to be tried again, or ctx
// ends. After a failure of the outbox it waits a little in any case.
func (r *Relay) wait(ctx context.Context) {
	at := r.retries.next()
	if r.outboxPause > 0 {
		if !sleepUntil(ctx, r.outboxFailed.Add(r.opts.BackoffMin)) {
			return
		}
		if again := r.outboxFailed.Add(r.outboxPause); at.IsZero() || again.Before(at) {
			at = again
		}
	}
	arrived := r.opts.Outbox.Arrived()
	if count, _ := r.room(); count == 0 {
		arrived = nil // there is no room for it
	}
	var due <-chan time.Time
	if !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-arrived:
	}
}

// sleepUntil returns false if ctx ended before.
func sleepUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// tidy removes and gives back what is still held.
func (r *Relay) tidy(ctx context.Context, next []*item) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyFor)
	defer cancel()
	var err error
	if len(r.acked) > 0 {
		err = r.opts.Outbox.Remove(ctx, r.acked)
	}
	r.release(append(next, r.retries.all()...))
	return err
}

// release gives entries back whose claims have not ended: else they may be another
// relay's by now.
func (r *Relay) release(items []*item) {
	now := time.Now()
	var entries []Entry
	for _, it := range items {
		r.drop(it)
		if it.until.After(now) {
			entries = append(entries, it.entry)
		}
	}
	if len(entries) > 0 {
		r.opts.Outbox.Release(entries)
	}
}
