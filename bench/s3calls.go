package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pieceSize is how much each PATCH of an upload in pieces has.
const pieceSize = 256 << 10

// counted is a kind of upload whose calls are counted.
type counted struct {
	key         string
	uploads     int
	connections int
	size, piece int // bytes of the upload, of each PATCH
	inCreation  bool
}

// calls runs scenario l, which is not timed: how many calls of S3 an upload of each kind takes.
func (b *bench) calls(ctx context.Context, s server) (figures, error) {
	all := figures{}
	for _, kind := range []counted{
		{"l.create", 20, 1, smallSize, smallSize, true},
		{"l.patch", 20, 1, smallSize, smallSize, false},
		{"l.medium", 5, 1, mediumSize, mediumSize, true},
		{"l.medium.patch", 5, 1, mediumSize, mediumSize, false},
		{"l.pieces", 5, 1, mediumSize, pieceSize, false},
		{"l.large", 1, 1, 40 << 20, 40 << 20, false},
		{"l.gigabyte", 1, 1, b.scale(1<<30, 96<<20), 1 << 30, false},
		{"l.busy", b.scale(500, 100), 16, smallSize, smallSize, true},
	} {
		if err := b.callsOf(ctx, s, kind, all); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.key, err)
		}
	}
	return all, nil
}

// callsOf adds the calls of an upload under the key, and under key.events those that its event takes afterwards.
func (b *bench) callsOf(ctx context.Context, s server, kind counted, all figures) error {
	proxy, err := startCounter(s.endpoint)
	if err != nil {
		return err
	}
	defer proxy.close()
	s.endpoint = proxy.endpoint
	return b.with(ctx, s, func(ctx context.Context, p *process, bucket string) error {
		proxy.forget() // what it asked at its start
		content := b.bytes(kind.size)
		l := load{addr: p.addr, uploads: kind.uploads, connections: kind.connections, content: content, separate: !kind.inCreation, piece: kind.piece}
		if _, err := l.run(ctx); err != nil {
			return err
		}
		if p.name == plateauS3 {
			if err := noneWaits(ctx, p); err != nil {
				return err
			}
		}
		uploads, events := proxy.counts()
		each := float64(kind.uploads)
		all[kind.key] = float64(sum(uploads)) / each
		if p.name == plateauS3 {
			all[kind.key+".events"] = float64(sum(events)) / each
		}
		b.spelled[kind.key+" "+s.name] = spelled(uploads, each)
		if err := verifyData(bucket, kind.uploads, int64(kind.size), content); err != nil {
			return err
		}
		return empty(bucket)
	})
}

func sum(calls map[string]int) int {
	n := 0
	for _, count := range calls {
		n += count
	}
	return n
}

// spelled lists calls and how many of each an upload takes.
func spelled(calls map[string]int, uploads float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		parts = append(parts, fmt.Sprintf("%.3g %s", float64(calls[name])/uploads, name))
	}
	return strings.Join(parts, ", ")
}
