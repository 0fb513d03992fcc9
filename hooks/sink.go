package hooks

import (
	"context"
	"errors"
)

// Sink sends events to where they are consumed. The relay alone calls it, one
// call at a time.
type Sink interface {
	// Send sends events in order and waits until they are acknowledged, or known
	// not to be, or ctx ends. It returns nil if all were acknowledged; else a
	// slice with one error for each event, nil for those that were acknowledged.
	// An event whose error is not nil may have arrived all the same. Errors wrap
	// ErrPoison, ErrRejected or ErrOperator where they are such; all others are
	// passing. Send may be called again with any of the events.
	Send(ctx context.Context, events []Event) []error
	// Close lets go of all connections and goroutines; it returns when ctx ends
	// even if something hangs, and then says so. Send is not called afterwards.
	Close(ctx context.Context) error
}

var (
	// ErrPoison: this event can never be sent (too large, say). Its entry is buried
	// at once.
	ErrPoison = errors.New("the event can never be sent")
	// ErrRejected: the receiver refused this very event. Its entry is buried after
	// some tries.
	ErrRejected = errors.New("the receiver refused the event")
	// ErrOperator: somebody has to put something right (an unknown topic, a wrong
	// password). Nothing is buried; all events wait.
	ErrOperator = errors.New("the receiver has to be set up")
)
