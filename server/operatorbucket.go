package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"plateau/config"
	"plateau/hooks"
	"plateau/store"
	"plateau/store/memorylock"
	"plateau/store/s3"
	"plateau/store/s3/bucket"
	"plateau/store/s3/outbox"
)

// restingTime is how old the last byte of an unfinished upload must be for an operator
// to remove it from a bucket. Nothing says there whether a server is at work on it.
const restingTime = time.Hour

// bucketPlace is a bucket, as an operator's place. It has no lock of its own: servers
// may run beside whatever is done here.
type bucketPlace struct {
	cfg   config.Config
	asked time.Duration // the configuration's ExpireAfter; cfg has no less than restingTime
	log   *slog.Logger
}

func newBucketPlace(cfg config.Config, log *slog.Logger) *bucketPlace {
	asked := cfg.ExpireAfter
	if cfg.ExpireAfter > 0 && cfg.ExpireAfter < restingTime {
		cfg.ExpireAfter = restingTime
	}
	return &bucketPlace{cfg: cfg, asked: asked, log: log}
}

func (p *bucketPlace) listEvents(ctx context.Context, dead bool, each func(hooks.Entry, string) error) error {
	return p.withOutbox(func(o *outbox.Outbox, _ *bucket.Bucket) error { return o.List(ctx, dead, each) })
}

func (p *bucketPlace) showEvent(ctx context.Context, name string) (e hooks.Entry, reason string, err error) {
	err = p.withOutbox(func(o *outbox.Outbox, _ *bucket.Bucket) error {
		e, reason, err = o.Show(ctx, name)
		return err
	})
	return e, reason, err
}

func (p *bucketPlace) retryEvent(ctx context.Context, name string) error {
	return p.withOutbox(func(o *outbox.Outbox, _ *bucket.Bucket) error { return o.Retry(ctx, name) })
}

func (p *bucketPlace) adding(use func(addEvent) error) error {
	return p.withOutbox(func(o *outbox.Outbox, _ *bucket.Bucket) error { return use(o.Add) })
}

func (p *bucketPlace) reading(use func(keptUploads) error) error { return p.owning(use) }

func (p *bucketPlace) judging(use func(keptUploads) error) error { return p.owning(use) }

// owning is part of place; the store does by itself only what Start begins.
func (p *bucketPlace) owning(use func(keptUploads) error) error {
	return p.withOutbox(func(o *outbox.Outbox, b *bucket.Bucket) (err error) {
		spool, err := os.MkdirTemp("", "plateau-spool-")
		if err != nil {
			return fmt.Errorf("make a folder for temporary files: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(spool)) }()
		opts := s3Options(p.cfg, p.log, b, o)
		opts.SpoolDir = spool
		opts.Locker = memorylock.New()
		opts.Intents = intents{o, func(context.Context, string) {}}
		uploads, err := s3.Open(context.Background(), opts)
		if err != nil {
			return err
		}
		return errors.Join(use(uploads), uploads.Close(context.Background()))
	})
}

// spared is part of place. It lists all uploads if there can be any.
func (p *bucketPlace) spared(ctx context.Context, s keptUploads) (count int, err error) {
	sooner := p.cfg.ExpireAfter - p.asked
	if sooner == 0 {
		return 0, nil
	}
	now := time.Now()
	err = s.List(ctx, func(u store.Listed) error {
		if !u.Expires.IsZero() && now.Before(u.Expires) && now.After(u.Expires.Add(-sooner)) {
			count++
		}
		return nil
	})
	return count, err
}

// mayRemove is part of place.
func (p *bucketPlace) mayRemove(u store.Listed) error {
	if age := time.Since(u.Modified); u.State != "sealed" && age < restingTime {
		return &UsageError{fmt.Errorf("it is not finished, and its last byte came %s ago: a server may be at work on it; that can't be seen in a bucket, so wait until it has rested for %s", age.Round(time.Second), restingTime)}
	}
	return nil
}

func (p *bucketPlace) withOutbox(use func(*outbox.Outbox, *bucket.Bucket) error) (err error) {
	b, err := openBucket(p.cfg, p.log, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	events, err := outbox.Open(outbox.Options{Bucket: b, Log: p.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	return p.explained(b, use(events, b))
}

// explained says in words, as a server's start does, what is wrong with the bucket or
// with what was said of it.
func (p *bucketPlace) explained(b *bucket.Bucket, err error) error {
	words := bucket.Words(err)
	if words == "" {
		return err
	}
	if errors.Is(err, bucket.ErrRefused) && !bucket.Everywhere(err) {
		// Answers to HEAD have no body, so they don't say why; those to a listing do.
		if _, _, e := b.List(context.Background(), "", "", 1); bucket.Everywhere(e) { // it has its deadline
			words = bucket.Words(e)
		}
	}
	err = fmt.Errorf("use --store s3: bucket %s: %s: %w", p.cfg.S3Bucket, words, err)
	if errors.Is(err, bucket.ErrRefused) {
		return &UsageError{err}
	}
	return err
}
