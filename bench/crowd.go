package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Slow clients send a block each time, 200 KB a second.
	slowBlock = 20_000
	slowEvery = 100 * time.Millisecond
)

// crowd is uploads by clients of two kinds: fast ones, that send as quickly as they can and then wait for their turn, and slow ones,
// that always have an upload under way.
type crowd struct {
	addr       string
	method     method
	uploads    int
	fast, slow int
	// every is how long after the last one a fast client begins its next upload, at least; 0: as soon as that is answered.
	every time.Duration

	// kept is called with the id of each upload that was answered as finished, from several goroutines.
	kept func(id string) error
	// sample is called after every sampleEvery uploads and after the last one asked for, with how many there are by then, from several
	// goroutines.
	sample      func(done int) error
	sampleEvery int
}

// outcome is what a crowd saw.
type outcome struct {
	done   int       // uploads finished: those asked for, and those on their way by then
	delays []float64 // seconds from the first byte of an upload to its answer, of the fast clients
}

// run returns when the uploads are finished. What slow clients have not finished by then is broken off. The first wrong answer
// ends it.
func (c crowd) run(ctx context.Context) (outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var done atomic.Int64
	finished := func(id string) error {
		if err := c.kept(id); err != nil {
			return err
		}
		if n := int(done.Add(1)); n == c.uploads || n < c.uploads && n%c.sampleEvery == 0 {
			return c.sample(n)
		}
		return nil
	}
	slow, breakOff := context.WithCancel(ctx)
	defer breakOff()
	var slows, fasts sync.WaitGroup
	for i := range c.slow {
		slows.Go(func() {
			if err := c.trickle(slow, i, finished); err != nil && slow.Err() == nil {
				cancel(fmt.Errorf("a slow upload: %w", err))
			}
		})
	}
	var mu sync.Mutex // guards delays
	var delays []float64
	for i := range c.fast {
		fasts.Go(func() {
			own, err := c.hurry(ctx, i, &done, finished)
			if err != nil {
				cancel(fmt.Errorf("an upload: %w", err))
			}
			mu.Lock()
			defer mu.Unlock()
			delays = append(delays, own...)
		})
	}
	fasts.Wait()
	breakOff()
	slows.Wait()
	return outcome{int(done.Load()), delays}, context.Cause(ctx)
}

// hurry is a fast client. It returns how long each upload took.
func (c crowd) hurry(ctx context.Context, i int, done *atomic.Int64, finished func(string) error) ([]float64, error) {
	conn, err := dial(ctx, c.addr)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	turn := closed()
	if c.every > 0 {
		if err := wait(ctx, time.After(c.every*time.Duration(i)/time.Duration(c.fast))); err != nil { // not all at once
			return nil, err
		}
		ticker := time.NewTicker(c.every)
		defer ticker.Stop()
		turn = ticker.C
	}
	var delays []float64
	for done.Load() < int64(c.uploads) {
		if err := wait(ctx, turn); err != nil {
			return nil, err
		}
		begin := time.Now()
		if _, err := conn.conn.Write(c.method.request); err != nil {
			return nil, fmt.Errorf("send: %w", err)
		}
		id, err := c.method.answered(conn)
		if err != nil {
			return nil, err
		}
		delays = append(delays, time.Since(begin).Seconds())
		if err := finished(id); err != nil {
			return nil, err
		}
	}
	return delays, nil
}

// trickle is a slow client. It ends with an error, at the latest when the context ends.
func (c crowd) trickle(ctx context.Context, i int, finished func(string) error) error {
	conn, err := dial(ctx, c.addr)
	if err != nil {
		return err
	}
	defer conn.close()
	each := slowEvery * time.Duration(len(c.method.request)/slowBlock+1)
	if err := wait(ctx, time.After(each*time.Duration(i)/time.Duration(c.slow))); err != nil { // not all at once
		return err
	}
	for {
		if err := drip(ctx, conn.conn, c.method.request); err != nil {
			return err
		}
		id, err := c.method.answered(conn)
		if err != nil {
			return err
		}
		if err := finished(id); err != nil {
			return err
		}
	}
}

// drip sends a request block by block.
func drip(ctx context.Context, conn net.Conn, request []byte) error {
	ticker := time.NewTicker(slowEvery)
	defer ticker.Stop()
	for block := range slices.Chunk(request, slowBlock) {
		if err := wait(ctx, ticker.C); err != nil {
			return err
		}
		if _, err := conn.Write(block); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

// wait returns when it is somebody's turn, or the context's error.
func wait(ctx context.Context, turn <-chan time.Time) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-turn:
		return nil
	}
}

// closed is a channel on which it's always somebody's turn.
func closed() <-chan time.Time {
	always := make(chan time.Time)
	close(always)
	return always
}
