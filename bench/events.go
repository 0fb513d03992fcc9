package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// eventsTopic is the topic of each broker that a scenario starts.
const eventsTopic = "statusNew"

// times says when something was seen of each upload, by its id.
type times struct {
	mu sync.Mutex // guards at
	at map[string]time.Time
}

// note keeps the first time.
func (t *times) note(id string) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == nil {
		t.at = map[string]time.Time{}
	}
	if _, ok := t.at[id]; !ok {
		t.at[id] = now
	}
}

func (t *times) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at = nil
}

func (t *times) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.at)
}

// warmUp is how many uploads of a scenario aren't counted: Java has just started.
func warmUp(count int) int { return count / 2 }

// events runs scenario f: how long after the answer of an upload its event is read from Kafka, in milliseconds. A reader sees it a
// little later than the server hears the acknowledgement; the server's own mean, from the finish on, stands beside.
func (b *bench) events(ctx context.Context, s server) (figures, error) {
	count := b.scale(20_000, 500)
	k, err := b.startBroker(ctx)
	if err != nil {
		return nil, err
	}
	defer k.kill()
	if err := k.topic(ctx, eventsTopic); err != nil {
		return nil, err
	}
	all := figures{}
	// No sample, so no run is broken off and made again: the topic would hold its events.
	err = b.with(ctx, s.sending(k.addr, eventsTopic), func(ctx context.Context, p *process, uploads string) error {
		var arrived times
		readers, err := k.read(ctx, eventsTopic, func(m kafka.Message) { arrived.note(string(m.Key)) })
		if err != nil {
			return err
		}
		defer readers()
		l := load{addr: p.addr, uploads: warmUp(count), connections: 16, content: b.content[:smallSize]}
		if _, err := b.delay(ctx, p, l, &arrived); err != nil {
			return err
		}
		l.uploads = count
		saturated, err := b.delay(ctx, p, l, &arrived)
		if err != nil {
			return err
		}
		l.every = pace
		paced, err := b.delay(ctx, p, l, &arrived)
		if err != nil {
			return err
		}
		maps.Copy(all, figures{
			"f.p50": quantile(paced.delays, .5) * 1e3, "f.p99": quantile(paced.delays, .99) * 1e3, "f.mean": paced.mean * 1e3,
			"f.full.p50": quantile(saturated.delays, .5) * 1e3, "f.full.p99": quantile(saturated.delays, .99) * 1e3,
		})
		return nil
	})
	return all, err
}

// pace is how often each of the sixteen clients makes an upload: 1,000 a second in all, a third of what the machine takes with
// Kafka and its reader on it.
const pace = 16 * time.Millisecond

// delayed is what a load had to wait for its events.
type delayed struct {
	delays []float64 // seconds from the answer to the event
	mean   float64   // seconds from the finish to the acknowledgement, as the server says it
}

// delay runs a load until all its events arrived.
func (b *bench) delay(ctx context.Context, p *process, l load, arrived *times) (delayed, error) {
	arrived.forget()
	var answered times
	l.created = func(location string) { answered.note(idOf(location)) }
	before, err := p.metric(ctx, "plateau_event_delivery_seconds_sum")
	if err != nil {
		return delayed{}, err
	}
	if _, err := l.run(ctx); err != nil {
		return delayed{}, err
	}
	if err := poll(ctx, 20*time.Millisecond, func() (bool, error) { return arrived.count() >= l.uploads, p.check() }); err != nil {
		return delayed{}, fmt.Errorf("%d events of %d uploads arrived: %w", arrived.count(), l.uploads, err)
	}
	after, err := p.metric(ctx, "plateau_event_delivery_seconds_sum")
	if err != nil {
		return delayed{}, err
	}
	delays, err := delays(&answered, arrived)
	return delayed{delays, (after - before) / float64(l.uploads)}, err
}

// delays are the seconds from an upload's answer to its event: less than 0 if the event was quicker.
func delays(answered, arrived *times) ([]float64, error) {
	var all []float64
	for id, at := range answered.at {
		then, ok := arrived.at[id]
		if !ok {
			return nil, fmt.Errorf("the event of upload %s did not arrive", id)
		}
		all = append(all, then.Sub(at).Seconds())
	}
	if len(arrived.at) != len(all) {
		return nil, fmt.Errorf("events of %d uploads arrived, but %d were answered", len(arrived.at), len(all))
	}
	return all, nil
}

// read calls each for every record of the topic, from its beginning, from a goroutine for each partition. What it returns ends
// that and waits for them.
func (k *broker) read(ctx context.Context, topic string, each func(kafka.Message)) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for partition := range partitions {
		r := kafka.NewReader(kafka.ReaderConfig{
			Brokers: []string{k.addr}, Topic: topic, Partition: partition,
			MinBytes: 1, MaxBytes: 10 << 20, MaxWait: time.Second,
		})
		if err := r.SetOffset(kafka.FirstOffset); err != nil {
			cancel()
			return nil, fmt.Errorf("read the events: %w", err)
		}
		running.Go(func() {
			defer r.Close()
			for {
				m, err := r.ReadMessage(ctx)
				if err != nil {
					return // what is missing is seen by who counts
				}
				each(m)
			}
		})
	}
	return func() {
		cancel()
		running.Wait()
	}, nil
}
