package outbox_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"plateau/hooks"
	"plateau/store/s3/bucket"
	"plateau/store/s3/outbox"
	"plateau/store/s3/s3test"
)

// sink knows what arrived.
type sink struct {
	mu      sync.Mutex
	arrived map[string]int // by the upload's id
}

func (s *sink) Send(_ context.Context, events []hooks.Event) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		if s.arrived == nil {
			s.arrived = map[string]int{}
		}
		s.arrived[e.Subject]++
	}
	return nil
}

func (s *sink) Close(context.Context) error { return nil }

func (s *sink) times(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived[id]
}

// relay runs a relay over an outbox; the returned function ends it.
func relay(t testing.TB, o hooks.Outbox, to hooks.Sink) (stop func()) {
	t.Helper()
	r, err := hooks.NewRelay(hooks.RelayOptions{
		Outbox: o, Sink: to, Source: "/test", BackoffMin: 10 * time.Millisecond, BackoffMax: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) }) // what it could not remove is sent again
	stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(stop)
	return stop
}

// Uploads that aren't known to be finished hold up no other, even if they are older
// and many.
func TestRelayManyUnknown(t *testing.T) {
	b := newBox(t, outbox.Options{AloneMin: time.Hour, AloneMax: time.Hour, Relist: time.Hour, Alone: 100})
	b.addMany(t, 0, 1_501)
	for n := range 1_500 {
		b.answer(idOf(n), hooks.Unknown)
	}
	b.reopen(t)
	var arrived sink
	stop := relay(t, b, &arrived)
	eventually(t, "the last arrives", func() bool { return arrived.times(idOf(1_500)) > 0 })
	stop()
	if len(arrived.arrived) != 1 {
		t.Errorf("%d arrived", len(arrived.arrived))
	}
}

// While the bucket is away nothing can be added, what is in memory can be claimed,
// and afterwards all goes on.
func TestAway(t *testing.T) {
	g := s3test.Start(t)
	b := newBoxAt(t, outbox.Options{Relist: time.Hour}, g, g.Endpoint)
	b.settled(t)
	b.mustAdd(t, 0, 1)
	b.Confirmed(idOf(0))
	b.Confirmed(idOf(1))
	g.Stop()
	if err := b.Add(t.Context(), infoOf(2), at(2)); !errors.Is(err, bucket.ErrAway) || !errors.Is(err, hooks.ErrAway) {
		t.Errorf("add: %v", err)
	}
	entries := b.wantClaimed(t, 0, 1)
	if err := b.Remove(t.Context(), entries); !errors.Is(err, hooks.ErrAway) {
		t.Errorf("remove: %v", err)
	}
	if err := b.Bury(t.Context(), entries[0], "test"); !errors.Is(err, hooks.ErrAway) {
		t.Errorf("bury: %v", err)
	}
	if err := b.Withdraw(t.Context(), idOf(5)); !errors.Is(err, hooks.ErrAway) {
		t.Errorf("withdraw: %v", err)
	}
	b.Release(entries[1:])
	if _, err := b.Claim(t.Context(), 10, 1_000, time.Now().Add(time.Hour)); !errors.Is(err, bucket.ErrAway) || !errors.Is(err, hooks.ErrAway) {
		t.Errorf("claim what isn't in memory any more: %v", err)
	}
	b.failure = bucket.ErrAway
	b.reopen(t)
	if _, err := b.Claim(t.Context(), 10, 1_000, time.Now().Add(time.Hour)); !errors.Is(err, hooks.ErrAway) {
		t.Errorf("claim what nobody can list: %v", err)
	}
	if _, err := b.Confirm(t.Context(), entries[0]); !errors.Is(err, hooks.ErrAway) {
		t.Errorf("confirm: %v", err)
	}
	b.failure = nil
	var arrived sink
	stop := relay(t, b, &arrived)
	g.Restart(t)
	b.mustAdd(t, 3)
	b.Confirmed(idOf(3))
	eventually(t, "all are removed", func() bool {
		stats, err := b.Stats()
		return err == nil && stats.Pending == 0 && !stats.AtLeast
	})
	stop()
	b.there(t, "outbox/pending/")
	if arrived.times(idOf(0)) == 0 || arrived.times(idOf(1)) == 0 || arrived.times(idOf(3)) == 0 || len(arrived.arrived) != 3 {
		t.Errorf("arrived: %v", arrived.arrived)
	}
}

// A withdrawal that was given up may yet be carried out: until that can't be, the
// same upload isn't added, else its intent might go with it.
func TestLingering(t *testing.T) {
	g := s3test.Start(t)
	b := newBoxAt(t, outbox.Options{}, g, g.Endpoint)
	b.mustAdd(t, 0)
	g.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Withdraw(ctx, idOf(0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("withdraw: %v", err)
	}
	g.Resume(t)
	if err := b.Add(t.Context(), infoOf(0), at(0)); !errors.Is(err, bucket.ErrAway) {
		t.Errorf("add: %v", err)
	}
	b.mustAdd(t, 1)
}
