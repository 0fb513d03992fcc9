package hooks

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// confirmers is how many entries are asked about at a time; it may take a call
	// over the network for each. After as many errors, or one that is ErrAway, no
	// more are asked about now: each may have taken long.
	confirmers = 16
	// perConfirmer is how many entries make another of them worth its while.
	perConfirmer = 4
)

// answer is what Confirm said of an entry.
type answer struct {
	asked        bool
	confirmation Confirmation
	err          error
}

// finished returns those claimed entries whose events may be sent. The others
// are given back, so that they hold up nobody: the outbox leaves them alone for
// a while. With an error some may not have been asked about.
func (r *Relay) finished(ctx context.Context, entries []Entry, until time.Time) ([]Entry, error) {
	if r.outboxPause > 0 {
		entries = slices.DeleteFunc(entries, func(e Entry) bool {
			// Its claim has ended before it could be removed.
			return slices.ContainsFunc(r.acked, func(a Entry) bool { return a.Name == e.Name })
		})
	}
	var sure, unsure []Entry
	var errs []error
	for i, a := range r.ask(ctx, entries) {
		switch {
		case !a.asked || a.err != nil || a.confirmation == Unknown:
			unsure = append(unsure, entries[i])
		case a.confirmation == Finished:
			sure = append(sure, entries[i])
		}
		errs = append(errs, a.err)
	}
	if len(unsure) > 0 && until.After(time.Now()) {
		r.opts.Outbox.Release(unsure)
	}
	return sure, errors.Join(errs...)
}

// ask calls Confirm for all entries, several at a time.
func (r *Relay) ask(ctx context.Context, entries []Entry) []answer {
	answers := make([]answer, len(entries))
	var next, failed atomic.Int64
	work := func() {
		for failed.Load() < confirmers {
			i := int(next.Add(1)) - 1
			if i >= len(entries) {
				return
			}
			c, err := r.opts.Outbox.Confirm(ctx, entries[i])
			answers[i] = answer{asked: true, confirmation: c, err: err}
			switch {
			case errors.Is(err, ErrAway):
				failed.Add(confirmers)
			case err != nil:
				failed.Add(1)
			}
		}
	}
	var others sync.WaitGroup
	for range min(confirmers, len(entries)/perConfirmer) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return answers
}
