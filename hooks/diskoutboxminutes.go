package hooks

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// idleMinutes is how many minutes' folders stay open that nobody uses.
	idleMinutes = 8
	// quietMinutes is how old a minute is before its empty folder is removed.
	// Until then the next upload is likely to need it.
	quietMinutes = 2 * time.Minute
)

// minuteFolder is an open folder of the entries of one minute.
type minuteFolder struct {
	*os.File
	key   string
	sync  *groupSync
	named atomic.Bool // its own name is on stable storage

	users int   // guarded by minuteFolders.mu, as is the next
	used  int64 // when it was last used, as a count
}

// minuteFolders keeps the folders open that are in use.
type minuteFolders struct {
	outbox *DiskOutbox
	mu     sync.Mutex
	open   map[string]*minuteFolder // by key
	uses   int64
}

func (m *minuteFolders) init(o *DiskOutbox) {
	m.outbox, m.open = o, make(map[string]*minuteFolder)
}

// enter opens the folder of a minute, and makes it first if create is set. It
// stays open until leave. Without it the error is os.ErrNotExist.
func (m *minuteFolders) enter(key string, create bool) (*minuteFolder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.open[key]
	if f == nil {
		var err error
		if f, err = m.openFolder(key, create); err != nil {
			return nil, err
		}
		m.open[key] = f
	}
	f.users++
	return f, nil
}

func (m *minuteFolders) openFolder(key string, create bool) (*minuteFolder, error) {
	o, name := m.outbox, folderOf(key)
	dir, err := openIn(o.pending, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if create && errors.Is(err, os.ErrNotExist) {
		err = uninterrupted(func() error { return unix.Mkdirat(int(o.pending.Fd()), name, 0o777) })
		if err != nil && err != unix.EEXIST {
			return nil, &os.PathError{Op: "mkdir", Path: name, Err: err}
		}
		dir, err = openIn(o.pending, name, unix.O_RDONLY|unix.O_DIRECTORY)
	}
	if err != nil {
		return nil, fmt.Errorf("open the folder of a minute: %w", err)
	}
	f := &minuteFolder{File: dir, key: key}
	f.sync = &groupSync{outbox: o, dir: dir, hold: func() func() {
		m.mu.Lock()
		f.users++
		m.mu.Unlock()
		return func() { m.leave(f) }
	}}
	return f, nil
}

// leave is called once for each enter.
func (m *minuteFolders) leave(f *minuteFolder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f.users--
	m.uses++
	f.used = m.uses
	if f.users > 0 {
		return
	}
	if m.open[f.key] != f {
		_ = f.Close() // it was forgotten; a folder that was only read loses nothing
		return
	}
	if len(m.open) <= idleMinutes {
		return
	}
	var oldest *minuteFolder
	for _, other := range m.open {
		if other.users == 0 && (oldest == nil || other.used < oldest.used) {
			oldest = other
		}
	}
	delete(m.open, oldest.key)
	_ = oldest.Close()
}

// forget makes the next enter open the folder anew: it may have been removed,
// and made again.
func (m *minuteFolders) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.open[key]; f != nil {
		delete(m.open, key)
		if f.users == 0 {
			_ = f.Close()
		}
	}
}

// remove removes the folder of a minute that is long past, if it is empty. An
// Add that has it open at that moment gets ENOENT and makes it again.
func (m *minuteFolders) remove(key string) {
	_, at, _ := parseName(key + "00.000000000Z-x")
	if m.outbox.opts.Now().Sub(at) < quietMinutes+time.Minute {
		return
	}
	m.forget(key)
	// If it isn't empty, or can't be removed, it stays.
	_ = uninterrupted(func() error { return unix.Unlinkat(int(m.outbox.pending.Fd()), folderOf(key), unix.AT_REMOVEDIR) })
}

func (m *minuteFolders) close() {
	for key := range m.open {
		m.forget(key)
	}
}
