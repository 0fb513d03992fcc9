package spool

import (
	"container/list"
	"errors"
	"fmt"
	"sync"
	"time"
)

// The errors that callers tell apart. Others are those of contexts and of the
// file system.
var (
	// ErrCrowded asks the owner of a File to store its bytes elsewhere and to Release
	// it. Nothing was written.
	ErrCrowded = errors.New("spool: crowded")
	// ErrFull says that the disk or a quota is full; it wraps the system's error.
	// Nothing was written.
	ErrFull = errors.New("spool: the disk is full")
	// ErrTooLarge says that a File would not fit even if it were the only one.
	ErrTooLarge = errors.New("spool: larger than the budget")
	// ErrClosed says that the Spool was closed, or the File released.
	ErrClosed = errors.New("spool: closed")
)

// Spool lends temporary files. Its methods may be called at any time by anyone.
type Spool struct {
	opts  Options
	names folder
	start time.Time

	mu     sync.Mutex    // guards what follows, and where a File says so
	used   int64         // bytes: the room of all Files, free files, files being closed
	memory int64         // bytes of these that are in memory
	free   []freeFile    // the one given back last at the end
	queue  list.List     // of *waiter
	wanted int64         // bytes that all of these need
	steady list.List     // of *File that can be asked to leave, least recently grown first
	fixed  int           // Files with room that can't
	coming int64         // bytes of files being closed and of owners asked to leave
	asking int           // Files whose evict is running and that have not left yet
	moved  time.Duration // when room came back last, or something was done about it
	denied time.Duration // when an owner last didn't leave
	closed bool

	background sync.WaitGroup // the calls of evict and the closing of files
}

// Open makes a Spool. Whoever opens it closes it.
func Open(opts Options) (*Spool, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	names, err := openFolder(opts.Dir, opts.Log)
	if err != nil {
		return nil, fmt.Errorf("spool: prepare the folder of temporary files: %w", err)
	}
	return &Spool{opts: opts, names: names, start: time.Now(), denied: -patience}, nil
}

// Used is how many bytes the files occupy, those kept for the next to use included.
func (s *Spool) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// Close ends all waiting with ErrClosed and waits until no evict is being called.
// Files that are still taken can be read until their owners Release them, which
// they must.
func (s *Spool) Close() error {
	s.mu.Lock()
	s.closed = true
	for e := s.queue.Front(); e != nil; e = s.queue.Front() {
		s.dequeue(e.Value.(*waiter), ErrClosed)
	}
	s.mu.Unlock()
	s.background.Wait()
	return s.closeFree()
}

// now is the time since Open, which no change of the clock moves.
func (s *Spool) now() time.Duration { return time.Since(s.start) }
