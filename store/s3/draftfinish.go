package s3

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// draftsAtOnce is how many large files of one form send their last bytes at the same
// time: other uploads have their turn.
const draftsAtOnce = 8

// FinishDrafts makes finished uploads of drafts, with the given metadata: first the bytes
// of all large ones are stored, then each gets its event and its object, in their order.
// If one fails, it and those after it are removed, and those before it stay. Errors of
// single drafts: 423, 503, 507, 5xx. Unsure is one whose object may be there, or come yet:
// its event is sent if so.
//
// A process that dies in between leaves some finished, and of the others at most one that
// the sweep finishes or the outbox finds out about.
func (s *Store) FinishDrafts(ctx context.Context, drafts []store.Draft, metadata []handler.MetaData) []store.Finished {
	b := &draftBatch{store: s, drafts: make([]*draft, len(drafts)), results: make([]draftResult, len(drafts)), done: make(chan struct{})}
	for i := range drafts {
		b.drafts[i] = drafts[i].(*draft)
		b.drafts[i].become(metadata[i])
	}
	begin := time.Now()
	s.running.Go(func() {
		defer close(b.done)
		err := b.finish(context.WithoutCancel(ctx))
		s.opts.Finished(ctx, store.EndedFinish{Info: b.results[0].info, Began: begin, Err: err})
	})
	// As a POST waits for its finish; with more files, longer.
	patience := 2 * s.opts.FinishDeadline * time.Duration(1+len(drafts)/100)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	results := make([]store.Finished, len(drafts))
	select {
	case <-b.done:
		for i, r := range b.results {
			results[i] = store.Finished{Info: r.info, Unsure: r.unsure}
			if r.err != nil {
				results[i].Err = s.answer(ctx, r.err)
			}
		}
	case <-timer.C: // b goes on; its fields are its own
		for i, d := range b.drafts {
			late := fmt.Errorf("the finish takes longer than %s: %w", patience, store.Unfinished())
			results[i] = store.Finished{Info: handler.FileInfo{ID: d.ID()}, Err: s.answer(ctx, late), Unsure: true}
		}
	}
	return results
}

// draftBatch is one FinishDrafts.
type draftBatch struct {
	store   *Store
	drafts  []*draft
	results []draftResult
	done    chan struct{}
}

type draftResult struct {
	info   handler.FileInfo
	err    error
	unsure bool
}

func (b *draftBatch) finish(ctx context.Context) error {
	defer func() {
		for _, d := range b.drafts {
			d.unlock()
		}
	}()
	sealed := 0
	err := inParallel(len(b.drafts), draftsAtOnce, func(i int) error {
		return b.drafts[i].safely(ctx, b.drafts[i].storeParts)
	})
	for err == nil && sealed < len(b.drafts) {
		d := b.drafts[sealed]
		d.begun = true
		if err = d.safely(ctx, d.finish); err == nil {
			b.results[sealed].info = d.info()
			sealed++
		}
	}
	for i, d := range b.drafts[sealed:] {
		b.results[sealed+i] = d.undo(ctx, err)
	}
	return err
}

// safely makes a step of a draft's finish with the state locked, and an error of a panic,
// most likely in the outbox.
func (d *draft) safely(ctx context.Context, step func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, d.store.opts.FinishDeadline)
	defer cancel()
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	d.state.finishing = true
	defer func() { d.state.finishing = false }()
	defer func() {
		if p := recover(); p != nil {
			err = unfinished("finish", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return step(ctx)
}

// storeParts brings the bytes of a large draft to the bucket.
func (d *draft) storeParts(ctx context.Context) error {
	if d.state.small() {
		return nil
	}
	if err := d.state.settle(); err != nil {
		return unfinished("store the parts", err)
	}
	if err := d.state.storeLast(ctx); err != nil {
		return unfinished("store the last part", err)
	}
	return nil
}

func (d *draft) finish(ctx context.Context) error { return d.store.finish(ctx, d.state) }

// info is the record of the upload that the draft has become.
func (d *draft) info() handler.FileInfo {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	info := d.state.info
	info.Offset = info.Size
	return info
}

// undo removes a draft that has no event, since its client will send it again.
func (d *draft) undo(ctx context.Context, cause error) draftResult {
	r := draftResult{info: d.info(), err: cause}
	if d.begun && errors.Is(cause, errUnsure) {
		r.unsure = true
		d.state.close()
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, d.store.opts.FinishDeadline)
	defer cancel()
	var err error
	if d.begun {
		err = d.store.opts.Intents.Withdraw(ctx, d.ID())
	}
	if err == nil {
		err = d.remove(ctx)
	}
	if err != nil {
		r.err = errors.Join(cause, err)
		// With its event or its record, the sweep or the outbox may yet finish it.
		r.unsure = d.begun
		d.state.close()
	}
	return r
}
