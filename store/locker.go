package store

import "context"

// Locker is the lock that requests take through tusd, as the store needs it
// for work that tusd does not lock: the finals of a concatenation, the sweep,
// and finishing again what a HEAD or GET found.
type Locker interface {
	// TryLock takes the lock if nobody holds it. It doesn't wait and asks nobody
	// to let go.
	TryLock(id string) (unlock func(), ok bool)
	// Acquire takes the lock for the request in ctx; it waits until ctx ends.
	// Its errors are handler.Errors.
	Acquire(ctx context.Context, id string) (unlock func(), err error)
}
