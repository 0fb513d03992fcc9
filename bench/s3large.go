package main

import (
	"context"
	"fmt"
	"time"
)

// largeOnS3 runs scenario j: as c, 1 GiB.
func (b *bench) largeOnS3(ctx context.Context, s server) (figures, error) {
	blocks := b.scale(1024, 64)
	size := int64(blocks) * int64(len(b.content))
	var took time.Duration
	var used spending
	err := b.with(ctx, s, func(ctx context.Context, p *process, bucket string) error {
		before, err := b.spendingOf(p)
		if err != nil {
			return err
		}
		if took, err = b.sendInOnePatch(ctx, p.addr, blocks); err != nil {
			return err
		}
		if used, err = b.spentSince(ctx, p, before); err != nil {
			return err
		}
		if err := verifyData(bucket, 1, size, b.content); err != nil {
			return err
		}
		return empty(bucket)
	})
	gigabytes := float64(size) / gigabyte
	return figures{
		"j.cpu": used.server / gigabytes, "j.rate": gigabytes / took.Seconds(), "j.gateway": used.gateway / gigabytes,
	}, err
}

// spending is processor time in seconds.
type spending struct{ server, gateway float64 }

func (b *bench) spendingOf(p *process) (spending, error) {
	server, err := p.cpu()
	if err != nil {
		return spending{}, err
	}
	gateway, err := b.gateway.cpu()
	return spending{server, gateway}, err
}

// spentSince waits until the events of all uploads are sent, where there are any, since that is part of what they cost.
func (b *bench) spentSince(ctx context.Context, p *process, before spending) (spending, error) {
	if p.name == plateauS3 {
		if err := noneWaits(ctx, p); err != nil {
			return spending{}, err
		}
	}
	after, err := b.spendingOf(p)
	return spending{after.server - before.server, after.gateway - before.gateway}, err
}

// noneWaits waits until no event does.
func noneWaits(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var waiting float64
	err := poll(ctx, 50*time.Millisecond, func() (_ bool, err error) {
		waiting, err = p.metric(ctx, "plateau_outbox_pending")
		return waiting == 0, err
	})
	if err != nil {
		return fmt.Errorf("wait until %g events are sent: %w", waiting, err)
	}
	return nil
}
