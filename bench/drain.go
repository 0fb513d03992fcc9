package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// aMinute is how many of the waiting events were finished in the same minute: their entries share a folder.
	aMinute = 10_000
	// linksOfOne is below the 65,000 that ext4 allows a file.
	linksOfOne = 50_000
)

// drain runs scenario g: a server starts over many events that wait, as after a day on which Kafka was away.
func (b *bench) drain(ctx context.Context, s server) (figures, error) {
	count := b.scale(1_000_000, 20_000)
	k, err := b.startBroker(ctx)
	if err != nil {
		return nil, err
	}
	defer k.kill()
	if err := k.topic(ctx, eventsTopic); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*runTimeout)
	defer cancel()
	folder, err := prepare(b.work)
	if err != nil {
		return nil, err
	}
	// The broker of this server is away, and so its event waits: its entry shows what an entry looks like.
	if err := b.example(ctx, s.sending("127.0.0.1:1", eventsTopic), folder); err != nil {
		return nil, err
	}
	if err := backlog(folder, s.uploads, count); err != nil {
		return nil, err
	}
	syscall.Sync()
	fmt.Fprintf(b.progress, "  %d events wait\n", count)
	return b.drained(ctx, s.sending(k.addr, eventsTopic), k, folder, count)
}

// example makes one empty upload whose event waits.
func (b *bench) example(ctx context.Context, s server, folder string) error {
	p, err := start(ctx, s, folder)
	if err != nil {
		return err
	}
	defer p.kill()
	c, err := dial(ctx, p.addr)
	if err != nil {
		return err
	}
	defer c.close()
	a, err := c.do(createOnly(p.addr, 0, tusHeaders))
	if err := expect(a, err, 201, -1); err != nil {
		return fmt.Errorf("create an example: %w", err)
	}
	return nil
}

// drained measures the server over a folder with count events that wait.
func (b *bench) drained(ctx context.Context, s server, k *broker, folder string, count int) (figures, error) {
	begin := time.Now()
	p, err := start(ctx, s, folder)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	var notYet error
	patient, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := poll(patient, time.Millisecond, func() (bool, error) {
		_, notYet = get(ctx, p.addr, "/readyz")
		return notYet == nil, p.check()
	}); err != nil {
		return nil, fmt.Errorf("wait until the server is ready: %w (%w); it said: %s", err, notYet, p.output.String())
	}
	ready := time.Since(begin)
	var at, rss []float64
	var took time.Duration
	err = poll(ctx, 100*time.Millisecond, func() (bool, error) {
		n, err := k.records(ctx, eventsTopic)
		took = time.Since(begin)
		resident, err2 := p.resident()
		at, rss = append(at, float64(n)), append(rss, resident)
		return n >= count, errors.Join(err, err2, p.check())
	})
	if err != nil {
		return nil, fmt.Errorf("wait until %d events arrived: %w; the server said: %s", count, err, p.output.String())
	}
	waiting := 1.0
	err = poll(ctx, 10*time.Millisecond, func() (bool, error) {
		waiting, err = p.metric(ctx, "plateau_outbox_pending")
		return waiting == 0, err
	})
	if err != nil {
		return nil, fmt.Errorf("%g events still wait after all arrived: %w", waiting, err)
	}
	return figures{
		"g.ready": ready.Seconds() * 1e3,
		"g.rate":  float64(count) / took.Seconds(),
		"g.most":  slices.Max(rss) / megabyte,
		"g.rise":  rise(at, rss, float64(count)) / megabyte,
	}, nil
}

// rise is how much y grows over the second half of x, which goes to end: by the straight line that fits the points there best. It is
// 0 for fewer than two points.
func rise(x, y []float64, end float64) float64 {
	first := slices.IndexFunc(x, func(v float64) bool { return v >= end/2 })
	if first < 0 || x[first] == x[len(x)-1] {
		return 0
	}
	return slope(x[first:], y[first:]) * end / 2
}

// backlog makes count - 1 more uploads in the folder like the one whose event waits there, and their entries.
func backlog(folder, uploads string, count int) error {
	found, err := filepath.Glob(filepath.Join(folder, "outbox", "pending", "*", "*"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("an example has %d entries, not 1 (%w)", len(found), err)
	}
	// pending/2026-11-29T0541/20261129T054107.123456789Z-<id>
	stamp, id, ok := strings.Cut(filepath.Base(found[0]), "-")
	at, err := time.Parse(stampLayout, stamp)
	if err != nil || !ok {
		return fmt.Errorf("an example has the entry %s (%w)", found[0], err)
	}
	record, err := os.ReadFile(found[0])
	if err != nil {
		return fmt.Errorf("read an example: %w", err)
	}
	if len(id) != 32 || !bytes.Contains(record, []byte(id)) {
		return fmt.Errorf("an example has the id %q, which its record has not", id)
	}
	data := filepath.Join(folder, uploads, id)
	for i := 1; i < count; i++ {
		other := fmt.Sprintf("%032x", i)
		path := filepath.Join(folder, uploads, other)
		if i%linksOfOne == 0 {
			err = os.WriteFile(path, nil, 0o444)
			data = path
		} else {
			err = os.Link(data, path)
		}
		// Older than the example, ten thousand in each minute.
		then := at.Add(-time.Duration(i/aMinute+1) * time.Minute).Truncate(time.Minute).Add(time.Duration(i%aMinute) * time.Millisecond)
		minute := filepath.Join(folder, "outbox", "pending", then.Format("2006-01-02T1504"))
		err = errors.Join(err,
			os.MkdirAll(minute, 0o777),
			os.WriteFile(path+".info", bytes.ReplaceAll(record, []byte(id), []byte(other)), 0o644),
			os.Link(path+".info", filepath.Join(minute, then.Format(stampLayout)+"-"+other)))
		if err != nil {
			return fmt.Errorf("make a backlog: %w", err)
		}
	}
	return nil
}

// stampLayout is the finish time in an entry's name.
const stampLayout = "20060102T150405.000000000Z"
