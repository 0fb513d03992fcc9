package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// watchedPairs is how often a server is loaded with somebody looking and without, in turn.
const watchedPairs = 2

// watched runs scenario h: what it costs that an operator has the page open and that Prometheus scrapes every 5 seconds. Both
// happen to the same process, turn by turn, so that what the machine does otherwise falls on both.
func (b *bench) watched(ctx context.Context, s server) (figures, error) {
	var took, spent [2]float64 // not watched, watched
	err := b.with(ctx, s, func(ctx context.Context, p *process, _ string) error {
		took, spent = [2]float64{}, [2]float64{}
		l := load{addr: p.addr, uploads: b.scale(watchedUploads, 500), connections: 16, content: b.content[:smallSize]}
		l.sample = func(int) error { return p.place.check() }
		if _, err := l.run(ctx); err != nil { // what is made once
			return err
		}
		for turn := range 2 * watchedPairs {
			watched := []int{0, 1, 1, 0}[turn%4]
			time, cpu, err := b.turn(ctx, l, p, watched == 1)
			if err != nil {
				return err
			}
			took[watched] += time
			spent[watched] += cpu
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return figures{"h.rate": took[0] / took[1], "h.cpu": spent[1] / spent[0]}, nil
}

// watchedUploads take about five seconds: one scrape belongs to them.
const watchedUploads = 20_000

// turn runs a load once, and returns its seconds and the server's.
func (b *bench) turn(ctx context.Context, l load, p *process, watched bool) (took, cpu float64, err error) {
	before, err := p.cpu()
	if err != nil {
		return 0, 0, err
	}
	if watched { // what the page loads first, and a scrape, count too
		stop, err := lookOn(ctx, "http://"+p.admin)
		if err != nil {
			return 0, 0, err
		}
		defer stop()
	}
	meter := startMeter()
	lasted, err := l.run(ctx)
	if err != nil {
		return 0, 0, err
	}
	b.spent(meter.stop(lasted))
	after, err := p.cpu()
	return lasted.Seconds(), after - before, err
}

// lookOn opens the operator's page's stream and begins to scrape, until stop.
func lookOn(ctx context.Context, admin string) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	stop = func() { cancel(); running.Wait() }
	get := func(path string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, admin+path, nil)
		if err != nil {
			return nil, err
		}
		a, err := http.DefaultClient.Do(r)
		if err == nil && a.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", path, a.Status)
		}
		return a, err
	}
	read := func(path string) error {
		a, err := get(path)
		if err != nil {
			return err
		}
		defer a.Body.Close()
		_, err = io.Copy(io.Discard, a.Body)
		return err
	}
	for _, path := range []string{"/", "/api/history", "/metrics"} { // what a page loads first
		if err := read(path); err != nil {
			stop()
			return nil, fmt.Errorf("open the operator's page: %w", err)
		}
	}
	live, err := get("/api/live")
	if err != nil {
		stop()
		return nil, fmt.Errorf("open the operator's page: %w", err)
	}
	running.Go(func() {
		defer live.Body.Close()
		_, _ = io.Copy(io.Discard, live.Body) // until stop
	})
	running.Go(func() {
		every := time.NewTicker(5 * time.Second)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
				_ = read("/metrics") // the server's end would end the load too
			}
		}
	})
	return stop, nil
}
