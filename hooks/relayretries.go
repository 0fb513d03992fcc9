package hooks

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"
)

// retries are the events that wait to be tried again, each with its own pause:
// it doubles with each try, and is jittered so that they don't all come at once.
type retries struct {
	least, most time.Duration

	items   []*item
	hurried time.Time
}

// add has it tried again after its pause.
func (r *retries) add(it *item, now time.Time) {
	pause := r.least << min(it.tries-1, 30)
	if pause <= 0 || pause > r.most {
		pause = r.most
	}
	it.due = now.Add(pause/2 + rand.N(pause/2+1))
	r.items = append(r.items, it)
}

// take returns what is due, at most count; with it comes what would be due
// shortly, so that it needs no call of its own. late are those that have to be
// claimed again: their claims end too soon to be sent, or they have no event.
func (r *retries) take(now time.Time, count int) (due, late []*item) {
	if at := r.next(); at.IsZero() || at.After(now) {
		return nil, nil
	}
	soon := now.Add(r.least / 2)
	r.items = slices.DeleteFunc(r.items, func(it *item) bool {
		switch {
		case it.until.Before(now.Add(sendFor)):
			late = append(late, it)
		case it.due.After(soon) || len(due) == count:
			return false
		case it.event.ID == "":
			late = append(late, it)
		default:
			due = append(due, it)
		}
		return true
	})
	return due, late
}

// next is when the first is due; zero if nothing waits.
func (r *retries) next() (at time.Time) {
	for _, it := range r.items {
		if at.IsZero() || it.due.Before(at) {
			at = it.due
		}
	}
	return at
}

// hurry makes all due at once, since the sink works again. An event that fails
// alone may make the sink look broken over and over, so this is done once in
// the least pause.
func (r *retries) hurry(now time.Time) {
	if now.Sub(r.hurried) < r.least {
		return
	}
	r.hurried = now
	for _, it := range r.items {
		if it.rejections == 0 {
			it.due = now
		}
	}
}

// all returns all that wait.
func (r *retries) all() []*item { return r.items }

// spell is a trouble that is said when it begins and when it ends.
type spell struct {
	log          *slog.Logger
	begins, ends string
	on           bool
}

// begin reports whether the trouble is new.
func (s *spell) begin(err error) bool {
	if s.on {
		return false
	}
	s.on = true
	s.log.Error(s.begins, "error", err)
	return true
}

// end reports whether there was a trouble.
func (s *spell) end() bool {
	if !s.on {
		return false
	}
	s.on = false
	s.log.Info(s.ends)
	return true
}
