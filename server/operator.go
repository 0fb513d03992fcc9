package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/config"
	"plateau/hooks"
	"plateau/store"
	"plateau/store/disk"
	"plateau/store/memorylock"
)

// Operator looks into a data folder, and puts things right there, without
// serving. What only looks, and what makes events wait again, may run beside the
// server that has the folder; what removes uploads may not, and is a *UsageError
// there. Its methods may be called by one goroutine at a time.
type Operator struct {
	cfg config.Config
	log *slog.Logger
}

// NewOperator makes an operator of the configuration's data folder. It makes no
// folder; one that is not there is an error.
func NewOperator(cfg config.Config, log *slog.Logger) (*Operator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, &UsageError{err}
	}
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "uploads")); err != nil {
		return nil, fmt.Errorf("look into the data folder: %w", err)
	}
	return &Operator{cfg: cfg, log: log}, nil
}

// WaitingEvent is an entry of the outbox.
type WaitingEvent struct {
	Name       string // in the outbox
	UploadID   string
	FinishedAt time.Time
	Dead       bool
	Reason     string // why it is dead
}

// ListEvents calls each for the events that wait, or for the dead ones, oldest
// first. An error of each ends it.
func (o *Operator) ListEvents(dead bool, each func(WaitingEvent) error) error {
	err := hooks.ListOutbox(outboxDir(o.cfg.DataDir), dead, func(e hooks.Entry, reason string) error {
		return each(WaitingEvent{Name: e.Name, UploadID: e.ID, FinishedAt: e.FinishedAt, Dead: dead, Reason: reason})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no server has made an outbox yet
	}
	return err
}

// ShownEvent is an event as it would be sent, in CloudEvents' JSON format.
type ShownEvent struct {
	JSON   []byte // nil: no event can be made of the entry
	Reason string // why it is dead, or why there is no JSON
}

// ShowEvent returns the event of one entry of the outbox, by its name.
func (o *Operator) ShowEvent(name string) (ShownEvent, error) {
	entry, reason, err := hooks.ShowEntry(outboxDir(o.cfg.DataDir), name)
	if err != nil {
		return ShownEvent{}, err
	}
	event, err := hooks.NewEvent(o.cfg.EventSource, entry)
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
// within seconds.
func (o *Operator) RetryEvent(name string) error {
	if err := o.mayWrite(); err != nil {
		return err
	}
	return hooks.RetryDead(outboxDir(o.cfg.DataDir), name)
}

// Replay adds the events of all uploads that were finished from since until
// before until to the outbox again, with the same ids, and calls each for every
// one. A server that runs takes them up within seconds; without one they wait
// for its start.
func (o *Operator) Replay(ctx context.Context, since, until time.Time, each func(id string, finishedAt time.Time) error) (err error) {
	if err := o.mayWrite(); err != nil {
		return err
	}
	outbox, err := hooks.OpenDiskOutbox(outboxOptions(o.cfg, o.log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, outbox.Close()) }()
	return o.reading(func(s *disk.Store) error {
		return s.FinishedBetween(ctx, since, until, func(info handler.FileInfo, finishedAt time.Time) error {
			if err := outbox.Add(ctx, info, finishedAt); err != nil {
				return err
			}
			return each(info.ID, finishedAt)
		})
	})
}

// ListUploads calls each for every upload, in no order. An error of each ends it.
func (o *Operator) ListUploads(ctx context.Context, each func(store.Listed) error) error {
	return o.reading(func(s *disk.Store) error { return s.List(ctx, each) })
}

// ShowUpload returns what is known of one upload.
func (o *Operator) ShowUpload(id string) (shown store.Listed, err error) {
	err = o.reading(func(s *disk.Store) error {
		shown, err = s.Show(id)
		return err
	})
	return shown, err
}

// RemoveUploads removes uploads, finished ones too, and calls each for every one
// that is removed. Events that wait stay.
func (o *Operator) RemoveUploads(ctx context.Context, ids []string, each func(id string) error) error {
	return o.owning(func(s *disk.Store) error {
		for _, id := range ids {
			if err := s.Remove(ctx, id); err != nil {
				return fmt.Errorf("remove the upload %s: %w", id, err)
			}
			if err := each(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Expire removes the uploads that the janitor of a server would remove, and
// calls each for every one. With dryRun it only says which.
func (o *Operator) Expire(ctx context.Context, dryRun bool, each func(store.Expired) error) error {
	use := func(s *disk.Store) error { return s.Expire(ctx, dryRun, each) }
	if !dryRun {
		return o.owning(use)
	}
	if _, err := os.Stat(outboxDir(o.cfg.DataDir)); errors.Is(err, fs.ErrNotExist) {
		return o.with(disk.OpenToRead, nothingWaits{}, use)
	}
	return o.withOutbox(disk.OpenToRead, use)
}

// reading calls use with a store that only reads, beside a server or not.
func (o *Operator) reading(use func(*disk.Store) error) error {
	return o.with(disk.OpenToRead, nothingWaits{}, use)
}

// owning calls use with a store that has the folder to itself.
func (o *Operator) owning(use func(*disk.Store) error) error {
	if err := o.mayWrite(); err != nil {
		return err
	}
	return o.withOutbox(disk.Open, use)
}

// mayWrite refuses to make files and folders in the data folder that its server
// could not remove.
func (o *Operator) mayWrite() error {
	stat, err := os.Stat(filepath.Join(o.cfg.DataDir, "uploads"))
	if err != nil {
		return fmt.Errorf("look into the data folder: %w", err)
	}
	if owner, known := ownerOf(stat); known && owner != os.Geteuid() {
		return &UsageError{fmt.Errorf("%s belongs to the user with the number %d: run this as that user, as the server does", o.cfg.DataDir, owner)}
	}
	return nil
}

func (o *Operator) withOutbox(open func(disk.Options) (*disk.Store, error), use func(*disk.Store) error) (err error) {
	outbox, err := hooks.OpenDiskOutbox(outboxOptions(o.cfg, o.log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, outbox.Close()) }()
	return o.with(open, outbox, use)
}

// waitingEvents is what the store must know of an outbox.
type waitingEvents interface {
	Has(id string, finishedAt time.Time) (bool, error)
	Add(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error
}

// nothingWaits is an outbox for who removes nothing.
type nothingWaits struct{}

func (nothingWaits) Has(string, time.Time) (bool, error) { return false, nil }

func (nothingWaits) Add(context.Context, handler.FileInfo, time.Time) error {
	return errors.New("who only looks finishes no upload")
}

func (o *Operator) with(open func(disk.Options) (*disk.Store, error), events waitingEvents, use func(*disk.Store) error) error {
	opts := storeOptions(o.cfg, o.log)
	opts.Locker = memorylock.New()
	opts.Waiting = events.Has
	opts.Finish = func(ctx context.Context, info handler.FileInfo, finishedAt time.Time, _ bool) error {
		return events.Add(ctx, info, finishedAt)
	}
	store, err := open(opts)
	if err != nil {
		return folderError(err)
	}
	return errors.Join(use(store), store.Close(context.Background()))
}

// What the store says of uploads, for who may not know the store.
type (
	Listed  = store.Listed
	Expired = store.Expired
)
