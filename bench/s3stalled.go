package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	stalledClients = 10
	stalledPairs   = 8
)

// errStopped says that one upload did not go on because others don't.
var errStopped = errors.New("it waits for those that stand still")

// stalled runs scenario n: what ten clients that stand still take from one that doesn't. It uploads beside them and alone, in turn,
// to the same process. The figure is the median of the pairs, 0 if it has to wait for the others.
func (b *bench) stalled(ctx context.Context, s server) (figures, error) {
	blocks := b.scale(256, 32)
	var rates []float64
	err := b.with(ctx, s, func(ctx context.Context, p *process, bucket string) error {
		rates = nil
		if _, err := b.sendInOnePatch(ctx, p.addr, blocks); err != nil { // what is made once
			return err
		}
		for pair := range b.scale(stalledPairs, 1) {
			var took [2]float64 // alone, beside the others
			for turn := range took {
				beside := (pair + turn) % 2
				lasted, err := b.besideStalled(ctx, p, beside*stalledClients, blocks)
				if errors.Is(err, errStopped) {
					rates = []float64{0}
					return nil
				}
				if err != nil {
					return err
				}
				took[beside] = lasted.Seconds()
				if err := empty(bucket); err != nil {
					return err
				}
			}
			rates = append(rates, took[0]/took[1])
		}
		p.kill() // before its bucket changes under it
		return emptyAll(bucket)
	})
	return figures{"n.rate": median(rates)}, err
}

// besideStalled makes an upload of so many MiB while so many others stand still, each at another offset.
func (b *bench) besideStalled(ctx context.Context, p *process, others, blocks int) (time.Duration, error) {
	const declared = 64 << 20
	for i := range others {
		c, err := dial(ctx, p.addr)
		if err != nil {
			return 0, err
		}
		defer c.close()
		a, err := c.do(createOnly(p.addr, declared, tusHeaders))
		if err := expect(a, err, 201, -1); err != nil {
			return 0, fmt.Errorf("create: %w", err)
		}
		patch := patchRequest{addr: p.addr, headers: tusHeaders}
		if _, err := c.conn.Write(patch.head(a.location, 0, declared)); err != nil {
			return 0, fmt.Errorf("send head: %w", err)
		}
		for range 2*i + 1 { // within the first part, and beyond others
			if _, err := c.conn.Write(b.content[:1_000_000]); err != nil {
				return 0, fmt.Errorf("send body: %w", err)
			}
		}
	}
	// Until what they sent has been read, and what was left by those before is stored.
	if err := wait(ctx, time.After(time.Duration(b.scale(1_000, 300))*time.Millisecond)); err != nil {
		return 0, err
	}
	// Ten slots of tusd are with those that stand still, until they go; there is nothing else to wait for.
	inTime, cancel := context.WithTimeout(ctx, b.patience(p))
	defer cancel()
	lasted, err := b.sendInOnePatch(inTime, p.addr, blocks)
	if err != nil && inTime.Err() != nil && ctx.Err() == nil {
		return 0, errStopped
	}
	return lasted, err
}

// patience is how long an upload that takes about a second may last.
func (b *bench) patience(p *process) time.Duration {
	if p.name == tusdS3 {
		return time.Duration(b.scale(20, 3)) * time.Second
	}
	return runTimeout
}
