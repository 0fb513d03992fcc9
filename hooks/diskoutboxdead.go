package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	// buryAtOnce is how many names that are no entries a scan moves away from one
	// folder; the next takes others.
	buryAtOnce = 100
	// maxStranger is how much of such a name is kept, in bytes.
	maxStranger = 200
)

// Bury is part of Outbox. The entry moves to the folder "dead", the reason is
// in a file beside it. A crash leaves the entry where it was, or moved with its
// reason.
func (o *DiskOutbox) Bury(ctx context.Context, e Entry, reason string) error {
	if err := o.bury(ctx, e.Name, reason); err != nil {
		return fmt.Errorf("bury the entry %s: %w", e.Name, err)
	}
	return nil
}

func (o *DiskOutbox) bury(ctx context.Context, name, reason string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, _, ok := parseName(name); !ok {
		return errNotAnEntry
	}
	f, err := o.minutes.enter(keyOf(name), false)
	if errors.Is(err, os.ErrNotExist) {
		o.giveBack(nil, []string{name})
		return nil
	}
	if err != nil {
		return err
	}
	defer o.minutes.leave(f)
	if there, err := exists(f.File, name); err != nil {
		return err
	} else if there {
		if err := o.moveToDead(ctx, f.File, name, name, reason); err != nil {
			return err
		}
		if o.opts.Durable {
			if err := f.sync.wait(ctx); err != nil {
				return err
			}
		}
	}
	o.giveBack(nil, []string{name})
	return nil
}

// moveToDead moves a name out of one of the pending folders.
func (o *DiskOutbox) moveToDead(ctx context.Context, from *os.File, name, to, reason string) error {
	if err := o.writeNew(o.dead, to+reasonSuffix, []byte(strings.TrimRight(reason, "\n")+"\n")); err != nil {
		return fmt.Errorf("write the reason: %w", err)
	}
	if err := o.moveName(from, name, to); err != nil {
		return err
	}
	if o.opts.Durable {
		return o.deadSync.wait(ctx)
	}
	return nil
}

func (o *DiskOutbox) moveName(from *os.File, name, to string) error {
	o.names.RLock()
	defer o.names.RUnlock()
	if err := rename(from, name, o.dead, to); err != nil {
		return err
	}
	// Where both were links to the same file, the rename did nothing.
	left, err := stat(from, name)
	if err == nil {
		if dead, err := stat(o.dead, to); err == nil && sameFile(left, dead) {
			if _, err := unlink(from, name); err != nil {
				return err
			}
		}
	}
	if _, _, ok := parseName(name); ok {
		o.tally.add(keyOf(name), -1)
	}
	return nil
}

// buryStranger moves something out of a pending folder that is not an entry.
// If that fails, it stays; the next scan tries again.
func (o *DiskOutbox) buryStranger(from *os.File, name string) {
	to := strings.TrimSuffix(name[:min(len(name), maxStranger)], reasonSuffix)
	for i := 1; ; i++ {
		taken, err := exists(o.dead, to)
		if err == nil && !taken {
			break
		}
		if err != nil || i > buryAtOnce {
			return
		}
		to = name[:min(len(name), maxStranger)] + "." + strconv.Itoa(i)
	}
	if err := o.moveToDead(context.Background(), from, name, to, "its name is not an entry's"); err != nil {
		o.opts.Log.Warn("there is something in the outbox that is not an event, and it can't be moved away", "name", name, "error", err)
		return
	}
	o.opts.Log.Error("there was something in the outbox that is not an event; it was moved to its folder "+deadFolder, "name", name)
}
