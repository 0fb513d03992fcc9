package s3

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/blocks"
	"plateau/store/s3/bucket"
)

// Intents are the outbox as the store needs it: what says of an upload that it will
// be finished, or was. Its methods block on the storage, until ctx ends; each may be
// repeated after an error.
type Intents interface {
	// Add makes the event of an upload safe before the upload's object is there. The
	// same upload may be added again. It is never called twice at a time for one upload.
	Add(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error
	// Confirmed says that the object is there, so the event may be sent.
	Confirmed(id string)
	// Pending returns what is known of an event that waits; false: none does.
	Pending(ctx context.Context, id string) (i Intent, waits bool, err error)
	// Keep makes sure that an event that waits is sent though the object goes.
	Keep(ctx context.Context, id string) error
	// Withdraw takes an event away of an upload that was not finished. The caller holds
	// the upload's lock, and no finish of it runs.
	Withdraw(ctx context.Context, id string) error
	// BuryUpload puts an event aside, for an operator to look at, whose upload is gone.
	// The caller holds the upload's lock.
	BuryUpload(ctx context.Context, id, reason string) error
}

// Intent is an event that waits.
type Intent struct {
	FinishedAt time.Time // of the upload
	Confirmed  bool      // it is sent whether the object is there or not
	Written    time.Time // when it was added last, by the bucket's clock
}

// Options are what a Store needs. The zero value of a field with a default means the
// default.
type Options struct {
	// Bucket is where everything lies. The store doesn't close it. Required.
	Bucket *bucket.Bucket
	// BucketName and Prefix are what records and events say of where an object lies.
	BucketName, Prefix string
	// SpoolDir is the folder of temporary files, on a disk of this machine; it is made if
	// it is missing. Required.
	SpoolDir string
	// SpoolSize is how many bytes temporary files have together. Default: 1 GiB.
	SpoolSize int64
	// Locker is the lock that tusd uses too. Required.
	Locker store.Locker
	// Intents are required.
	Intents Intents
	// Wrote is called when the bytes of a request were written, well or not. It gets what
	// the request's context holds. May be nil.
	Wrote func(ctx context.Context, c store.EndedChunk)
	// Finished is called when a finish, which begins with an upload's last byte, has ended,
	// well or not. It gets what the context of the request holds that began it.
	Finished func(ctx context.Context, f store.EndedFinish)
	// Redriven is called when an upload was finished that an earlier request, or a
	// process that was killed, had left complete; by is "request" or "sweep".
	Redriven func(by string)
	// Digest is how the whole content is summed up for the record: "sha256", or empty:
	// not at all.
	Digest string
	// ExpireAfter is how long an unfinished upload is kept after its last byte; 0: for
	// ever.
	ExpireAfter time.Duration
	// DeleteFinishedAfter is how long a finished upload is kept; 0: for ever.
	DeleteFinishedAfter time.Duration
	// Waiting reports whether the event of a finished upload has still to be delivered.
	// Such an upload is not deleted. Required with DeleteFinishedAfter.
	Waiting func(id string, finishedAt time.Time) (bool, error)
	// Expired is called with the number of bytes that the janitor gave back.
	Expired func(bytes int64)
	// Now is the clock that ages are measured by. Default: time.Now.
	Now func() time.Time
	// MaxSize is the most bytes of one upload; 0: no limit.
	MaxSize int64
	// Accounts count what the uploads of each owner occupy. Default: nobody does.
	Accounts store.Accounts
	// PartSize is the size of the parts of a multipart upload of unknown or moderate
	// length, in bytes. Default 8 MiB; S3 wants at least 5 MiB.
	PartSize int64
	// PartsAtOnce is how many parts of one upload are sent at the same time, SendsAtOnce
	// those of all uploads. Defaults 4 and 32.
	PartsAtOnce, SendsAtOnce int
	// WriteBlock is how many bytes are taken from a request at once, at most. Default:
	// 1 MiB.
	WriteBlock int
	// BufferPool is how many bytes the blocks of all uploads have together, at most; one
	// is always lent. Default: those of two for each processor.
	BufferPool int64
	// FinishWait is how long a HEAD or PATCH waits for a finish. Default 10 s.
	FinishWait time.Duration
	// FinishDeadline is how long one finish may take. Default 5 min: an endpoint may take
	// minutes to make an object of many parts.
	FinishDeadline time.Duration
	// Grace is how long a finish may be on its way without anything to be seen of it:
	// some endpoints show neither the parts nor the object then. Default 15 min.
	Grace time.Duration
	// FreshFor is how long what is known of an upload is believed that no request uses: a
	// rule of the bucket, or an operator, may have removed it. Default 1 min.
	FreshFor time.Duration
	// SweepEvery is the pause between two sweeps. Default 10 min.
	SweepEvery time.Duration
	// Log hears what no request can be told. Default: nothing.
	Log *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Bucket == nil {
		errs = append(errs, errors.New("s3: Bucket is nil"))
	}
	if o.SpoolDir == "" {
		errs = append(errs, errors.New("s3: SpoolDir is empty"))
	}
	if o.Locker == nil {
		errs = append(errs, errors.New("s3: Locker is nil"))
	}
	if o.Intents == nil {
		errs = append(errs, errors.New("s3: Intents is nil"))
	}
	if o.Digest != "" && o.Digest != "sha256" {
		errs = append(errs, fmt.Errorf("s3: Digest is %q, not sha256", o.Digest))
	}
	if o.DeleteFinishedAfter > 0 && o.Waiting == nil {
		errs = append(errs, errors.New("s3: Waiting is nil, but DeleteFinishedAfter is set"))
	}
	if o.PartSize != 0 && (o.PartSize < leastPart || o.PartSize > mostPart) {
		errs = append(errs, fmt.Errorf("s3: PartSize is %d, not from %d to %d", o.PartSize, leastPart, mostPart))
	}
	if o.ExpireAfter < 0 || o.DeleteFinishedAfter < 0 || o.FinishWait < 0 || o.FinishDeadline < 0 || o.Grace < 0 || o.FreshFor < 0 || o.SweepEvery < 0 {
		errs = append(errs, errors.New("s3: a duration is negative"))
	}
	if o.SpoolSize < 0 || o.MaxSize < 0 || o.WriteBlock < 0 || o.BufferPool < 0 || o.PartsAtOnce < 0 || o.SendsAtOnce < 0 {
		errs = append(errs, errors.New("s3: a size or count is negative"))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	setDefault(&o.SpoolSize, 1<<30)
	setDefault(&o.PartSize, 8<<20)
	setDefault(&o.PartsAtOnce, 4)
	setDefault(&o.SendsAtOnce, 32)
	setDefault(&o.WriteBlock, blocks.Default)
	setDefault(&o.BufferPool, int64(2*runtime.GOMAXPROCS(0)*o.WriteBlock))
	setDefault(&o.FinishWait, 10*time.Second)
	setDefault(&o.FinishDeadline, 5*time.Minute)
	setDefault(&o.Grace, 15*time.Minute)
	setDefault(&o.FreshFor, time.Minute)
	setDefault(&o.SweepEvery, 10*time.Minute)
	if o.Finished == nil {
		o.Finished = func(context.Context, store.EndedFinish) {}
	}
	if o.Redriven == nil {
		o.Redriven = func(string) {}
	}
	if o.Expired == nil {
		o.Expired = func(int64) {}
	}
	if o.Accounts == nil {
		o.Accounts = store.Unlimited{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
