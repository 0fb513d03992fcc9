package disk

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/lifecycle"
)

// draftsAtOnce is how many files of one form are brought to stable storage at
// the same time: they share syncs, and other uploads have their turn.
const draftsAtOnce = 8

// FinishDrafts makes finished uploads of drafts, with the given metadata: first
// all of them are made durable, then their events are made safe, in their order.
// If the first fails, nothing is left of any; if an event can't be made safe,
// that upload and those after it are removed, and those before it stay. Errors
// of single drafts: 423, 500, 507.
//
// A process that dies in between leaves all of them complete, for the sweep to
// finish, or none; only within the moment in which they get their names, some. A
// power cut may leave some.
func (s *Store) FinishDrafts(ctx context.Context, drafts []store.Draft, metadata []handler.MetaData) []store.Finished {
	b := &draftBatch{store: s, drafts: make([]*draft, len(drafts)), states: make([]draftState, len(drafts)), done: make(chan struct{})}
	for i := range drafts {
		d := drafts[i].(*draft)
		b.drafts[i] = d
		b.states[i].info = d.info(metadata[i])
	}
	begin := time.Now()
	s.running.Go(func() {
		defer close(b.done)
		err := b.finish(context.WithoutCancel(ctx))
		s.opts.Finished(ctx, store.EndedFinish{Info: b.states[0].info, Began: begin, Err: err})
	})
	// As a POST waits for its finish; with more files, longer.
	patience := 2 * s.opts.FinishDeadline * time.Duration(1+len(drafts)/100)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	results := make([]store.Finished, len(drafts))
	select {
	case <-b.done:
		for i := range b.states {
			results[i] = store.Finished{Info: b.states[i].info, Unsure: b.states[i].unsure}
			if err := b.states[i].err; err != nil {
				results[i].Err = s.answer(ctx, err)
			}
		}
	case <-timer.C: // b goes on; its fields are its own
		for i, d := range b.drafts {
			late := fmt.Errorf("the finish takes longer than %s: %w", patience, store.Unfinished())
			results[i] = store.Finished{Info: handler.FileInfo{ID: d.id}, Err: s.answer(ctx, late), Unsure: true}
		}
	}
	return results
}

// draftBatch is one FinishDrafts.
type draftBatch struct {
	store  *Store
	drafts []*draft
	states []draftState
	done   chan struct{}
}

type draftState struct {
	info      handler.FileInfo
	fin       *lifecycle.Finishing // while others may find the upload
	journaled bool
	written   func() // lets the journal forget it; nil if it isn't in there
	recorded  bool   // it has its record
	published bool   // and its name
	err       error
	unsure    bool // it could not be removed
}

func (b *draftBatch) finish(ctx context.Context) error {
	defer b.release()
	err := b.safely(b.publish)
	if err == nil {
		err = b.safely(b.makeDurable)
	}
	if err == nil {
		err = b.safely(func() error { return b.announce(ctx) })
	}
	if err != nil {
		b.undo(err)
	}
	return err
}

// safely makes an error of a panic, most likely in Options.Finish.
func (b *draftBatch) safely(step func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = unfinished("finish", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return step()
}

// publish makes complete uploads of all: first their records, which are nothing
// without data, then their names, in one go. From then on a download may come for one
// of them, and waits.
func (b *draftBatch) publish() error {
	at := time.Now()
	for i := range b.drafts {
		state := &b.states[i]
		state.fin, _ = b.store.finishes.Begin(state.info.ID)
		if err := b.store.createRecord(state.info); err != nil {
			return err
		}
		state.recorded = true
	}
	for i, d := range b.drafts {
		if err := d.publish(at); err != nil {
			return err
		}
		b.states[i].published = true
	}
	return nil
}

// makeDurable brings all to stable storage, some at a time.
func (b *draftBatch) makeDurable() error {
	if !b.store.opts.Durable {
		return nil
	}
	var running sync.WaitGroup
	free := make(chan struct{}, draftsAtOnce)
	errs := make([]error, len(b.drafts))
	for i := range b.drafts {
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			errs[i] = b.safely(func() error { return b.makeOneDurable(i) })
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func (b *draftBatch) makeOneDurable(i int) error {
	s, state, d := b.store, &b.states[i], b.drafts[i]
	if err := d.wake(); err != nil {
		return err
	}
	if len(b.drafts) > 1 {
		defer d.close()
	}
	if journalable(state.info) && !s.folder.broken() {
		s.journaling.Add(1)
		written, err := s.appendUpload(state.info, d.data)
		s.journaling.Add(-1)
		if err == nil {
			state.written, state.journaled = written, true
			s.opts.Synced("journal")
			return nil
		}
	}
	return s.makeDurable(state.info, d.data, false)
}

// announce makes the events safe, and seals.
func (b *draftBatch) announce(ctx context.Context) error {
	for i := range b.states {
		if err := b.announceOne(ctx, &b.states[i], b.drafts[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *draftBatch) announceOne(ctx context.Context, state *draftState, d *draft) error {
	ctx, cancel := context.WithTimeout(ctx, b.store.opts.FinishDeadline)
	defer cancel()
	if err := d.wake(); err != nil {
		return unfinished("announce the upload", err)
	}
	defer d.close()
	if err := b.store.announce(ctx, state.info, d.data, state.journaled); err != nil {
		return err
	}
	b.store.sealFinished(ctx, state.info, d.data)
	b.end(state, nil)
	return nil
}

// undo removes all that have no event, since their client will send them again.
func (b *draftBatch) undo(cause error) {
	for i, d := range b.drafts {
		state := &b.states[i]
		if state.fin != nil && state.fin.Ended() {
			continue // announced
		}
		err := b.remove(d, state)
		if state.published && err != nil {
			state.unsure = true // the sweep will finish it
		}
		state.err = errors.Join(cause, err)
		if state.fin != nil {
			b.end(state, state.err)
		}
	}
}

func (b *draftBatch) remove(d *draft, state *draftState) error {
	s, id := b.store, d.id
	var err error
	if !state.published {
		d.chunk.growth.is(store.Occupied{})
		err = ignoreMissing(s.root.Remove(draftName(id)))
		if state.recorded {
			err = errors.Join(err, ignoreMissing(s.root.Remove(recordName(id))))
		}
		return err
	}
	err = errors.Join(ignoreMissing(s.root.Remove(id+".damaged")), s.remove(&upload{store: s, info: state.info}))
	if err == nil {
		s.refused.Delete(id)
	}
	return err
}

func (b *draftBatch) end(state *draftState, err error) {
	b.store.finishes.End(state.info.ID, state.fin, err)
}

// release lets go of everything that the drafts hold.
func (b *draftBatch) release() {
	for i, d := range b.drafts {
		if b.states[i].written != nil {
			b.states[i].written()
		}
		d.close()
		d.unlock()
	}
}
