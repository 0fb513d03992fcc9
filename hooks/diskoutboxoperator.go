package hooks

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// listWindow is how many names ListOutbox holds at a time.
const listWindow = 16_384

// ListOutbox calls each for the entries that wait in an outbox's folder, or for
// the dead ones with the reason, oldest first, without their records. It only
// reads, and may run beside a server. What is dead and no entry has a Name
// alone. An error of each ends it.
func ListOutbox(dir string, dead bool, each func(e Entry, reason string) error) error {
	list := listPending
	if dead {
		list = listDead
	}
	if err := list(dir, each); err != nil {
		return fmt.Errorf("list the outbox: %w", err)
	}
	return nil
}

func listPending(dir string, each func(Entry, string) error) error {
	pending, err := os.Open(filepath.Join(dir, pendingFolder))
	if err != nil {
		return err
	}
	defer pending.Close()
	return inOrder(pending, ".", isMinuteFolder, func(folder string) error {
		isEntry := func(name string) bool {
			_, _, ok := parseName(name)
			return ok
		}
		err := inOrder(pending, folder, isEntry, func(name string) error { return each(entryOf(name), "") })
		if errors.Is(err, os.ErrNotExist) {
			return nil // a server removed it meanwhile
		}
		return err
	})
}

func listDead(dir string, each func(Entry, string) error) error {
	dead, err := os.Open(filepath.Join(dir, deadFolder))
	if err != nil {
		return err
	}
	defer dead.Close()
	isBody := func(name string) bool { return !strings.HasSuffix(name, reasonSuffix) }
	return inOrder(dead, ".", isBody, func(name string) error {
		reason, err := readReason(dir, name)
		if err != nil {
			return err
		}
		return each(entryOf(name), reason)
	})
}

// inOrder calls each for the names in a folder as they sort, holding one window
// of them at a time.
func inOrder(parent *os.File, folder string, use func(string) bool, each func(name string) error) error {
	after := ""
	for {
		names, more, err := smallestIn(parent, folder, after, listWindow, use)
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := each(name); err != nil {
				return err
			}
			after = name
		}
		if !more {
			return nil
		}
	}
}

func entryOf(name string) Entry {
	id, at, _ := parseName(name)
	return Entry{Name: name, ID: id, FinishedAt: at}
}

// readReason returns why an entry is dead; without a reason, "".
func readReason(dir, name string) (string, error) {
	f, err := os.Open(filepath.Join(dir, deadFolder, name+reasonSuffix))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	return strings.TrimSuffix(string(text), "\n"), err
}

// ShowEntry returns one entry of an outbox's folder with its record, and the
// reason if it is dead. Without it the error is os.ErrNotExist.
func ShowEntry(dir, name string) (e Entry, reason string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("show the entry %q: %w", name, err)
		}
	}()
	e = entryOf(name)
	if e.ID != "" {
		e.Record, err = readLimited(filepath.Join(dir, pendingFolder, folderOf(keyOf(name)), name))
		if err == nil || !errors.Is(err, os.ErrNotExist) {
			return e, "", err
		}
	}
	if !plainName(name) {
		return Entry{}, "", errNotAnEntry
	}
	if e.Record, err = readLimited(filepath.Join(dir, deadFolder, name)); err != nil {
		return Entry{}, "", err
	}
	reason, err = readReason(dir, name)
	return e, reason, err
}

// plainName: name is that of something in the folder itself.
func plainName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00") && !strings.HasSuffix(name, reasonSuffix)
}

func readLimited(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxRecord))
}

// RetryDead makes a dead entry wait again, durably. A server that runs finds it
// at its next scan, ten seconds later at most if it is idle.
func RetryDead(dir, name string) error {
	if err := retryDead(dir, name); err != nil {
		return fmt.Errorf("retry the entry %q: %w", name, err)
	}
	return nil
}

func retryDead(dir, name string) error {
	if _, _, ok := parseName(name); !ok {
		return errNotAnEntry
	}
	dead := filepath.Join(dir, deadFolder)
	pending := filepath.Join(dir, pendingFolder)
	minute := filepath.Join(pending, folderOf(keyOf(name)))
	if _, err := os.Lstat(filepath.Join(dead, name)); err != nil {
		return err
	}
	for try := 1; ; try++ {
		if err := os.MkdirAll(minute, 0o777); err != nil {
			return err
		}
		if _, err := os.Lstat(filepath.Join(minute, name)); err == nil {
			return errors.New("the same event waits already, since the upload was finished again; retry this one when that is sent")
		}
		err := os.Rename(filepath.Join(dead, name), filepath.Join(minute, name))
		if err == nil {
			break
		}
		// A server may remove the folder of a past minute while it is empty.
		if !errors.Is(err, os.ErrNotExist) || try == linkTries {
			return err
		}
	}
	for _, folder := range []string{minute, pending} {
		if err := syncPath(folder); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err // without a folder it was sent already
		}
	}
	if err := os.Remove(filepath.Join(dead, name+reasonSuffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return syncPath(dead)
}

func syncPath(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
