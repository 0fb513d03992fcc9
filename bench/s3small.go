package main

import (
	"bytes"
	"context"
)

// mediumSize is that of a typical upload.
const mediumSize = 1_400_000

// smallOnS3 runs scenario k: small uploads over 16 connections.
func (b *bench) smallOnS3(ctx context.Context, s server) (figures, error) {
	all := figures{}
	for _, kind := range []struct {
		key      string
		uploads  int
		size     int
		separate bool
	}{
		{"k.create", b.scale(1_500, 100), smallSize, false},
		{"k.patch", b.scale(1_500, 100), smallSize, true},
		{"k.medium", b.scale(500, 32), mediumSize, false},
	} {
		l := load{uploads: kind.uploads, connections: 16, content: b.bytes(kind.size), separate: kind.separate}
		if err := b.rateOnS3(ctx, s, l, kind.key, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// bytes returns so many, the content over and over.
func (b *bench) bytes(n int) []byte {
	return bytes.Repeat(b.content, n/len(b.content)+1)[:n]
}

// rateOnS3 adds uploads a second under the key, and for each upload the CPU time of the server, with its event, and of the gateway,
// in microseconds.
func (b *bench) rateOnS3(ctx context.Context, s server, l load, key string, all figures) error {
	return b.with(ctx, s, func(ctx context.Context, p *process, bucket string) error {
		l.addr = p.addr
		before, err := b.spendingOf(p)
		if err != nil {
			return err
		}
		meter := startMeter()
		took, err := l.run(ctx)
		if err != nil {
			return err
		}
		b.spent(meter.stop(took))
		used, err := b.spentSince(ctx, p, before)
		if err != nil {
			return err
		}
		all[key] = float64(l.uploads) / took.Seconds()
		all[key+".cpu"] = used.server / float64(l.uploads) * 1e6
		all[key+".gateway"] = used.gateway / float64(l.uploads) * 1e6
		if err := verifyData(bucket, l.uploads, int64(len(l.content)), l.content); err != nil {
			return err
		}
		if len(l.content) == smallSize {
			return nil
		}
		return empty(bucket)
	})
}
