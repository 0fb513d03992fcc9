package journal

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrNoRoom says that Append did nothing.
var ErrNoRoom = errors.New("the journal has no room now")

const (
	block = 4096
	// preparedStep is how much of a file is written with zeros at a time, and
	// preparedAhead how much is kept ready, in bytes.
	preparedStep  = 1 << 20
	preparedAhead = 2 << 20
	// maxPiece and maxGroup are the most bytes of a piece and, about, of a group.
	maxPiece = 256 << 10
	maxGroup = 1 << 20
	// patience is how long a group waits for those that are about to join it.
	patience = time.Millisecond
)

// Options are what a Journal needs. The zero value of a field with a default
// means the default.
type Options struct {
	// Dir is the journal's folder; it is made when it is first written to. Required.
	Dir string
	// Size is the most bytes of each of the two files, a multiple of 1 MiB.
	// Required, unless only Recover is wanted.
	Size int64
	// Place names where the caller's files are, and the run of the machine. Recover
	// is told whether it is the same: then what was written to the files is there,
	// even if it was never synced. At most 512 bytes.
	Place string
	// Sync brings all that was written to the caller's files to stable storage, and
	// fails if any of it may be lost. Required with Size.
	Sync func() error
	// SyncFile brings a file's bytes to stable storage. Default: (*os.File).Sync.
	SyncFile func(*os.File) error
	// Expected is how many callers may be about to append: a group waits a little
	// for half of them. Default: it waits for nobody.
	Expected func() int64
	// CheckpointAfter is how long a piece may stay in the journal only, if the other
	// file is free. Default 10 s.
	CheckpointAfter time.Duration
	// Log hears of what makes the journal useless. Default: nothing.
	Log *slog.Logger

	write func(f *os.File, b []byte, offset int64) error // for tests: one that fails
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("journal: Dir is empty"))
	}
	if o.Size < 0 || o.Size%preparedStep != 0 {
		errs = append(errs, errors.New("journal: Size is not a multiple of 1 MiB"))
	}
	if o.Size > 0 && o.Sync == nil {
		errs = append(errs, errors.New("journal: Sync is nil"))
	}
	if len(o.Place) > maxPlace {
		errs = append(errs, errors.New("journal: Place is too long"))
	}
	if o.CheckpointAfter < 0 {
		errs = append(errs, errors.New("journal: a duration is negative"))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.Expected == nil {
		o.Expected = func() int64 { return 0 }
	}
	if o.CheckpointAfter == 0 {
		o.CheckpointAfter = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.SyncFile == nil {
		o.SyncFile = (*os.File).Sync
	}
	if o.write == nil {
		o.write = func(f *os.File, b []byte, offset int64) error {
			_, err := f.WriteAt(b, offset)
			return err
		}
	}
	return o
}

// Journal is a redo log; see the package's doc. Its methods may be called from
// any goroutine, after Recover.
type Journal struct {
	opts    Options
	joined  chan struct{}  // one has joined the next group
	running sync.WaitGroup // groups, preparations and checkpoints

	heads sync.Mutex // held while heads of segments in use are written

	mu         sync.Mutex // guards what follows, and the fields of segments
	segments   [2]*segment
	generation uint64     // the last that was given to a segment
	active     *segment   // nil: there is none
	retired    []*segment // in order; they wait for their checkpoints
	next       *group
	spare      []byte // for the next group's bytes
	writing    bool
	failed     error // once and for all: nothing is appended any more
	closing    bool
	timer      *time.Timer // checkpoints what lies in the active segment

	checkpointing bool
	lost          bool // a checkpoint failed: what is retired stays for Recover
}

// New returns the journal in a folder. It opens and makes nothing; Recover must
// be called before the first Append if there may be a journal.
func New(opts Options) (*Journal, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	j := &Journal{opts: opts.withDefaults(), joined: make(chan struct{}, 1), generation: binary.LittleEndian.Uint64(b[:]) >> 1}
	for i := range j.segments {
		j.segments[i] = &segment{journal: j, name: filepath.Join(opts.Dir, fmt.Sprint(i)), free: true}
	}
	return j, nil
}

// Append brings a piece of so many bytes, which fill writes, to stable storage.
// fill must not block for long and not use the journal; its error is returned.
// After nil the caller writes what the piece stands for to its own files, if it
// has not yet, and then calls written: until then the piece is not forgotten.
// ErrNoRoom says that nothing was done; another error that nobody knows whether
// Recover will find the piece.
func (j *Journal) Append(size int, fill func([]byte) error) (written func(), err error) {
	g, err := j.join(size, fill)
	if err != nil {
		return nil, err
	}
	<-g.done
	if g.err != nil {
		g.segment.leave()
		return nil, g.err
	}
	return g.segment.leave, nil
}

// Close checkpoints what is in the journal, as long as ctx allows, and closes the
// files. Nobody may append any more. What is not checkpointed waits for Recover.
func (j *Journal) Close(ctx context.Context) error {
	j.mu.Lock()
	j.closing = true
	if j.timer != nil {
		j.timer.Stop()
	}
	if j.active != nil && j.active.end > block {
		j.retire()
	}
	j.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		j.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("the journal was still in use: %w", ctx.Err())
	}
	var errs []error
	for _, s := range j.segments {
		if s.file != nil {
			errs = append(errs, s.file.Close())
		}
	}
	return errors.Join(errs...)
}

// Failed says why the journal isn't used any more; nil: it is.
func (j *Journal) Failed() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

// fail ends the use of the journal. What is in it stays there.
func (j *Journal) fail(doing string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = fmt.Errorf("%s: %w", doing, err)
		j.opts.Log.Error("the journal of small uploads failed and is not used until the server starts again, which should be soon: "+
			"what it has of the last seconds is written anew then", "doing", doing, "error", err)
	}
}
