package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"plateau/store/s3/bucket"
)

// Intent is what an entry says that waits.
type Intent struct {
	FinishedAt time.Time
	Confirmed  bool      // by MarkConfirmed
	Written    time.Time // by the bucket's clock, to the second
}

// Intent looks into the bucket for the entry of an upload; there says whether one
// waits. One that can't be read is there, with Written alone.
func (o *Outbox) Intent(ctx context.Context, id string) (i Intent, there bool, err error) {
	name, err := nameOf(id)
	if err != nil {
		return Intent{}, false, err
	}
	text, object, err := o.bucket.Read(ctx, pendingPrefix+name, maxEntry)
	if errors.Is(err, bucket.ErrNotFound) {
		return Intent{}, false, nil
	}
	if err != nil {
		return Intent{}, false, fmt.Errorf("look for the event of upload %q in the outbox: %w", id, away(err))
	}
	read, err := parseIntent(name, text)
	if err != nil {
		return Intent{Written: object.Modified}, true, nil
	}
	return Intent{FinishedAt: read.FinishedAt, Confirmed: read.Confirmed, Written: object.Modified}, true, nil
}

// Has reports whether there is an entry of this upload, be it waiting or dead.
// The finish time doesn't matter: there is one entry for each upload.
func (o *Outbox) Has(ctx context.Context, id string, _ time.Time) (bool, error) {
	name, err := nameOf(id)
	if err != nil {
		return false, err
	}
	if o.queue.has(name) {
		return true, nil
	}
	// An operator may just let a dead one wait again: written first, removed then.
	for _, key := range []string{pendingPrefix + name, deadPrefix + name, pendingPrefix + name} {
		_, err := o.bucket.Head(ctx, key)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, bucket.ErrNotFound) {
			return false, fmt.Errorf("look for the event of upload %q in the outbox: %w", id, away(err))
		}
	}
	return false, nil
}
