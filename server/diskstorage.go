package server

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/config"
	"plateau/hooks"
	"plateau/profiling"
	"plateau/store"
	"plateau/store/disk"
)

// openDisk opens the store in the data folder, which takes the folder's lock, and
// then the outbox there. A folder that another server has is a *UsageError.
func (s *Server) openDisk(locker store.Locker, counts *eventMetrics) (*storage, error) {
	var events *hooks.DiskOutbox // nothing is finished before it is there
	opts := diskOptions(s.cfg, s.log)
	opts.Locker = locker
	opts.Finish = func(ctx context.Context, info handler.FileInfo, finishedAt time.Time, journaled bool) error {
		s.beforeEvent(ctx, info.ID)
		if journaled { // after a power cut, it is finished again
			return events.AddJournaled(ctx, info, finishedAt)
		}
		return events.Add(ctx, info, finishedAt)
	}
	opts.Accounts = s.accounts()
	opts.Waiting = func(id string, finishedAt time.Time) (bool, error) { return events.Has(id, finishedAt) }
	opts.Wrote, opts.Finished = s.onChunk(), s.finishEnded
	opts.Synced, opts.Redriven, opts.Reread, opts.Expired = counts.durable, counts.finishedAgain, counts.readAgain, counts.removed
	uploads, err := disk.Open(opts)
	if err != nil {
		return nil, folderError(err)
	}
	waiting := outboxOptions(s.cfg, s.log)
	waiting.Buried = counts.observer().Dead
	if events, err = hooks.OpenDiskOutbox(waiting); err != nil {
		return nil, errors.Join(err, uploads.Close(context.Background()))
	}
	return &storage{
		uploadStore: uploads,
		outbox:      events,
		where:       []any{"data_dir", s.cfg.DataDir, "durability", s.cfg.Durability},
		collectors:  []prometheus.Collector{freeSpace(uploads), counts.synced},
		troubles:    func() string { return journalTrouble(uploads) },
		warnings:    func() []profiling.Warning { return append(spaceWarnings(uploads), journalWarnings(uploads)...) },
	}, nil
}

// diskOptions is what the store on disk is told by the configuration; locker
// and callbacks are not in it.
func diskOptions(cfg config.Config, log *slog.Logger) disk.Options {
	return disk.Options{
		Dir:                 cfg.DataDir,
		Digest:              digestOf(cfg),
		ExpireAfter:         cfg.ExpireAfter,
		DeleteFinishedAfter: cfg.DeleteFinishedAfter,
		Durable:             cfg.Durability == "finish",
		MaxSize:             cfg.MaxSize,
		MinFreeSpace:        cfg.MinFreeSpace,
		Journal:             cfg.JournalSize / 2 >> 20 << 20, // of each file, in whole MiB
		Log:                 log,
	}
}

// digestOf is the kind of digest that stores are told of; empty: none.
func digestOf(cfg config.Config) string {
	if cfg.Digest == "none" {
		return ""
	}
	return cfg.Digest
}

// folderError makes a mistake of a folder that another server has.
func folderError(err error) error {
	if _, inUse := errors.AsType[*disk.InUseError](err); inUse {
		return &UsageError{err}
	}
	return err
}

// outboxDir is where the events of a data folder wait.
func outboxDir(dataDir string) string { return filepath.Join(dataDir, "outbox") }

func outboxOptions(cfg config.Config, log *slog.Logger) hooks.DiskOutboxOptions {
	return hooks.DiskOutboxOptions{
		Dir:     outboxDir(cfg.DataDir),
		Records: filepath.Join(cfg.DataDir, "uploads"),
		Durable: cfg.Durability == "finish",
		Log:     log,
	}
}

func freeSpace(uploads *disk.Store) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "plateau_disk_free_bytes",
		Help: "Space that is left for uploads on their disk.",
	}, func() float64 {
		free, _, known := uploads.Space()
		if !known {
			return math.NaN()
		}
		return float64(free)
	})
}

// Space on the disk that is worth a word, and that is an alarm: the smaller of a
// share of the whole and of bytes.
const (
	lowSpace, lowSpaceShare           = 50 << 30, 10
	hardlyAnySpace, hardlyAnyOneShare = 2 << 30, 50
)

func spaceWarnings(uploads *disk.Store) []profiling.Warning {
	free, total, known := uploads.Space()
	switch {
	case !known:
	case free < min(hardlyAnySpace, total/hardlyAnyOneShare):
		return []profiling.Warning{warning(profiling.LevelAlarm, "The disk is nearly full: %s of %s are free.", inBytes(free), inBytes(total))}
	case free < min(lowSpace, total/lowSpaceShare):
		return []profiling.Warning{warning(profiling.LevelWarning, "The disk gets full: %s of %s are free.", inBytes(free), inBytes(total))}
	}
	return nil
}

func journalTrouble(uploads *disk.Store) string {
	if uploads.JournalFailed() == nil {
		return ""
	}
	return "the journal of small uploads: it failed; restart the server soon, see the log\n"
}

func journalWarnings(uploads *disk.Store) []profiling.Warning {
	if uploads.JournalFailed() == nil {
		return nil
	}
	return []profiling.Warning{warning(profiling.LevelAlarm, "The journal of small uploads has failed: restart the server soon, see the log.")}
}
