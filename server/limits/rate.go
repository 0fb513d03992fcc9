package limits

import (
	"errors"
	"sync"
	"time"
)

const (
	// ways is how many clients share a set of the table. A set is a line of the processor's cache.
	ways = 4
	// sets is a power of two. With ways it makes room for 65,536 clients.
	sets = 16_384
)

// RateOptions say how fast each client may be.
type RateOptions struct {
	// PerSecond is how many a client may begin in a second, for good. Required, at most 1e9.
	PerSecond int
	// Burst is how many it may begin at once after a rest. 0: as many as in a second.
	Burst int
	// Debt is how many more Overdraw lets it begin ahead of its time.
	Debt int
}

// Validate reports everything that is wrong with the options.
func (o RateOptions) Validate() error {
	var errs []error
	if o.PerSecond < 1 || o.PerSecond > 1e9 {
		errs = append(errs, errors.New("limits: PerSecond must be 1 to 1e9"))
	}
	if o.Burst < 0 || o.Burst > 1e9 {
		errs = append(errs, errors.New("limits: Burst must be 0 to 1e9"))
	}
	if o.Debt < 0 || o.Debt > 1e9 {
		errs = append(errs, errors.New("limits: Debt must be 0 to 1e9"))
	}
	return errors.Join(errs...)
}

// Rate holds each client to a rate.
type Rate struct {
	interval    int64 // nanoseconds between two
	burst, debt int64 // how far a bucket's time may be ahead, in nanoseconds
	epoch       time.Time

	mu    sync.Mutex // guards table
	table *[sets][ways]bucket
}

// bucket is that of one client. One that is free, and that of a client who has rested, says the same: full in the past.
type bucket struct {
	client Key
	full   int64 // when it will be full again, in nanoseconds since the epoch
}

// NewRate makes a Rate. Times that it is told are at or after now; they should have a monotonic part, so that it doesn't care
// about jumps of the clock.
func NewRate(o RateOptions, now time.Time) (*Rate, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Burst == 0 {
		o.Burst = o.PerSecond
	}
	interval := int64(time.Second) / int64(o.PerSecond)
	return &Rate{
		interval: interval,
		burst:    int64(o.Burst) * interval,
		debt:     int64(o.Debt) * interval,
		epoch:    now,
		table:    new([sets][ways]bucket),
	}, nil
}

// Take begins one more for a client, or returns how long it has to wait until it may.
func (r *Rate) Take(client Key, now time.Time) (wait time.Duration) {
	return r.take(client, now, r.burst)
}

// Overdraw is Take ahead of the client's time, by Debt at most: for what has been begun and can't be done in part. The client
// waits for it afterwards.
func (r *Rate) Overdraw(client Key, now time.Time) (wait time.Duration) {
	return r.take(client, now, r.burst+r.debt)
}

func (r *Rate) take(client Key, now time.Time, ahead int64) (wait time.Duration) {
	at := int64(now.Sub(r.epoch))
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.find(client)
	full := at
	if b.client == client {
		full = max(b.full, at)
	}
	full += r.interval
	if wait = time.Duration(full - at - ahead); wait > 0 {
		return wait
	}
	*b = bucket{client, full}
	return 0
}

// find returns the bucket of a client, or the fullest one of its set, which the client takes over. r.mu is held.
func (r *Rate) find(client Key) *bucket {
	set := &r.table[client%sets]
	fullest := &set[0]
	for i := range set {
		b := &set[i]
		if b.client == client {
			return b
		}
		if b.full < fullest.full {
			fullest = b
		}
	}
	return fullest
}
