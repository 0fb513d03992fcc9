package disk

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

const (
	// fewest is how many finishes at the same time make it worth while to bring
	// the whole file system to the disk at once: fewer are quicker file by file.
	fewest = 4
	// patience is how long a round waits for those that are about to join it.
	patience = time.Millisecond
	// maxDirty is with how many bytes in all, waiting in memory for any disk, the
	// file system is still synced as a whole: that waits for other people's bytes
	// too.
	maxDirty = 128 << 20
	// dirtyAge is how old the last count of those bytes may be.
	dirtyAge = 100 * time.Millisecond
)

// syncs brings the files and names of finished uploads to stable storage, many
// at a time: one syncfs for all that wait, where each alone would pay for an
// fdatasync, an fsync and two commits of the file system's journal. All that
// come while one runs share the next.
//
// An error must be that of the upload that it hit. So each first has its own
// bytes written and asks how that went, of descriptors that were open before;
// the syncfs then has only the file system's own blocks left to write. If that
// fails, nothing is concluded from it: each of the round syncs its own files, as
// if it were alone, and from then on all do, until the process starts again.
type syncs struct {
	calls  syncCalls
	failed func(error) // hears of the first round that failed
	log    *slog.Logger

	inside atomic.Int64   // finishes that are in makeDurable
	rounds sync.WaitGroup // the goroutine that runs rounds
	joined chan struct{}  // one has joined the next round

	mu      sync.Mutex // guards what follows
	running bool
	next    *sharedRound
	never   bool // it can't be done here, or failed once
	dirty   int64
	counted time.Time // when dirty was
}

// syncCalls are what syncs asks of the system; tests have their own.
type syncCalls struct {
	write func(*os.File) error  // writes the file's bytes to the disk, but makes nothing durable
	all   func() error          // makes all that was written before durable, names too
	dirty func() (int64, error) // bytes that wait in memory for any disk
}

// sharedRound is one syncfs and those who wait for it.
type sharedRound struct {
	members int64 // guarded by syncs.mu
	done    chan struct{}
	synced  bool // may be read once done is closed
}

// shareSync is makeDurable together with others, if there are enough; done is
// false if the upload has to be made durable by itself.
func (s *Store) shareSync(info handler.FileInfo, data *os.File) (done bool, err error) {
	if !s.syncs.worthwhile() || s.folder.broken() {
		return false, nil
	}
	record, err := s.root.Open(recordName(info.ID))
	if err != nil {
		return false, unfinished("make the record durable", fmt.Errorf("open the record: %w", err))
	}
	defer record.Close()
	done, err = s.syncs.share(data, record)
	if _, final := errors.AsType[fsyncError](err); final {
		return false, s.damage(info, err)
	}
	if err != nil {
		return false, unfinished("make the record durable", err)
	}
	// A folder's fsync that failed meanwhile may have taken our names with it.
	return done && !s.folder.broken(), nil
}

// newSyncs decides whether syncs can be shared. It keeps the folder of uploads
// and the lock file, which stay the caller's to close.
func newSyncs(uploads, lock *os.File, log *slog.Logger) *syncs {
	s := &syncs{log: log, failed: func(error) {}, joined: make(chan struct{}, 1), calls: syncCalls{
		write: writeBack,
		all:   func() error { return syncAll(uploads, lock) },
		dirty: dirtyBytes,
	}}
	if err := cannotShare(uploads, lock); err != nil {
		log.Debug("each finished upload is synced by itself", "reason", err)
		s.never = true
	}
	return s
}

// enter counts the caller among those who finish; it must call leave.
func (s *syncs) enter() { s.inside.Add(1) }

func (s *syncs) leave() { s.inside.Add(-1) }

// worthwhile reports whether to call share.
func (s *syncs) worthwhile() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.never && s.inside.Load() >= fewest && s.fewDirty()
}

// fewDirty reports whether few bytes wait for a disk. The caller holds mu.
func (s *syncs) fewDirty() bool {
	if time.Since(s.counted) > dirtyAge {
		n, err := s.calls.dirty()
		if err != nil {
			n = maxDirty + 1 // nobody knows
		}
		s.dirty, s.counted = n, time.Now()
	}
	return s.dirty <= maxDirty
}

// share returns true if the files, and all names made before the call, are on
// stable storage; false with no error means that the caller has to sync them
// itself. The caller must have called enter. The files must have been open when
// their last bytes were written, or opened since. The error is an fsyncError,
// unless it is the record's and only says that the disk is full: a record can be
// written anew.
func (s *syncs) share(data, record *os.File) (bool, error) {
	if err := s.calls.write(data); err != nil {
		return false, fsyncError{fmt.Errorf("write back the data file: %w", err)}
	}
	if err := s.calls.write(record); err != nil {
		err = fmt.Errorf("write back the record: %w", err)
		if full(err) {
			return false, err
		}
		return false, fsyncError{err}
	}
	r := s.join()
	<-r.done
	return r.synced, nil
}

// join returns the round that the caller is in. It begins after the call.
func (s *syncs) join() *sharedRound {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = &sharedRound{done: make(chan struct{})}
	}
	r := s.next
	r.members++
	if !s.running {
		s.running = true
		s.rounds.Go(s.run)
	}
	select {
	case s.joined <- struct{}{}:
	default:
	}
	return r
}

// run runs one round after the other, until nobody waits.
func (s *syncs) run() {
	for {
		s.gather()
		s.mu.Lock()
		r, never := s.next, s.never
		s.next = nil
		s.running = r != nil
		s.mu.Unlock()
		if r == nil {
			return
		}
		r.synced = !never && s.sync()
		close(r.done)
	}
}

// gather waits until half of those who finish now have joined the next round, or
// a little while: without it, rounds at high load are many and small.
func (s *syncs) gather() {
	var late <-chan time.Time
	for {
		s.mu.Lock()
		enough := s.never || s.next == nil || 2*s.next.members >= s.inside.Load()
		s.mu.Unlock()
		if enough {
			return
		}
		if late == nil {
			late = time.After(patience)
		}
		select {
		case <-s.joined:
		case <-late:
			return
		}
	}
}

// sync reports whether the file system could be synced as a whole.
func (s *syncs) sync() bool {
	err := s.calls.all()
	if err == nil {
		return true
	}
	s.failed(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.never = true
	s.log.Error("the file system could not be synced as a whole; until the server starts again each finished upload is synced by itself", "error", err)
	return false
}
