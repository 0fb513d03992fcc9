package server

import (
	"context"
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

// folder is a data folder, as an operator's place.
type folder struct {
	cfg config.Config
	log *slog.Logger
}

// newFolder makes nothing in the folder.
func newFolder(cfg config.Config, log *slog.Logger) (*folder, error) {
	if _, err := os.Stat(filepath.Join(cfg.DataDir, "uploads")); err != nil {
		return nil, fmt.Errorf("look into the data folder: %w", err)
	}
	return &folder{cfg: cfg, log: log}, nil
}

func (f *folder) listEvents(_ context.Context, dead bool, each func(hooks.Entry, string) error) error {
	err := hooks.ListOutbox(outboxDir(f.cfg.DataDir), dead, each)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no server has made an outbox yet
	}
	return err
}

func (f *folder) showEvent(_ context.Context, name string) (hooks.Entry, string, error) {
	return hooks.ShowEntry(outboxDir(f.cfg.DataDir), name)
}

func (f *folder) retryEvent(_ context.Context, name string) error {
	if err := f.mayWrite(); err != nil {
		return err
	}
	return hooks.RetryDead(outboxDir(f.cfg.DataDir), name)
}

func (f *folder) adding(use func(addEvent) error) error {
	if err := f.mayWrite(); err != nil {
		return err
	}
	return f.withOutbox(func(o *hooks.DiskOutbox) error { return use(o.Add) })
}

func (f *folder) reading(use func(keptUploads) error) error {
	return f.with(disk.OpenToRead, nothingWaits{}, use)
}

func (f *folder) judging(use func(keptUploads) error) error {
	if _, err := os.Stat(outboxDir(f.cfg.DataDir)); errors.Is(err, fs.ErrNotExist) {
		return f.reading(use)
	}
	return f.withOutbox(func(o *hooks.DiskOutbox) error { return f.with(disk.OpenToRead, o, use) })
}

func (f *folder) owning(use func(keptUploads) error) error {
	if err := f.mayWrite(); err != nil {
		return err
	}
	return f.withOutbox(func(o *hooks.DiskOutbox) error { return f.with(disk.Open, o, use) })
}

// spared is part of place.
func (f *folder) spared(context.Context, keptUploads) (int, error) { return 0, nil }

// mayRemove is part of place: who has the folder's lock is alone.
func (f *folder) mayRemove(store.Listed) error { return nil }

// mayWrite refuses to make files and folders in the data folder that its server
// could not remove.
func (f *folder) mayWrite() error {
	stat, err := os.Stat(filepath.Join(f.cfg.DataDir, "uploads"))
	if err != nil {
		return fmt.Errorf("look into the data folder: %w", err)
	}
	if owner, known := ownerOf(stat); known && owner != os.Geteuid() {
		return &UsageError{fmt.Errorf("%s belongs to the user with the number %d: run this as that user, as the server does", f.cfg.DataDir, owner)}
	}
	return nil
}

func (f *folder) withOutbox(use func(*hooks.DiskOutbox) error) (err error) {
	events, err := hooks.OpenDiskOutbox(outboxOptions(f.cfg, f.log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	return use(events)
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

func (f *folder) with(open func(disk.Options) (*disk.Store, error), events waitingEvents, use func(keptUploads) error) error {
	opts := diskOptions(f.cfg, f.log)
	opts.Locker = memorylock.New()
	opts.Waiting = events.Has
	opts.Finish = func(ctx context.Context, info handler.FileInfo, finishedAt time.Time, _ bool) error {
		return events.Add(ctx, info, finishedAt)
	}
	uploads, err := open(opts)
	if err != nil {
		return folderError(err)
	}
	return errors.Join(use(uploads), uploads.Close(context.Background()))
}
