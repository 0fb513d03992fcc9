package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// leftoverAge is how old a temporary file is before it is taken for one that a
// crash left.
const leftoverAge = 10 * time.Minute

// scan looks for the oldest names behind the cursor, and sets the cursor behind
// them. It reads the folders of as many minutes as fill the window, and of a
// folder it keeps the names that fit. Unless it is ahead of its time, it does
// so only if the window is empty.
func (o *DiskOutbox) scan(ctx context.Context, ahead bool) error {
	o.scanning.Lock()
	defer o.scanning.Unlock()
	cursor, needed := o.queue.beginScan(ahead)
	if !needed {
		return nil
	}
	found, drained, err := o.namesAfter(ctx, &cursor)
	o.queue.endScan(found, cursor, drained && err == nil)
	if err != nil {
		return fmt.Errorf("look for entries: %w", err)
	}
	return nil
}

// beginScan says where a scan has to begin. It isn't needed if somebody else's
// found something meanwhile, or if there is nothing behind the cursor.
func (q *queue) beginScan(ahead bool) (cursor string, needed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.drained && !q.stale:
		return "", false
	case len(q.window) == 0:
		if q.stale {
			q.cursor, q.stale = "", false
		}
	case !ahead || !q.low():
		return "", false
	}
	q.scanning = true
	return q.cursor, true
}

func (q *queue) endScan(found []string, cursor string, drained bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.scanning = false
	q.cursor, q.drained = cursor, drained
	q.window = append(q.window, found...) // all of them come after what is left
	for _, name := range found {
		q.minutes[keyOf(name)]++
	}
}

// namesAfter returns the oldest names after the cursor, as many as fit into the
// window, and moves the cursor; drained says that there are no more. With an
// error it returns what it found until then.
func (o *DiskOutbox) namesAfter(ctx context.Context, cursor *string) (found []string, drained bool, err error) {
	limit := o.queue.limit
	for {
		keys, more, err := o.keysAfter(*cursor, limit)
		if err != nil {
			return found, false, err
		}
		for i, key := range keys {
			if err := ctx.Err(); err != nil {
				return found, false, err
			}
			names, cut, err := o.entriesOf(key, *cursor, limit-len(found))
			if err != nil {
				return found, false, err
			}
			found = append(found, names...)
			if cut {
				*cursor = found[len(found)-1]
				return found, false, nil
			}
			*cursor = lastOf(key)
			if len(found) == limit && (more || i < len(keys)-1) {
				return found, false, nil
			}
		}
		if !more {
			return found, true, nil
		}
	}
}

// keysAfter returns the keys of the oldest minutes that may have names after
// the cursor, at most limit.
func (o *DiskOutbox) keysAfter(cursor string, limit int) (keys []string, more bool, err error) {
	after := ""
	if cursor != "" {
		after = folderOf(keyOf(cursor))
		if cursor != lastOf(keyOf(cursor)) {
			keys = append(keys, keyOf(cursor)) // this folder is not read to its end
		}
	}
	var strange []string
	folders, more, err := smallestIn(o.pending, ".", after, limit, func(name string) bool {
		_, ok := keyOfFolder(name)
		if !ok && len(strange) < buryAtOnce {
			strange = append(strange, name)
		}
		return ok
	})
	if err != nil {
		return nil, false, err
	}
	for _, name := range strange {
		o.buryStranger(o.pending, name)
	}
	for _, folder := range folders {
		key, _ := keyOfFolder(folder)
		keys = append(keys, key)
	}
	return keys, more, nil
}

// entriesOf returns the oldest names in the folder of a minute; cut says that
// there are more. What is no entry is moved out of the way, and an empty folder
// removed.
func (o *DiskOutbox) entriesOf(key, after string, limit int) (names []string, cut bool, err error) {
	if after != "" && keyOf(after) != key {
		after = ""
	}
	var strange, leftover []string
	names, cut, err = smallestIn(o.pending, folderOf(key), after, limit, func(name string) bool {
		if _, _, ok := parseName(name); ok && keyOf(name) == key {
			return true
		}
		if isTemporary(name) {
			leftover = append(leftover[:min(len(leftover), buryAtOnce)], name)
		} else {
			strange = append(strange[:min(len(strange), buryAtOnce)], name)
		}
		return false
	})
	switch {
	case errors.Is(err, os.ErrNotExist): // removed since
		return nil, false, nil
	case errors.Is(err, unix.ENOTDIR):
		o.buryStranger(o.pending, folderOf(key))
		return nil, false, nil
	case err != nil && passing(err) && !errors.Is(err, os.ErrPermission):
		return nil, false, err
	case err != nil:
		// The other minutes' events need not wait for a folder that is broken.
		if !slices.Contains(o.unreadable, key) && len(o.unreadable) < buryAtOnce {
			o.unreadable = append(o.unreadable, key)
			o.opts.Log.Error("a folder of the outbox can't be read; its events wait until it can", "folder", folderOf(key), "error", err)
		}
		return nil, false, nil
	}
	if len(strange)+len(leftover) > 0 {
		o.clear(key, strange, leftover)
	}
	if len(names) == 0 && after == "" {
		o.minutes.remove(key)
	}
	return names, cut, nil
}

// clear buries what is no entry, and removes what a crash left half made.
func (o *DiskOutbox) clear(key string, strange, leftover []string) {
	f, err := o.minutes.enter(key, false)
	if err != nil {
		return
	}
	defer o.minutes.leave(f)
	for _, name := range strange {
		o.buryStranger(f.File, name)
	}
	for _, name := range leftover {
		s, err := stat(f.File, name)
		if err == nil && o.opts.Now().Sub(time.Unix(s.Ctim.Unix())) > leftoverAge {
			_, _ = unlink(f.File, name) // the next scan tries again
		}
	}
}

// smallestIn is smallest of a folder in another one.
func smallestIn(parent *os.File, folder, after string, limit int, use func(string) bool) (names []string, cut bool, err error) {
	dir, err := openIn(parent, folder, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, false, err
	}
	defer dir.Close()
	return smallest(dir, after, limit, use)
}

// smallest returns the first names in a folder, as they sort, that come after a
// name: at most limit of those that use wants. cut says that there are more. It
// keeps at most half as many again in memory.
func smallest(dir *os.File, after string, limit int, use func(string) bool) (names []string, cut bool, err error) {
	last := "" // names behind it don't matter any more
	shorten := func() {
		slices.Sort(names)
		if len(names) > limit {
			names, cut = names[:limit], true
		}
	}
	err = eachName(dir, func(name []byte) {
		if string(name) <= after || last != "" && string(name) >= last {
			return
		}
		kept := string(name)
		if !use(kept) {
			return
		}
		names = append(names, kept)
		if len(names) > limit+limit/2 {
			shorten()
			last = names[limit-1]
		}
	})
	if err != nil {
		return nil, false, fmt.Errorf("read the folder %s: %w", dir.Name(), err)
	}
	shorten()
	return names, cut, nil
}
