package hooks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
)

// groupSync makes the names in a folder durable. Those who wait at the same
// time share one fsync: all that came while one ran share the next.
//
// After an fsync that failed none is believed any more, in no folder of the
// outbox, until the process starts again: the kernel reports an error once, and
// names that were made before it may be lost for those who ask later. Only a
// full disk is different: it loses nothing that was written.
type groupSync struct {
	outbox *DiskOutbox
	dir    *os.File
	hold   func() (release func()) // keeps dir open while an fsync runs; nil: it is always open

	mu      sync.Mutex // guards what follows
	running bool
	next    *syncRound
}

// syncRound is one fsync and those who wait for it.
type syncRound struct {
	done chan struct{}
	err  error
}

// wait returns after an fsync that began after the call, or when ctx ends.
func (g *groupSync) wait(ctx context.Context) error {
	if err := g.outbox.believed(); err != nil {
		return err
	}
	g.mu.Lock()
	if g.next == nil {
		g.next = &syncRound{done: make(chan struct{})}
	}
	r := g.next
	if !g.running {
		g.running = true
		release := func() {}
		if g.hold != nil {
			release = g.hold()
		}
		g.outbox.running.Go(func() {
			defer release()
			g.run()
		})
	}
	g.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("wait for the fsync of a folder: %w", ctx.Err())
	}
}

// run fsyncs for one round after the other, until nobody waits.
func (g *groupSync) run() {
	for {
		g.mu.Lock()
		r := g.next
		g.next = nil
		g.running = r != nil
		g.mu.Unlock()
		if r == nil {
			return
		}
		r.err = g.outbox.fsync(g.dir)
		close(r.done)
	}
}

// believed returns an error once an fsync has failed.
func (o *DiskOutbox) believed() error {
	if broken := o.broken.Load(); broken != nil {
		return fmt.Errorf("no fsync of the outbox is believed until the server starts again, since one failed: %w", *broken)
	}
	return nil
}

// fsync brings a file or folder to stable storage; a failure is remembered.
func (o *DiskOutbox) fsync(f *os.File) error {
	err := o.calls.fsync(f)
	if err != nil {
		err = fmt.Errorf("fsync %s: %w", f.Name(), err)
		if !diskFull(err) && o.broken.CompareAndSwap(nil, &err) {
			o.opts.Log.Error("an fsync in the outbox failed; no upload can be finished until the server starts again", "error", err)
		}
	}
	if broken := o.broken.Load(); broken != nil {
		return *broken
	}
	return err
}

// syncNamed makes the names in a folder durable, once.
func (o *DiskOutbox) syncNamed(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open a folder to fsync it: %w", err)
	}
	return errors.Join(o.fsync(dir), dir.Close())
}
