package disk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

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

// Options are what a Store needs. The zero value of a field with a default
// means the default.
type Options struct {
	// Dir is the data folder; uploads lie in its folder "uploads". Both are made
	// if they are missing.
	Dir string
	// Locker is the lock that tusd uses too. Required.
	Locker Locker
	// Finish makes the finished event of an upload safe; an error means that the
	// upload is not finished yet. It is called at least once for each upload,
	// never twice at a time for the same one, and not for parts. It must end when
	// its context does. Required.
	Finish func(ctx context.Context, info handler.FileInfo) error
	// Durable says that finished uploads are on stable storage before the client
	// hears so. Without it a power cut may lose them.
	Durable bool
	// MaxSize is the most bytes of one upload; 0: no limit.
	MaxSize int64
	// Blocks is how many blocks of 1 MiB all uploads share. Default: two for each
	// processor, since a block is in use only while it is copied.
	Blocks int
	// FinishWait is how long a HEAD or PATCH waits for a finish. Default 10 s.
	FinishWait time.Duration
	// FinishDeadline is how long one finish may take. Default 60 s.
	FinishDeadline time.Duration
	// SweepEvery is the pause between two sweeps. Default 10 min.
	SweepEvery time.Duration
	// Log hears what no request can be told. Default: nothing.
	Log *slog.Logger
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
	if o.MaxSize < 0 || o.Blocks < 0 || o.FinishWait < 0 || o.FinishDeadline < 0 || o.SweepEvery < 0 {
		errs = append(errs, errors.New("disk: a size, count or duration is negative"))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.Blocks == 0 {
		o.Blocks = 2 * runtime.GOMAXPROCS(0)
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
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Store is tusd's handler.DataStore, with termination, concatenation and
// deferred length. Its methods may be called from any goroutine.
type Store struct {
	opts     Options
	lock     *os.File
	root     *os.Root // the folder "uploads"
	folder   *folderSync
	blocks   *blockPool
	finishes finishes
	refused  sync.Map // ids that can't be used until the process ends, see damage

	interrupted atomic.Bool // see Interrupt

	stop    context.CancelFunc
	running sync.WaitGroup // the sweep and all finishes
}

// Open locks the folder and opens it; *InUseError says that another server has
// it. Uploads are served at once; call Sweep to finish what a crash left.
func Open(opts Options) (*Store, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	s := &Store{opts: opts.withDefaults(), blocks: newBlockPool(opts.withDefaults().Blocks)}
	uploads := filepath.Join(opts.Dir, "uploads")
	if err := os.MkdirAll(uploads, 0o777); err != nil {
		return nil, fmt.Errorf("make the folder for uploads: %w", err)
	}
	lock, err := lockFolder(opts.Dir)
	if err != nil {
		return nil, err
	}
	s.lock = lock
	if s.root, err = os.OpenRoot(uploads); err != nil {
		return nil, errors.Join(fmt.Errorf("open the folder for uploads: %w", err), lock.Close())
	}
	dir, err := s.root.Open(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the folder for uploads: %w", err), s.root.Close(), lock.Close())
	}
	s.folder = &folderSync{dir: dir}
	if err := s.probe(); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	if s.opts.Durable {
		// The names of the folders themselves.
		if err := errors.Join(syncFolder(opts.Dir), syncFolder(filepath.Dir(filepath.Clean(opts.Dir)))); err != nil {
			return nil, errors.Join(err, s.closeFiles())
		}
	}
	return s, nil
}

// probe writes and removes a file, so that a folder that can't be written is
// said at start and not to the first client.
func (s *Store) probe() error {
	const name = "probe.tmp"
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o666)
	if full(err) {
		// Uploads can still go on, and be removed.
		s.opts.Log.Warn("the disk is full", "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("write to the folder for uploads: %w", err)
	}
	return errors.Join(f.Close(), s.root.Remove(name))
}

// Start begins to sweep, in the background, until Close.
func (s *Store) Start(ctx context.Context) {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() { s.sweepEvery(ctx) })
}

// Close stops the sweep, waits for running finishes and lets go of the folder.
// No request may use the store any more. If a finish doesn't end before ctx
// does, the folder stays locked, and its files open, until the process ends.
func (s *Store) Close(ctx context.Context) error {
	if s.stop != nil {
		s.stop()
	}
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return s.closeFiles()
	case <-ctx.Done():
		return fmt.Errorf("a finish was still running: %w", ctx.Err())
	}
}

// Interrupt ends running concatenations, which may take long: their requests
// hear 503, and nothing is left of their final uploads. It doesn't wait.
func (s *Store) Interrupt() { s.interrupted.Store(true) }

func (s *Store) closeFiles() error {
	s.folder.rounds.Wait()
	return errors.Join(s.folder.dir.Close(), s.root.Close(), s.lock.Close())
}

// UseIn makes tusd use the store for all that it can do.
func (s *Store) UseIn(composer *handler.StoreComposer) {
	composer.UseCore(s)
	composer.UseTerminater(s)
	composer.UseConcater(s)
	composer.UseLengthDeferrer(s)
}

// AsTerminatableUpload is part of handler.TerminaterDataStore.
func (s *Store) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload {
	return u.(*upload)
}

// AsConcatableUpload is part of handler.ConcaterDataStore.
func (s *Store) AsConcatableUpload(u handler.Upload) handler.ConcatableUpload {
	return u.(*upload)
}

// AsLengthDeclarableUpload is part of handler.LengthDeferrerDataStore.
func (s *Store) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(*upload)
}
