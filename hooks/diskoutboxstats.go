package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Stats is what an outbox holds.
type Stats struct {
	Pending int64     // entries that wait, claimed ones too
	Dead    int64     // entries that were buried
	Oldest  time.Time // the finish time of the oldest that waits; zero: none does
	AtLeast bool      // there may be more than these: not all has been counted
}

// smallTally is how many entries are counted anew at each rescan. More would
// cost too much; then the count misses what other processes did, until there
// are fewer.
const smallTally = 10_000

// tally counts the entries that wait. Only a look at all folders says how many
// there are; it is taken one minute after the other, so that it is exact at its
// end whatever happens meanwhile: what changes in a minute that was counted
// already is added, and what changes before is counted.
type tally struct {
	counting sync.Mutex // one count at a time

	mu      sync.Mutex // guards what follows
	pending int64
	counted int64  // of a count that runs
	upTo    string // the last key that was counted
	running bool

	dead      int64
	deadAt    time.Time // when dead was counted
	deadState unix.Timespec
}

// add changes the number of entries of a minute. The caller holds names.
func (t *tally) add(key string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending += n
	if t.running && key <= t.upTo {
		t.counted += n
	}
}

func (t *tally) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running, t.counted, t.upTo = true, 0, ""
}

func (t *tally) minute(key string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counted += n
	t.upTo = key
}

func (t *tally) end(whole bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
	if whole {
		t.pending = t.counted
	}
}

func (t *tally) small() bool { return t.waiting() <= smallTally }

// waiting is how many entries wait, as far as has been counted.
func (t *tally) waiting() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running {
		return max(t.pending, t.counted, 0)
	}
	return max(t.pending, 0)
}

// recount counts all entries that wait.
func (o *DiskOutbox) recount(ctx context.Context) {
	o.tally.counting.Lock()
	defer o.tally.counting.Unlock()
	o.tally.begin()
	err := o.countAll(ctx)
	o.tally.end(err == nil)
	if err != nil && ctx.Err() == nil {
		o.opts.Log.Error("count the events in the outbox", "error", err)
	}
}

func (o *DiskOutbox) countAll(ctx context.Context) error {
	after := ""
	for {
		folders, _, err := smallestIn(o.pending, ".", after, o.opts.Window, isMinuteFolder)
		if err != nil {
			return err
		}
		if len(folders) == 0 {
			return o.countLast(ctx, after)
		}
		for _, folder := range folders {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := o.countMinute(folder); err != nil {
				return err
			}
			after = folder
		}
	}
}

func isMinuteFolder(name string) bool {
	_, ok := keyOfFolder(name)
	return ok
}

// countLast counts the minutes that were made since; while it does, none can be.
func (o *DiskOutbox) countLast(ctx context.Context, after string) error {
	o.names.Lock()
	defer o.names.Unlock()
	folders, _, err := smallestIn(o.pending, ".", after, o.opts.Window, isMinuteFolder)
	for _, folder := range folders {
		if err == nil {
			err = errors.Join(ctx.Err(), o.countHeld(folder))
		}
	}
	o.tally.minute("~", 0) // from here on all is counted
	return err
}

func (o *DiskOutbox) countMinute(folder string) error {
	o.names.Lock()
	defer o.names.Unlock()
	return o.countHeld(folder)
}

func (o *DiskOutbox) countHeld(folder string) error {
	n := int64(0)
	dir, err := openIn(o.pending, folder, unix.O_RDONLY|unix.O_DIRECTORY)
	if err == nil {
		err = eachName(dir, func(name []byte) {
			if len(name) > stampLength && name[stampLength-1] == 'Z' && !strings.HasSuffix(string(name), temporarySuffix) {
				n++
			}
		})
		err = errors.Join(err, dir.Close())
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	key, _ := keyOfFolder(folder)
	o.tally.minute(key, n)
	return nil
}

// Stats says what the outbox holds. It is cheap, however much that is. Just
// after the start, Pending grows until all has been counted; later it may miss,
// for a while, what other processes did.
func (o *DiskOutbox) Stats() (Stats, error) {
	s := Stats{Pending: o.tally.waiting()}
	var err error
	if s.Dead, err = o.countDead(); err != nil {
		return Stats{}, fmt.Errorf("count the dead entries: %w", err)
	}
	if s.Pending == 0 {
		return s, nil
	}
	name := o.queue.oldest()
	if name == "" {
		if name, err = o.first(); err != nil {
			return Stats{}, fmt.Errorf("look for the oldest entry: %w", err)
		}
	}
	if name != "" {
		_, s.Oldest, _ = parseName(name)
	}
	return s, nil
}

// first returns the oldest name that waits.
func (o *DiskOutbox) first() (string, error) {
	after := ""
	for {
		folders, _, err := smallestIn(o.pending, ".", after, 64, isMinuteFolder)
		if err != nil || len(folders) == 0 {
			return "", err
		}
		for _, folder := range folders {
			names, _, err := smallestIn(o.pending, folder, "", 1, func(name string) bool {
				_, _, ok := parseName(name)
				return ok
			})
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return "", err
			}
			if len(names) > 0 {
				return names[0], nil
			}
			after = folder
		}
	}
}

// countDead looks only if the folder has changed. An operator changes it too.
func (o *DiskOutbox) countDead() (int64, error) {
	s, err := stat(o.dead, ".")
	if err != nil {
		return 0, err
	}
	t := &o.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	// A time that was young when it was read may be that of two changes.
	settled := t.deadAt.Sub(time.Unix(s.Mtim.Unix())) > time.Second
	if s.Mtim == t.deadState && settled {
		return t.dead, nil
	}
	at, n := time.Now(), int64(0)
	dir, err := openIn(o.dead, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return 0, err
	}
	err = eachName(dir, func(name []byte) {
		if !strings.HasSuffix(string(name), reasonSuffix) {
			n++
		}
	})
	if err = errors.Join(err, dir.Close()); err != nil {
		return 0, err
	}
	t.dead, t.deadAt, t.deadState = n, at, s.Mtim
	return n, nil
}

// Has reports whether there is an entry of this upload and finish time, be it
// waiting or dead.
func (o *DiskOutbox) Has(id string, finishedAt time.Time) (bool, error) {
	name, err := entryName(id, finishedAt)
	if err != nil {
		return false, fmt.Errorf("look for the event of upload %q: %w", id, err)
	}
	pending := folderOf(keyOf(name)) + "/" + name
	there, err := exists(o.pending, pending)
	if err == nil && !there {
		there, err = exists(o.dead, name)
	}
	if err == nil && !there { // an operator may just have let it wait again
		there, err = exists(o.pending, pending)
	}
	if err != nil {
		return false, fmt.Errorf("look for the event of upload %q: %w", id, err)
	}
	return there, nil
}
