package outbox

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"plateau/hooks"
	"plateau/store/s3/bucket"
)

// Outbox is a hooks.Outbox in a bucket. All relays of one process must share one.
// All methods may be called by several goroutines; an error says nothing about
// whether the step was taken, and each may be repeated.
type Outbox struct {
	opts    Options
	bucket  *bucket.Bucket
	queue   *queue
	arrived chan struct{}
	sooner  chan struct{} // gets a value when queue.next may have become earlier
	listing chan struct{} // has a value while somebody lists a page
	seed    maphash.Seed
	dead    dead

	said      atomic.Bool  // that there are entries that can't be read by this version
	strangers atomic.Int64 // listed things that are no entries

	stop    context.CancelFunc
	running sync.WaitGroup
}

var _ hooks.Outbox = (*Outbox)(nil)

// Open opens the outbox in a bucket, which takes no call.
func Open(opts Options) (*Outbox, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	o := &Outbox{
		opts:    opts,
		bucket:  opts.Bucket,
		queue:   newQueue(opts),
		arrived: make(chan struct{}, 1),
		sooner:  make(chan struct{}, 1),
		listing: make(chan struct{}, 1),
		seed:    maphash.MakeSeed(),
	}
	ctx, stop := context.WithCancel(context.Background())
	o.stop = stop
	o.running.Go(func() { o.keepHouse(ctx) })
	o.running.Go(func() { o.countDead(ctx) })
	signal(o.arrived) // what an earlier process left
	return o, nil
}

// Close ends what runs in the background and waits for it. Nobody may use the
// outbox any more.
func (o *Outbox) Close() error {
	o.stop()
	o.running.Wait()
	return nil
}

// keepHouse says when entries can be claimed that could not before.
func (o *Outbox) keepHouse(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.sooner:
		case <-timer.C:
		}
		if o.queue.wake(time.Now()) {
			signal(o.arrived)
		}
		if at := o.queue.next(); !at.IsZero() {
			timer.Reset(time.Until(at))
		}
	}
}

// Arrived is part of hooks.Outbox.
func (o *Outbox) Arrived() <-chan struct{} { return o.arrived }

// signal puts a value into a channel that holds one, if it has none.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Confirmed is told by the store that it has seen the object of an upload: its
// entry may be sent. Whether there is one doesn't matter. It makes no call.
func (o *Outbox) Confirmed(id string) {
	name, err := nameOf(id)
	if err != nil {
		return // no entry has such an id
	}
	if o.queue.confirm(name) {
		signal(o.arrived)
	}
}

// Confirm is part of hooks.Outbox.
func (o *Outbox) Confirm(ctx context.Context, e hooks.Entry) (hooks.Confirmation, error) {
	if o.queue.isConfirmed(e.Name) {
		return hooks.Finished, nil
	}
	c, err := o.opts.Confirm(ctx, e.ID, e.FinishedAt)
	if err != nil {
		o.queue.unsure(e.Name)
		return hooks.Unknown, fmt.Errorf("ask whether the upload %q is finished: %w", e.ID, away(err))
	}
	switch c {
	case hooks.Finished:
		o.queue.confirm(e.Name)
	case hooks.Unknown:
		o.queue.unsure(e.Name)
	}
	return c, nil
}

// away says of an error that others will meet it too.
func away(err error) error {
	if errors.Is(err, bucket.ErrAway) || errors.Is(err, bucket.ErrRefused) || errors.Is(err, bucket.ErrClosed) {
		return fmt.Errorf("%w: %w", hooks.ErrAway, err)
	}
	return err
}
