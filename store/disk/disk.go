package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/blocks"
	"plateau/store/journal"
	"plateau/store/lifecycle"
)

// Store is tusd's handler.DataStore, with termination, concatenation and
// deferred length. Its methods may be called from any goroutine.
type Store struct {
	opts          Options
	lock          *os.File
	journalFolder *os.File // also "uploads"
	root          *os.Root // the folder "uploads"
	folder        *folderSync
	syncs         *syncs
	blocks        *blocks.Pool
	ages          *lifecycle.Ages
	space         spaceGuard
	boot          string // see bootID
	finishes      lifecycle.Finishes
	journal       *journal.Journal // nil: not open yet, or only looked at
	opened        time.Time        // when the journal was
	brought       sync.Map         // ids that the journal brought back, until they are sealed
	refused       sync.Map         // ids that can't be used until the process ends, see damage

	interrupted atomic.Bool  // see Interrupt
	swept       atomic.Bool  // once at least
	journaling  atomic.Int64 // finishes that are about to append to the journal

	stop    context.CancelFunc
	running sync.WaitGroup // the sweep and all finishes
}

// Open locks the folder and opens it; *InUseError says that another server has
// it. Uploads are served at once; call Sweep to finish what a crash left.
func Open(opts Options) (*Store, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	s := &Store{opts: opts, blocks: blocks.New(opts.WriteBlock, opts.BufferPool), ages: lifecycle.NewAges(opts.Now, nil, opts.Log), boot: bootID()}
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
	s.space.least, s.space.space, s.space.now = s.opts.MinFreeSpace, s.Space, s.opts.Now
	s.syncs = newSyncs(dir, lock, s.opts.Log)
	s.syncs.failed = s.doubtJournal
	if place := s.place(); place != "" {
		s.boot = place
	}
	if err := s.probe(); err != nil {
		return nil, errors.Join(err, s.closeFiles())
	}
	if s.opts.Durable {
		// The names of the folders themselves.
		if err := errors.Join(syncFolder(opts.Dir), syncFolder(filepath.Dir(filepath.Clean(opts.Dir)))); err != nil {
			return nil, errors.Join(err, s.closeFiles())
		}
	}
	if err := s.openJournal(filepath.Join(opts.Dir, "journal")); err != nil {
		return nil, errors.Join(err, s.closeFiles())
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

// Start begins to sweep and to expire, in the background, until Close.
func (s *Store) Start(ctx context.Context) {
	s.ages.Start(lifecycle.Grace)
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() { s.sweepEvery(ctx) })
}

// Close stops the sweep, waits for running finishes and lets go of the folder.
// No request may use the store any more. If a finish, or the journal, doesn't end
// before ctx does, the folder stays locked, and its files open, until the process ends.
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
		if err := s.closeJournal(ctx); err != nil {
			return err
		}
		return s.closeFiles()
	case <-ctx.Done():
		return fmt.Errorf("a finish was still running: %w", ctx.Err())
	}
}

// Lend lends a block of up to Options.WriteBlock bytes, for bytes on their way to
// a draft; it waits until there is one. Whoever has it must neither wait for a
// client with it nor for another one, and gives it back by TakeBack.
func (s *Store) Lend() []byte { return s.blocks.Get() }

// TakeBack takes a block back that Lend has lent.
func (s *Store) TakeBack(block []byte) { s.blocks.Put(block) }

// SetBuffers changes Options.WriteBlock and Options.BufferPool while the store
// runs; both are above 0. It may be called at any time.
func (s *Store) SetBuffers(writeBlock int, bufferPool int64) { s.blocks.Resize(writeBlock, bufferPool) }

// Interrupt ends running concatenations, which may take long: their requests
// hear 503, and nothing is left of their final uploads. It doesn't wait.
func (s *Store) Interrupt() { s.interrupted.Store(true) }

func (s *Store) closeFiles() error {
	s.folder.rounds.Wait()
	s.syncs.rounds.Wait()
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
