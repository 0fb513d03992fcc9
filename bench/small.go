package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// memory runs scenario a: what is left in memory after many small uploads.
func (b *bench) memory(ctx context.Context, s server) (figures, error) {
	count := b.scale(40_000, 2_000)
	var mu sync.Mutex // guards at and rss
	var at, rss []float64
	var p *process
	sample := func(n int) error {
		resident, err := p.resident()
		mu.Lock()
		at, rss = append(at, float64(n)), append(rss, resident)
		mu.Unlock()
		return errors.Join(err, p.place.check())
	}
	err := b.with(ctx, s, func(ctx context.Context, running *process, uploads string) error {
		p, at, rss = running, nil, nil
		l := load{addr: p.addr, uploads: count, connections: 16, content: b.content[:smallSize], separate: true, sample: sample}
		if _, err := l.run(ctx); err != nil {
			return err
		}
		return verify(uploads, count, smallSize, l.content)
	})
	if err != nil {
		return nil, err
	}
	half, end := valueAt(at, rss, count/2), valueAt(at, rss, count)
	var x, y []float64
	for i := range at {
		if at[i] >= float64(count/2) {
			x, y = append(x, at[i]), append(y, rss[i])
		}
	}
	rise := slope(x, y)
	return figures{
		"a.half":  half / megabyte,
		"a.end":   end / megabyte,
		"a.rise":  rise * float64(count/2) / megabyte,
		"a.slope": rise, // bytes an upload is the same number as KB for 1,000
	}, nil
}

// valueAt finds the sample taken after n uploads: samples come from several goroutines, and so in any order.
func valueAt(at, values []float64, n int) float64 {
	for i := range at {
		if at[i] == float64(n) {
			return values[i]
		}
	}
	return 0
}

// creation runs scenario d: creations with the whole upload in them.
func (b *bench) creation(ctx context.Context, s server) (figures, error) {
	all := figures{}
	for _, connections := range []int{16, 64} {
		l := load{uploads: b.scale(20_000, 1_000), connections: connections}
		if err := b.rate(ctx, s, l, fmt.Sprintf("d.%d", connections), all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// twoRequests runs scenario e: a creation, then one PATCH.
func (b *bench) twoRequests(ctx context.Context, s server) (figures, error) {
	all := figures{}
	err := b.rate(ctx, s, load{uploads: b.scale(10_000, 1_000), connections: 16, separate: true}, "e.16", all)
	return all, err
}

// rate adds uploads a second under the key, and the server's CPU time for each in microseconds under key.cpu: the second
// hardly moves when something else runs on the machine.
func (b *bench) rate(ctx context.Context, s server, l load, key string, all figures) error {
	return b.with(ctx, s, func(ctx context.Context, p *process, uploads string) error {
		l.addr, l.content = p.addr, b.content[:smallSize]
		l.sample = func(int) error { return p.place.check() }
		before, err := p.cpu()
		if err != nil {
			return err
		}
		meter := startMeter()
		took, err := l.run(ctx)
		if err != nil {
			return err
		}
		b.spent(meter.stop(took))
		after, err := p.cpu()
		if err != nil {
			return err
		}
		all[key] = float64(l.uploads) / took.Seconds()
		all[key+".cpu"] = (after - before) / float64(l.uploads) * 1e6
		return verify(uploads, l.uploads, smallSize, l.content)
	})
}
