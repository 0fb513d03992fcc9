package s3

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/blocks"
	"plateau/store/lifecycle"
	"plateau/store/s3/spool"
)

// Store is tusd's handler.DataStore, with termination, concatenation and deferred
// length. Its methods may be called from any goroutine.
type Store struct {
	opts      Options
	spool     *spool.Spool
	blocks    *blocks.Pool
	ages      *lifecycle.Ages
	finishes  lifecycle.Finishes
	states    states
	unsettled *unsettled
	fetched   chan []byte   // buffers that tails were fetched by
	sends     chan struct{} // holds one for each part that is being sent

	interrupted atomic.Bool        // see Interrupt
	room        context.Context    // ends with Interrupt: nobody waits for room in the spool any more
	endRoom     context.CancelFunc // ends it

	gate   sync.RWMutex // guards closed
	closed bool         // no finish begins any more

	stop    context.CancelFunc
	running sync.WaitGroup // the sweep, all finishes and all parts that are being sent
}

// Open makes a store. It doesn't talk to the bucket. Uploads are served at once; Start
// begins to finish what a crash left.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	s := &Store{
		opts:    opts,
		blocks:  blocks.New(opts.WriteBlock, opts.BufferPool),
		ages:    lifecycle.NewAges(opts.Now, nil, opts.Log),
		sends:   make(chan struct{}, opts.SendsAtOnce),
		fetched: make(chan []byte, 8),
		states:  states{freshFor: opts.FreshFor},

		unsettled: newUnsettled(opts.Accounts),
	}
	var err error
	if s.spool, err = spool.Open(spool.Options{Dir: opts.SpoolDir, Budget: opts.SpoolSize, Log: opts.Log}); err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	s.room, s.endRoom = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

// Start begins to sweep and to expire, in the background, until Close.
func (s *Store) Start(ctx context.Context) {
	s.ages.Start(lifecycle.Grace)
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() { s.sweepEvery(ctx) })
}

// Close stops the sweep, waits for running finishes, and commits what waits here of
// uploads. No request may use the store any more. If that doesn't end before ctx does,
// what was not committed is lost; none of it was acknowledged.
func (s *Store) Close(ctx context.Context) error {
	s.Interrupt()
	s.gate.Lock()
	s.closed = true
	s.gate.Unlock()
	if s.stop != nil {
		s.stop()
	}
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		s.commitAll(ctx)
		close(ended)
	}()
	select {
	case <-ended:
		return s.spool.Close()
	case <-ctx.Done():
		return fmt.Errorf("a finish was still running: %w", ctx.Err())
	}
}

// commitAll brings the bytes of uploads to the bucket that a request which is gone left.
func (s *Store) commitAll(ctx context.Context) {
	for _, st := range s.states.all() {
		st.mu.Lock()
		err := st.leave(ctx)
		st.drop()
		st.mu.Unlock()
		if err != nil && !errors.Is(err, context.Canceled) {
			s.opts.Log.Warn("bytes that were not acknowledged are lost at the stop", "upload", st.id, "error", err)
		}
	}
}

// Lend lends a block of up to Options.WriteBlock bytes, for bytes on their way to a
// draft; it waits until there is one. Whoever has it must neither wait for a client with
// it nor for another one, and gives it back by TakeBack.
func (s *Store) Lend() []byte { return s.blocks.Get() }

// TakeBack takes a block back that Lend has lent.
func (s *Store) TakeBack(block []byte) { s.blocks.Put(block) }

// SetBuffers changes Options.WriteBlock and Options.BufferPool while the store runs;
// both are above 0. It may be called at any time.
func (s *Store) SetBuffers(writeBlock int, bufferPool int64) { s.blocks.Resize(writeBlock, bufferPool) }

// Interrupt ends what may take long: concatenations, whose requests hear 503, and the
// waiting for room. It doesn't wait.
func (s *Store) Interrupt() {
	s.interrupted.Store(true)
	s.endRoom()
}

// Spooled returns how many bytes the temporary files occupy, and how many they may.
func (s *Store) Spooled() (used, budget int64) { return s.spool.Used(), s.opts.SpoolSize }

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
