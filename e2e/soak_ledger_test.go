package e2e

import (
	"context"
	"encoding/json"
	"hash/maphash"
	"maps"
	"strconv"
	"sync"
	"testing"

	"github.com/segmentio/kafka-go"
)

// ledger is what clients have heard since it was settled last. It holds hashes, for there may be very many.
type ledger struct {
	seed maphash.Seed

	mu    sync.Mutex // guards what follows
	heard map[string]uint64
	given map[string]bool // uploads that their clients gave up
	done  map[string]int  // by kind
}

// events are how many there were in a period.
type events struct{ heard, arrived, again int }

func newLedger() *ledger {
	return &ledger{seed: maphash.MakeSeed(), heard: map[string]uint64{}, given: map[string]bool{}, done: map[string]int{}}
}

func (l *ledger) hash(size int64, digest string) uint64 {
	return maphash.String(l.seed, strconv.FormatInt(size, 10)+" "+digest)
}

// success notes that a client has heard that an upload is finished.
func (l *ledger) success(address string, content []byte) {
	hash := l.hash(int64(len(content)), digestOf(content))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard[idOf(address)] = hash
}

// gaveUp notes an upload that will never be finished.
func (l *ledger) gaveUp(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.given[idOf(address)] = true
}

func (l *ledger) did(kind string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[kind]++
}

// settle wants Kafka to have the event of each upload whose success was heard, with its size and digest, and no other, and
// duplicates to be the same to the last byte. It begins a new page.
func (l *ledger) settle(ctx context.Context, t *testing.T, k *fakeKafka) (done map[string]int, seen events) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	arrived := map[string]uint64{}
	k.take(ctx, t, func(m kafka.Message, said string) {
		id, now := string(m.Key), maphash.String(l.seed, said)
		if before, again := arrived[id]; again {
			seen.again++
			if before != now {
				t.Errorf("an event of %s is not the one that was there before: %s", id, said)
			}
			return
		}
		arrived[id] = now
		var data struct {
			ID, Digest string
			Size       int64
		}
		err := json.Unmarshal(m.Value, &data)
		heard, known := l.heard[id]
		switch {
		case err != nil || data.ID != id || !isAbout(m):
			t.Errorf("the message with the key %s is no event of it (%v): %s", id, err, said)
		case l.given[id]:
			t.Errorf("upload %s was given up by its client, but is announced", id)
		case !known:
			t.Errorf("upload %s is announced, but nobody has heard that it is finished: %s", id, said)
		case heard != l.hash(data.Size, data.Digest):
			t.Errorf("upload %s was not of this size and digest: %s", id, said)
		}
	})
	for id := range l.heard {
		if _, found := arrived[id]; !found {
			t.Errorf("a success was heard of %s, but its event has not arrived", id)
		}
	}
	seen.heard, seen.arrived = len(l.heard), len(arrived)
	done = maps.Clone(l.done)
	clear(l.heard)
	clear(l.given)
	clear(l.done)
	return done, seen
}
