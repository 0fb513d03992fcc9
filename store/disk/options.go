package disk

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
)

// Options are what a Store needs. The zero value of a field with a default
// means the default.
type Options struct {
	// Dir is the data folder; uploads lie in its folder "uploads". Both are made
	// if they are missing.
	Dir string
	// Locker is the lock that tusd uses too. Required.
	Locker store.Locker
	// Finish makes the finished event of an upload safe; an error means that the
	// upload is not finished yet. finishedAt is when its last byte was written, so
	// that it is the same each time. If it is journaled, the event has to survive the
	// end of the process only: after a power cut Finish is called again. It is called at least once for each upload,
	// never twice at a time for the same one, and not for parts. It must end when
	// its context does. Required.
	Finish func(ctx context.Context, info handler.FileInfo, finishedAt time.Time, journaled bool) error
	// Synced is called when an upload was made durable: by is "journal", "shared" (one
	// sync for several) or "alone".
	Synced func(by string)
	// Wrote is called when the bytes of a request were written, well or not. It gets
	// what the request's context holds. May be nil.
	Wrote func(ctx context.Context, c store.EndedChunk)
	// Finished is called when a finish, which begins with an upload's last byte, has
	// ended, well or not. It gets what the context of the request holds that began it.
	Finished func(ctx context.Context, f store.EndedFinish)
	// Redriven is called when an upload was finished that an earlier request, or a
	// process that was killed, had left complete; by is "request" or "sweep".
	Redriven func(by string)
	// Digest is how the whole content is summed up for the record: "sha256", or
	// empty: not at all.
	Digest string
	// Reread is called with the number of bytes that had to be read again for a
	// digest.
	Reread func(bytes int64)
	// ExpireAfter is how long an unfinished upload is kept after its last byte; 0:
	// for ever.
	ExpireAfter time.Duration
	// DeleteFinishedAfter is how long a finished upload is kept; 0: for ever.
	DeleteFinishedAfter time.Duration
	// Waiting reports whether the event of a finished upload has still to be
	// delivered. Such an upload is not deleted. Required with DeleteFinishedAfter.
	Waiting func(id string, finishedAt time.Time) (bool, error)
	// Expired is called with the number of bytes that the janitor gave back.
	Expired func(bytes int64)
	// Now is the clock that ages are measured by. Default: time.Now.
	Now func() time.Time
	// Durable says that finished uploads are on stable storage before the client
	// hears so. Without it a power cut may lose them.
	Durable bool
	// Journal is the size of each of the two files of a journal, through which
	// small uploads are made durable; they are made as it is used, and smaller on a
	// small disk. A multiple of 1 MiB; 0: there is none.
	Journal int64
	// MaxSize is the most bytes of one upload; 0: no limit.
	MaxSize int64
	// MinFreeSpace is how many bytes uploads leave free on their disk: one that would not
	// fit beside those whose bytes are coming is refused when it is created; 0: none.
	MinFreeSpace int64
	// Accounts count what the uploads of each owner occupy. Default: nobody does.
	Accounts store.Accounts
	// WriteBlock is how many bytes are written at once, at most. Default: 1 MiB.
	WriteBlock int
	// BufferPool is how many bytes the blocks of all uploads have together, at most;
	// one is always lent. Default: those of two for each processor, since a block is
	// in use only while it is copied.
	BufferPool int64
	// FinishWait is how long a HEAD or PATCH waits for a finish. Default 10 s.
	FinishWait time.Duration
	// FinishDeadline is how long one finish may take. Default 60 s.
	FinishDeadline time.Duration
	// SweepEvery is the pause between two sweeps. Default 10 min.
	SweepEvery time.Duration
	// Log hears what no request can be told. Default: nothing.
	Log *slog.Logger

	elsewhere string // for tests: pretends that the machine or its disk went down
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("disk: Dir is empty"))
	}
	if o.Locker == nil {
		errs = append(errs, errors.New("disk: Locker is nil"))
	}
	if o.Finish == nil {
		errs = append(errs, errors.New("disk: Finish is nil"))
	}
	if o.Digest != "" && o.Digest != "sha256" {
		errs = append(errs, fmt.Errorf("disk: Digest is %q, not sha256", o.Digest))
	}
	if o.DeleteFinishedAfter > 0 && o.Waiting == nil {
		errs = append(errs, errors.New("disk: Waiting is nil, but DeleteFinishedAfter is set"))
	}
	if o.ExpireAfter < 0 || o.DeleteFinishedAfter < 0 {
		errs = append(errs, errors.New("disk: an age is negative"))
	}
	if o.Journal < 0 || o.MaxSize < 0 || o.MinFreeSpace < 0 || o.WriteBlock < 0 || o.BufferPool < 0 || o.FinishWait < 0 || o.FinishDeadline < 0 || o.SweepEvery < 0 {
		errs = append(errs, errors.New("disk: a size, count or duration is negative"))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.WriteBlock == 0 {
		o.WriteBlock = blocks.Default
	}
	if o.BufferPool == 0 {
		o.BufferPool = int64(2 * runtime.GOMAXPROCS(0) * o.WriteBlock)
	}
	if o.FinishWait == 0 {
		o.FinishWait = 10 * time.Second
	}
	if o.FinishDeadline == 0 {
		o.FinishDeadline = time.Minute
	}
	if o.SweepEvery == 0 {
		o.SweepEvery = 10 * time.Minute
	}
	if o.Synced == nil {
		o.Synced = func(string) {}
	}
	if o.Finished == nil {
		o.Finished = func(context.Context, store.EndedFinish) {}
	}
	if o.Redriven == nil {
		o.Redriven = func(string) {}
	}
	if o.Reread == nil {
		o.Reread = func(int64) {}
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
