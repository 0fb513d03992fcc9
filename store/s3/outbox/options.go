package outbox

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"plateau/hooks"
	"plateau/store/s3/bucket"
)

// Options are what an Outbox needs. The zero value of a field with a default
// means the default.
type Options struct {
	// Bucket is where the entries are. Required; Close leaves it open.
	Bucket *bucket.Bucket
	// Confirm says whether an upload was finished, which nobody has told this outbox
	// yet. It may take calls, and is called by several goroutines. When it returns
	// hooks.Abandoned it has called Withdraw or BuryUpload before, under the
	// upload's lock. Without it such entries wait.
	Confirm func(ctx context.Context, id string, finishedAt time.Time) (hooks.Confirmation, error)
	// Keep and KeepSize bound the entries in memory that this process added or has
	// claimed, and the bytes of their records. Default 1,000 and 4 MiB.
	Keep     int
	KeepSize int64
	// Page is how many names are listed at a time. Default and at most 1,000.
	Page int
	// Relist is how long after one listing of all that waits the next may begin, if
	// the listing itself took less. Default 30 s.
	Relist time.Duration
	// AskAfter is how long an entry that was added here waits for Confirmed before
	// Confirm is called. Default 10 s.
	AskAfter time.Duration
	// AloneMin and AloneMax bound the pause before Confirm is called again. It
	// doubles from one to the other, and is jittered. Default 1 s and 60 s.
	AloneMin, AloneMax time.Duration
	// Alone is how many entries are remembered meanwhile, by their names. Default
	// 2,000.
	Alone int
	// Readers is how many entries are read at a time. Default 16.
	Readers int
	// Buried is called for each entry that is buried because it can't be read.
	Buried func()
	// Log hears of these, and of what is no entry. Default: nothing.
	Log *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Bucket == nil {
		errs = append(errs, errors.New("outbox: Bucket is nil"))
	}
	if o.Keep < 0 || o.KeepSize < 0 || o.Alone < 0 || o.Readers < 0 {
		errs = append(errs, errors.New("outbox: a count or size is negative"))
	}
	if o.Page < 0 || o.Page > largestPage {
		errs = append(errs, errors.New("outbox: Page is not from 0 to 1,000"))
	}
	if o.Relist < 0 || o.AskAfter < 0 || o.AloneMin < 0 || o.AloneMax < o.AloneMin {
		errs = append(errs, errors.New("outbox: a duration is negative, or AloneMax is less than AloneMin"))
	}
	return errors.Join(errs...)
}

// largestPage is how many objects S3 lists or deletes in one call.
const largestPage = 1_000

func (o Options) withDefaults() Options {
	if o.Confirm == nil {
		o.Confirm = func(context.Context, string, time.Time) (hooks.Confirmation, error) { return hooks.Unknown, nil }
	}
	if o.Keep == 0 {
		o.Keep = 1_000
	}
	if o.KeepSize == 0 {
		o.KeepSize = 4 << 20
	}
	if o.Page == 0 {
		o.Page = largestPage
	}
	if o.Relist == 0 {
		o.Relist = 30 * time.Second
	}
	if o.AskAfter == 0 {
		o.AskAfter = 10 * time.Second
	}
	if o.AloneMin == 0 {
		o.AloneMin = time.Second
	}
	if o.AloneMax == 0 {
		o.AloneMax = max(time.Minute, o.AloneMin)
	}
	if o.Alone == 0 {
		o.Alone = 2_000
	}
	if o.Readers == 0 {
		o.Readers = 16
	}
	if o.Buried == nil {
		o.Buried = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
