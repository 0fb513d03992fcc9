package main

import (
	"context"
	"fmt"
	"time"
)

// large runs scenario c: 2 GiB in one PATCH. The time is that from the first byte sent to the answer, so that with
// fsync it holds the fsync.
func (b *bench) large(ctx context.Context, s server) (figures, error) {
	blocks := b.scale(2048, 128)
	size := int64(blocks) * int64(len(b.content))
	var took time.Duration
	var used float64
	err := b.with(ctx, s, func(ctx context.Context, p *process, uploads string) error {
		before, err := p.cpu()
		if err != nil {
			return err
		}
		if took, err = b.sendInOnePatch(ctx, p.addr, blocks); err != nil {
			return err
		}
		after, err := p.cpu()
		if err != nil {
			return err
		}
		used = after - before
		if err := verify(uploads, 1, size, b.content); err != nil {
			return err
		}
		return empty(uploads)
	})
	gigabytes := float64(size) / gigabyte
	return figures{"c.cpu": used / gigabytes, "c.rate": gigabytes / took.Seconds()}, err
}

// sendInOnePatch makes an upload of so many MiB, and returns the time from the first byte of the PATCH to its answer.
func (b *bench) sendInOnePatch(ctx context.Context, addr string, blocks int) (time.Duration, error) {
	c, err := dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer c.close()
	size := int64(blocks) * int64(len(b.content))
	a, err := c.do(createOnly(addr, size, tusHeaders))
	if err := expect(a, err, 201, -1); err != nil {
		return 0, fmt.Errorf("create: %w", err)
	}
	patch := patchRequest{addr: addr, headers: tusHeaders}
	meter, start := startMeter(), time.Now()
	if _, err := c.conn.Write(patch.head(a.location, 0, size)); err != nil {
		return 0, fmt.Errorf("send head: %w", err)
	}
	for range blocks {
		if _, err := c.conn.Write(b.content); err != nil {
			return 0, fmt.Errorf("send body: %w", err)
		}
	}
	a, err = c.read()
	took := time.Since(start)
	b.spent(meter.stop(took))
	if err := expect(a, err, 204, size); err != nil {
		return 0, fmt.Errorf("upload %d bytes: %w", size, err)
	}
	return took, nil
}
