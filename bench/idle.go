package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	idleDeclared = 8 << 20
	idleSenders  = 32 // connections that send at the same time; all stay open
)

// browserHeaders are what Chromium sends beside the headers of tus: a server keeps them as long as the request runs.
const browserHeaders = "Connection: keep-alive\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\nAccept: */*\r\n" +
	"Origin: https://uploads.example\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n" +
	"Referer: https://uploads.example/new\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n"

// idle runs scenario b: many uploads that have sent 1 MiB of 8 and then wait.
func (b *bench) idle(ctx context.Context, s server) (figures, error) {
	count := b.scale(5_000, 200)
	const stackInUse = "go_memstats_stack_inuse_bytes"
	var memory, stack float64
	err := b.with(ctx, s, func(ctx context.Context, p *process, uploads string) error {
		stackBefore, err := p.metric(ctx, stackInUse)
		if err != nil {
			return err
		}
		before, err := p.resident()
		if err != nil {
			return err
		}
		clients, err := b.open(ctx, p.addr, count)
		for _, c := range clients {
			defer c.close()
		}
		if err != nil {
			return err
		}
		if err := committed(ctx, uploads, count, int64(len(b.content))); err != nil {
			return err
		}
		after, err := settled(ctx, p)
		if err != nil {
			return err
		}
		stackAfter, err := p.metric(ctx, stackInUse)
		if err != nil {
			return err
		}
		memory, stack = after-before, stackAfter-stackBefore
		if err := verify(uploads, count, int64(len(b.content)), b.content); err != nil {
			return err
		}
		p.kill() // before its files change under it
		return empty(uploads)
	})
	each := float64(count) * kilobyte
	return figures{"b.each": memory / each, "b.stack": stack / each}, err
}

// open starts the uploads and returns their connections, also those made before an error.
func (b *bench) open(ctx context.Context, addr string, count int) ([]*client, error) {
	all, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex // guards clients
	var clients []*client
	var begun atomic.Int64
	var wg sync.WaitGroup
	for range idleSenders {
		wg.Go(func() {
			patch := patchRequest{addr: addr, headers: browserHeaders}
			create := createOnly(addr, idleDeclared, browserHeaders)
			for begun.Add(1) <= int64(count) && all.Err() == nil {
				c, err := dial(ctx, addr)
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				clients = append(clients, c)
				mu.Unlock()
				if err := b.begin(c, create, &patch); err != nil {
					cancel(fmt.Errorf("begin an upload: %w", err))
					return
				}
			}
		})
	}
	wg.Wait()
	return clients, context.Cause(all)
}

// begin creates an upload and sends a part of it.
func (b *bench) begin(c *client, create []byte, patch *patchRequest) error {
	a, err := c.do(create)
	if err := expect(a, err, 201, -1); err != nil {
		return err
	}
	if _, err := c.conn.Write(patch.head(a.location, 0, idleDeclared)); err != nil {
		return fmt.Errorf("send head: %w", err)
	}
	if _, err := c.conn.Write(b.content); err != nil {
		return fmt.Errorf("send body: %w", err)
	}
	return nil
}

// settled returns the resident memory when it has not moved by more than 1 % for 3 s, or after 20 s. Whatever the
// garbage collector gives back by itself in this time is given back by then.
func settled(ctx context.Context, p *process) (float64, error) {
	const every, quiet, limit = 250 * time.Millisecond, 3 * time.Second, 20 * time.Second
	var now, steady float64
	begin := time.Now()
	since := begin
	err := poll(ctx, every, func() (bool, error) {
		var err error
		if now, err = p.resident(); err != nil {
			return false, err
		}
		if math.Abs(now-steady) > steady/100 {
			steady, since = now, time.Now()
		}
		return time.Since(since) >= quiet || time.Since(begin) >= limit, nil
	})
	return now, err
}
