package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// linkTries is how often a minute's folder may be removed between the opening
// and the link. Each takes a removal at that very moment.
const linkTries = 10

// add makes an entry. Durable, it survives a power cut; a copy of a record, which
// may be on another file system, always does.
func (o *DiskOutbox) add(ctx context.Context, id string, finishedAt time.Time, durable bool) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := entryName(id, finishedAt)
	if err != nil {
		return err
	}
	o.queue.begin(name)
	defer func() {
		if err != nil {
			o.queue.withdraw(name)
		}
	}()
	f, made, copied, err := o.place(name, id+recordSuffix)
	if err != nil {
		return err
	}
	defer o.minutes.leave(f)
	defer func() {
		if err != nil && made {
			err = errors.Join(err, o.takeBack(f, name))
		}
	}()
	// An entry that was there already may not be durable: an earlier Add may have
	// ended in between.
	switch {
	case !o.opts.Durable:
	case durable || copied:
		if err := f.sync.wait(ctx); err != nil {
			return err
		}
		if !f.named.Load() {
			if err := o.pendingSync.wait(ctx); err != nil {
				return err
			}
			f.named.Store(true)
		}
	default: // whoever journaled it relies on what was written before
		if err := o.believed(); err != nil {
			return err
		}
	}
	o.queue.arrive(name)
	signal(o.arrived)
	return nil
}

// place puts the record under the entry's name, and returns the folder that it
// is in, which the caller leaves. copied says that it may not be a link.
func (o *DiskOutbox) place(name, record string) (in *minuteFolder, made, copied bool, err error) {
	for range linkTries {
		f, err := o.minutes.enter(keyOf(name), true)
		if err != nil {
			return nil, false, false, err
		}
		if made, copied, err = o.placeIn(f, name, record); err == nil {
			return f, made, copied, nil
		}
		o.minutes.leave(f)
		if !errors.Is(err, os.ErrNotExist) {
			return nil, false, false, err
		}
		// Either the record is gone, or the folder was removed as empty.
		if there, err := exists(o.records, record); err != nil {
			return nil, false, false, err
		} else if !there {
			return nil, false, false, fmt.Errorf("the upload's record: %w", os.ErrNotExist)
		}
		o.minutes.forget(keyOf(name))
	}
	return nil, false, false, errors.New("the folder of its minute is removed again and again")
}

// takeBack removes an entry that could not be made durable: its upload is not
// finished, and may be removed.
func (o *DiskOutbox) takeBack(f *minuteFolder, name string) error {
	o.names.RLock()
	defer o.names.RUnlock()
	removed, err := unlink(f.File, name)
	if removed {
		o.tally.add(keyOf(name), -1)
	}
	return err
}

func (o *DiskOutbox) placeIn(f *minuteFolder, name, record string) (made, copied bool, err error) {
	o.names.RLock()
	err = o.calls.link(int(o.records.Fd()), record, int(f.Fd()), name)
	if err == nil {
		o.tally.add(keyOf(name), 1)
	}
	o.names.RUnlock()
	switch {
	case err == nil:
		return true, false, nil
	case errors.Is(err, os.ErrExist):
		same, err := o.holds(f, name, record)
		if same || err != nil {
			return false, false, err
		}
		return false, true, o.replace(f, name, record)
	case canNotLink(err):
		return true, true, o.replace(f, name, record)
	default:
		return false, false, &os.LinkError{Op: "link", Old: record, New: name, Err: err}
	}
}

// holds reports whether the entry is a link to the record.
func (o *DiskOutbox) holds(f *minuteFolder, name, record string) (bool, error) {
	is, err := stat(f.File, name)
	if err != nil {
		return false, err
	}
	want, err := stat(o.records, record)
	return err == nil && sameFile(is, want), err
}

// replace puts the record under the entry's name, whatever was there: a link if
// it can be made, else a copy. A crash leaves the old or the new.
func (o *DiskOutbox) replace(f *minuteFolder, name, record string) (err error) {
	temporary := temporaryName(name)
	// After the rename of a link to the same file, the name is still there.
	defer func() {
		_, left := unlink(f.File, temporary)
		err = errors.Join(err, left)
	}()
	err = o.calls.link(int(o.records.Fd()), record, int(f.Fd()), temporary)
	if canNotLink(err) {
		err = o.copyRecord(f, temporary, record)
	}
	if err != nil {
		return fmt.Errorf("put the record beside its entry: %w", err)
	}
	o.names.Lock()
	defer o.names.Unlock()
	there, err := exists(f.File, name)
	if err != nil {
		return err
	}
	// A relay may be sending the older record: then this one is sent too.
	o.queue.changed(name)
	if err := rename(f.File, temporary, f.File, name); err != nil {
		return err
	}
	if !there {
		o.tally.add(keyOf(name), 1)
	}
	return nil
}

func (o *DiskOutbox) copyRecord(f *minuteFolder, name, record string) error {
	fd, err := openEntry(int(o.records.Fd()), record)
	if err != nil {
		return &os.PathError{Op: "open", Path: record, Err: err}
	}
	from := os.NewFile(uintptr(fd), record)
	defer from.Close()
	text, err := io.ReadAll(io.LimitReader(from, maxRecord+1))
	if err != nil {
		return err
	}
	if len(text) > maxRecord {
		return errTooLarge
	}
	return o.writeNew(f.File, name, text)
}

// writeNew writes a file and brings it to stable storage, not its name.
func (o *DiskOutbox) writeNew(dir *os.File, name string, text []byte) error {
	f, err := openIn(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	if err != nil {
		return err
	}
	err = o.calls.write(f, text)
	if err == nil && o.opts.Durable {
		err = o.fsync(f)
	}
	return errors.Join(err, f.Close())
}
