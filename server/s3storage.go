package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/config"
	"plateau/hooks"
	"plateau/store"
	"plateau/store/s3"
	"plateau/store/s3/bucket"
	"plateau/store/s3/outbox"
)

// openS3 opens the bucket, the outbox in it, and the store over both. Whether the
// bucket can be used is seen at the start.
func (s *Server) openS3(locker store.Locker, counts *eventMetrics) (*storage, error) {
	watch := newBucketWatch(s.log)
	b, err := openBucket(s.cfg, s.log, watch.called)
	if err != nil {
		return nil, err
	}
	watch.bucket = b
	var uploads *s3.Store // the relay asks after everything is there
	events, err := outbox.Open(outbox.Options{
		Bucket: b,
		Confirm: func(ctx context.Context, id string, finishedAt time.Time) (hooks.Confirmation, error) {
			return uploads.Confirm(ctx, id, finishedAt)
		},
		Buried: counts.observer().Dead,
		Log:    s.log,
	})
	if err != nil {
		b.Close()
		return nil, err
	}
	opts := s3Options(s.cfg, s.log, b, events)
	opts.SpoolDir = filepath.Join(s.cfg.DataDir, "spool")
	opts.Locker, opts.Accounts = locker, s.accounts()
	opts.Intents = intents{events, s.beforeEvent}
	opts.Wrote, opts.Finished = s.onChunk(), s.finishEnded
	opts.Redriven, opts.Expired = counts.finishedAgain, counts.removed
	if uploads, err = s3.Open(context.Background(), opts); err != nil {
		err = errors.Join(err, events.Close())
		b.Close()
		return nil, err
	}
	st := &storage{
		uploadStore: uploads,
		outbox:      events,
		where:       []any{"bucket", s.cfg.S3Bucket, "prefix", s.cfg.S3Prefix, "endpoint", s.cfg.S3Endpoint, "spool", opts.SpoolDir},
		collectors:  []prometheus.Collector{watch.calls, watch.took, spoolGauge(uploads), spoolBudgetGauge(uploads)},
		troubles:    watch.line,
		warnings:    watch.warnings,
		begin:       watch.start,
		end:         func() { watch.stop(); b.Close() },
	}
	if s.cfg.Downloads == "redirect" {
		st.presign = uploads.Presign
	}
	return st, nil
}

// openBucket makes what speaks to the bucket. It makes no call.
func openBucket(cfg config.Config, log *slog.Logger, called func(string, time.Duration, error)) (*bucket.Bucket, error) {
	b, err := bucket.Open(context.Background(), bucket.Options{
		Name:         cfg.S3Bucket,
		Prefix:       cfg.S3Prefix,
		Endpoint:     cfg.S3Endpoint,
		Region:       cfg.S3Region,
		PathStyle:    cfg.S3PathStyle,
		SSE:          cfg.S3SSE,
		StorageClass: cfg.S3StorageClass,
		Checksum:     cfg.S3Checksum,
		Called:       called,
		Log:          log,
	})
	if err != nil {
		return nil, &UsageError{fmt.Errorf("use --store s3: %w", err)}
	}
	return b, nil
}

// s3Options is what the store on S3 is told by the configuration; spool folder, locker
// and callbacks are not in it, save for what asks the outbox.
func s3Options(cfg config.Config, log *slog.Logger, b *bucket.Bucket, events *outbox.Outbox) s3.Options {
	return s3.Options{
		Bucket:              b,
		BucketName:          cfg.S3Bucket,
		Prefix:              cfg.S3Prefix,
		SpoolSize:           cfg.SpoolSize,
		Digest:              digestOf(cfg),
		ExpireAfter:         cfg.ExpireAfter,
		DeleteFinishedAfter: cfg.DeleteFinishedAfter,
		Waiting: func(id string, finishedAt time.Time) (bool, error) {
			return events.Has(context.Background(), id, finishedAt) // its calls have deadlines
		},
		MaxSize: cfg.MaxSize,
		Log:     log,
	}
}

// intents are the outbox as the store on S3 needs it.
type intents struct {
	*outbox.Outbox
	before func(ctx context.Context, id string)
}

// Add is part of s3.Intents.
func (i intents) Add(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error {
	i.before(ctx, info.ID)
	return i.Outbox.Add(ctx, info, finishedAt)
}

// Pending is part of s3.Intents.
func (i intents) Pending(ctx context.Context, id string) (s3.Intent, bool, error) {
	intent, waits, err := i.Intent(ctx, id)
	return s3.Intent(intent), waits, err
}

// Keep is part of s3.Intents.
func (i intents) Keep(ctx context.Context, id string) error { return i.MarkConfirmed(ctx, id) }

func spoolGauge(uploads *s3.Store) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "plateau_spool_bytes",
		Help: "What the temporary files occupy in which bytes wait for S3.",
	}, func() float64 {
		used, _ := uploads.Spooled()
		return float64(used)
	})
}

func spoolBudgetGauge(uploads *s3.Store) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "plateau_spool_budget_bytes",
		Help: "What the temporary files may occupy: see --spool-size.",
	}, func() float64 {
		_, budget := uploads.Spooled()
		return float64(budget)
	})
}
