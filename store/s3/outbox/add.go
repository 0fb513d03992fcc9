package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/s3/bucket"
)

// Add is part of hooks.Outbox; the record is info. The object of the upload need
// not be there. Nothing is sent before the store calls Confirmed, or says so when
// Confirm asks. Errors wrap bucket.ErrAway and the like.
func (o *Outbox) Add(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error {
	if err := o.add(ctx, info, finishedAt); err != nil {
		return fmt.Errorf("add the event of upload %q to the outbox: %w", info.ID, away(err))
	}
	return nil
}

func (o *Outbox) add(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := nameOf(info.ID)
	if err != nil {
		return err
	}
	i := intent{Format: format, ID: info.ID, FinishedAt: finishedAt.UTC()}
	if i.Record, err = json.Marshal(info); err != nil {
		return fmt.Errorf("encode the record: %w", err)
	}
	if len(i.Record) > maxRecord {
		return errTooLarge
	}
	c, err := content(i)
	if err != nil {
		return fmt.Errorf("encode the entry: %w", err)
	}
	if err := o.queue.begin(ctx, name); err != nil {
		return err
	}
	defer o.end(name)
	if o.queue.lingers(name, time.Now()) {
		return fmt.Errorf("%w: it may still remove an earlier entry of this upload", bucket.ErrAway)
	}
	if _, err := o.bucket.Put(ctx, pendingPrefix+name, c, bucket.Any); err != nil {
		return err
	}
	o.queue.arrive(name, i, o.sum(i), time.Now())
	return nil
}

// sum tells contents apart.
func (o *Outbox) sum(i intent) uint64 {
	return maphash.Bytes(o.seed, i.Record) ^ uint64(i.FinishedAt.UnixNano()) | 1
}

// MarkConfirmed notes in the entry of an upload, if one waits, that the upload is
// finished: the store calls it before it removes the object, by which that could
// be seen. With nothing waiting it is one call.
func (o *Outbox) MarkConfirmed(ctx context.Context, id string) error {
	name, err := nameOf(id)
	if err == nil {
		err = o.markConfirmed(ctx, name)
	}
	if err != nil {
		return fmt.Errorf("note in the outbox that the upload %q is finished: %w", id, away(err))
	}
	return nil
}

// conflicts is how often a change is tried while others make changes.
const conflicts = 5

func (o *Outbox) markConfirmed(ctx context.Context, name string) error {
	if err := o.queue.begin(ctx, name); err != nil {
		return err
	}
	defer o.end(name)
	for try := 1; ; try++ {
		text, object, err := o.bucket.Read(ctx, pendingPrefix+name, maxEntry)
		if errors.Is(err, bucket.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		i, err := parseIntent(name, text)
		if errors.Is(err, errNewer) {
			return err
		}
		if err != nil {
			return nil // it will be buried, not sent
		}
		if !i.Confirmed {
			i.Confirmed = true
			c, err := content(i)
			if err != nil {
				return err
			}
			_, err = o.bucket.Put(ctx, pendingPrefix+name, c, bucket.Match(object.ETag))
			if (errors.Is(err, bucket.ErrConflict) || errors.Is(err, bucket.ErrNotFound)) && try < conflicts {
				continue
			}
			if err != nil {
				return err
			}
		}
		o.queue.confirm(name)
		return nil
	}
}

// Withdraw takes the entry of an upload away whose finish has failed for good, or
// was abandoned. The caller holds the upload's lock, so that no new finish of it
// adds the entry meanwhile. A missing one is no error.
func (o *Outbox) Withdraw(ctx context.Context, id string) error {
	name, err := nameOf(id)
	if err == nil {
		err = o.withdraw(ctx, name)
	}
	if err != nil {
		return fmt.Errorf("withdraw the event of upload %q from the outbox: %w", id, away(err))
	}
	return nil
}

func (o *Outbox) withdraw(ctx context.Context, name string) error {
	if err := o.queue.begin(ctx, name); err != nil {
		return err
	}
	defer o.end(name)
	return o.deleteOne(ctx, name)
}

// deleteOne deletes an entry that the caller may change.
func (o *Outbox) deleteOne(ctx context.Context, name string) error {
	if err := o.bucket.Delete(ctx, pendingPrefix+name); err != nil {
		o.queue.linger(name, time.Now())
		return err
	}
	o.queue.gone(name)
	return nil
}
