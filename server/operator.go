package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/config"
	"plateau/hooks"
	"plateau/store"
)

// Operator looks into a data folder or a bucket, and puts things right there, without
// serving. What only looks, and what makes events wait again, may run beside a
// server. What removes uploads may not run beside the server that has the folder, and
// is a *UsageError there; from a bucket it removes only what no server can be at work
// on. Its methods may be called by one goroutine at a time.
type Operator struct {
	source string // of events
	place  place
}

// place is where an operator is at work. Each call of it opens what it needs, and
// closes it again.
type place interface {
	listEvents(ctx context.Context, dead bool, each func(e hooks.Entry, reason string) error) error
	showEvent(ctx context.Context, name string) (e hooks.Entry, reason string, err error)
	retryEvent(ctx context.Context, name string) error
	// adding calls use with what adds events of finished uploads.
	adding(use func(addEvent) error) error
	// reading calls use with a store that only reads, beside a server or not; judging
	// with one that also knows which events wait, so that it can say what would expire.
	reading(use func(keptUploads) error) error
	judging(use func(keptUploads) error) error
	// owning calls use with a store that may remove uploads.
	owning(use func(keptUploads) error) error
	// spared counts the uploads that would have expired but for mayRemove.
	spared(ctx context.Context, s keptUploads) (int, error)
	// mayRemove says why an upload must not be removed now, if so.
	mayRemove(u store.Listed) error
}

// addEvent makes the event of a finished upload wait.
type addEvent func(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error

// keptUploads is a store as operators see it.
type keptUploads interface {
	List(ctx context.Context, each func(store.Listed) error) error
	Show(ctx context.Context, id string) (store.Listed, error)
	Remove(ctx context.Context, id string) error
	Expire(ctx context.Context, dryRun bool, each func(store.Expired) error) error
	FinishedBetween(ctx context.Context, since, until time.Time, each func(info handler.FileInfo, finishedAt time.Time) error) error
}

// What the store says of uploads, for who may not know the store.
type (
	Listed  = store.Listed
	Expired = store.Expired
)

// NewOperator makes an operator of the configuration's data folder or bucket. It makes
// no folder; one that is not there is an error.
func NewOperator(cfg config.Config, log *slog.Logger) (*Operator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, &UsageError{err}
	}
	if cfg.Store == "s3" {
		return &Operator{source: cfg.EventSource, place: newBucketPlace(cfg, log)}, nil
	}
	at, err := newFolder(cfg, log)
	if err != nil {
		return nil, err
	}
	return &Operator{source: cfg.EventSource, place: at}, nil
}

// WaitingEvent is an entry of the outbox.
type WaitingEvent struct {
	Name       string // in the outbox
	UploadID   string // empty: it is no entry
	FinishedAt time.Time
	Dead       bool
	Reason     string // why it is dead
}

// ListEvents calls each for the events that wait, or for the dead ones, oldest
// first. An error of each ends it.
func (o *Operator) ListEvents(ctx context.Context, dead bool, each func(WaitingEvent) error) error {
	return o.place.listEvents(ctx, dead, func(e hooks.Entry, reason string) error {
		return each(WaitingEvent{Name: e.Name, UploadID: e.ID, FinishedAt: e.FinishedAt, Dead: dead, Reason: reason})
	})
}

// ShownEvent is an event as it would be sent, in CloudEvents' JSON format.
type ShownEvent struct {
	JSON   []byte // nil: no event can be made of the entry
	Reason string // why it is dead, or why there is no JSON
}

// ShowEvent returns the event of one entry of the outbox, by its name.
func (o *Operator) ShowEvent(ctx context.Context, name string) (ShownEvent, error) {
	entry, reason, err := o.place.showEvent(ctx, name)
	if err != nil {
		return ShownEvent{}, err
	}
	event, err := hooks.NewEvent(o.source, entry)
	if err != nil {
		if reason == "" {
			reason = err.Error()
		}
		return ShownEvent{Reason: reason}, nil
	}
	shown := map[string]any{"datacontenttype": hooks.ContentType, "data": json.RawMessage(event.Data)}
	for _, a := range event.Attributes() {
		shown[a.Name] = a.Value
	}
	text, err := json.Marshal(shown)
	return ShownEvent{JSON: text, Reason: reason}, err
}

// RetryEvent makes a dead event wait again. A server that runs takes it up
// within seconds, from a bucket within half a minute.
func (o *Operator) RetryEvent(ctx context.Context, name string) error {
	return o.place.retryEvent(ctx, name)
}

// Replay adds the events of all uploads that were finished from since until
// before until to the outbox again, with the same ids, and calls each for every
// one. A server that runs takes them up within seconds, from a bucket within half
// a minute; without one they wait for its start.
func (o *Operator) Replay(ctx context.Context, since, until time.Time, each func(id string, finishedAt time.Time) error) error {
	return o.place.adding(func(add addEvent) error {
		return o.place.reading(func(s keptUploads) error {
			return s.FinishedBetween(ctx, since, until, func(info handler.FileInfo, finishedAt time.Time) error {
				if err := add(ctx, info, finishedAt); err != nil {
					return err
				}
				return each(info.ID, finishedAt)
			})
		})
	})
}

// ListUploads calls each for every upload, in no order. An error of each ends it.
func (o *Operator) ListUploads(ctx context.Context, each func(store.Listed) error) error {
	return o.place.reading(func(s keptUploads) error { return s.List(ctx, each) })
}

// ShowUpload returns what is known of one upload.
func (o *Operator) ShowUpload(ctx context.Context, id string) (shown store.Listed, err error) {
	err = o.place.reading(func(s keptUploads) error {
		shown, err = s.Show(ctx, id)
		return err
	})
	return shown, err
}

// RemoveUploads removes uploads, finished ones too, and calls each for every one
// that is removed. Events that wait stay.
func (o *Operator) RemoveUploads(ctx context.Context, ids []string, each func(id string) error) error {
	return o.place.owning(func(s keptUploads) error {
		for _, id := range ids {
			if err := o.remove(ctx, s, id); err != nil {
				return fmt.Errorf("remove the upload %s: %w", id, err)
			}
			if err := each(id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *Operator) remove(ctx context.Context, s keptUploads, id string) error {
	if u, err := s.Show(ctx, id); err == nil { // one that can't be used may be removed
		if err := o.place.mayRemove(u); err != nil {
			return err
		}
	}
	return s.Remove(ctx, id)
}

// Expire removes the uploads that the janitor of a server would remove, and
// calls each for every one. With dryRun it only says which. It returns how many it
// left alone because a server may be at work on them.
func (o *Operator) Expire(ctx context.Context, dryRun bool, each func(store.Expired) error) (spared int, err error) {
	use := func(s keptUploads) (err error) {
		if err = s.Expire(ctx, dryRun, each); err == nil {
			spared, err = o.place.spared(ctx, s)
		}
		return err
	}
	if dryRun {
		err = o.place.judging(use)
	} else {
		err = o.place.owning(use)
	}
	return spared, err
}
