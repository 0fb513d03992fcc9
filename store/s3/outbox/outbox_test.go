package outbox_test

import (
	"slices"
	"testing"
	"time"

	"plateau/hooks"
	"plateau/store/s3/outbox"
)

// settled waits until the outbox has listed what it lists at its start.
func (b *box) settled(t *testing.T) {
	t.Helper()
	b.wantClaimed(t)
	listed := 0
	eventually(t, "both prefixes were listed", func() bool {
		listed += b.calls.take()["ListObjectsV2"]
		return listed == 2
	})
}

// What there is no room for is listed and read, once.
func TestOverflow(t *testing.T) {
	for name, opts := range map[string]outbox.Options{
		"count": {Keep: 100, Relist: time.Hour},
		"bytes": {KeepSize: 100 * 400, Relist: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t, opts)
			b.settled(t)
			b.addMany(t, 0, 300)
			for n := range 300 {
				b.Confirmed(idOf(n))
			}
			b.calls.take()
			var all []hooks.Entry
			for len(all) < 300 {
				entries := b.mustClaim(t, 50)
				if len(entries) == 0 {
					t.Fatalf("only %d were claimed", len(all))
				}
				for _, e := range entries {
					if c, _ := b.Confirm(t.Context(), e); c != hooks.Finished {
						t.Fatalf("%s is confirmed as %v", e.ID, c)
					}
				}
				b.mustRemove(t, entries...)
				all = append(all, entries...)
			}
			slices.SortFunc(all, func(a, b hooks.Entry) int { return a.FinishedAt.Compare(b.FinishedAt) })
			wantEntries(t, all, numbers(0, 300)...)
			got := b.calls.take()
			if got["GetObject"] < 150 || got["GetObject"] > 250 || got["ListObjectsV2"] > 3 || b.asked > 0 {
				t.Errorf("that took %v, and the store was asked %d times", got, b.asked)
			}
			b.there(t, "outbox/pending/")
		})
	}
}

// An intent waits until the store has seen the object, has withdrawn it, or has
// been asked.
func TestIntent(t *testing.T) {
	b := newBox(t, outbox.Options{AskAfter: time.Hour})
	b.mustAdd(t, 0, 1, 2)
	b.wantClaimed(t)
	if there, err := b.Has(t.Context(), idOf(0), at(0)); !there || err != nil {
		t.Errorf("it is there: %t, %v", there, err)
	}
	i, there, err := b.Intent(t.Context(), idOf(0))
	if !there || err != nil || !i.FinishedAt.Equal(at(0)) || i.Confirmed || time.Since(i.Written) > time.Hour {
		t.Errorf("the intent is %+v, %t, %v", i, there, err)
	}
	b.Confirmed(idOf(1))
	select {
	case <-b.Arrived():
	case <-time.After(bound):
		t.Fatal("nobody was told")
	}
	b.mustRemove(t, b.wantClaimed(t, 1)...)
	for range 2 {
		if err := b.Withdraw(t.Context(), idOf(2)); err != nil {
			t.Fatal(err)
		}
	}
	if _, there, err := b.Intent(t.Context(), idOf(2)); there || err != nil {
		t.Errorf("what was withdrawn is there: %t, %v", there, err)
	}
	b.there(t, "outbox/pending/", nameOf(0))
	// After a restart nobody knows, so the store is asked.
	b.reopen(t)
	b.answer(idOf(0), hooks.Unknown)
	entries := b.wantClaimed(t, 0)
	if c, err := b.Confirm(t.Context(), entries[0]); c != hooks.Unknown || err != nil {
		t.Errorf("confirmed as %v, %v", c, err)
	}
	b.Release(entries)
	b.wantClaimed(t)
	b.Confirmed(idOf(0)) // the finish was run again
	b.wantClaimed(t, 0)
}

func TestAskAfter(t *testing.T) {
	b := newBox(t, outbox.Options{AskAfter: 20 * time.Millisecond})
	b.mustAdd(t, 0)
	eventually(t, "it can be claimed", func() bool {
		<-b.Arrived()
		return len(b.mustClaim(t, 1)) == 1
	})
}

// DELETE of a finished upload takes nothing away from its event.
func TestMarkConfirmed(t *testing.T) {
	b := newBox(t, outbox.Options{AskAfter: time.Hour, Relist: time.Hour})
	b.settled(t)
	if err := b.MarkConfirmed(t.Context(), idOf(0)); err != nil {
		t.Fatal(err)
	}
	b.calls.want(t, "with nothing waiting it", map[string]int{"GetObject": 1})
	b.mustAdd(t, 0)
	for range 2 {
		if err := b.MarkConfirmed(t.Context(), idOf(0)); err != nil {
			t.Fatal(err)
		}
	}
	b.answer(idOf(0), hooks.Abandoned) // the object is gone
	i, there, err := b.Intent(t.Context(), idOf(0))
	if !there || err != nil || !i.Confirmed {
		t.Errorf("the intent is %+v, %t, %v", i, there, err)
	}
	for range 2 {
		entries := b.wantClaimed(t, 0)
		if c, err := b.Confirm(t.Context(), entries[0]); c != hooks.Finished || err != nil {
			t.Errorf("confirmed as %v, %v", c, err)
		}
		if _, err := hooks.NewEvent("/test", entries[0]); err != nil {
			t.Error(err)
		}
		b.reopen(t)
	}
}

// What another process added, or one that died, is found.
func TestOthers(t *testing.T) {
	b := newBox(t, outbox.Options{Relist: 10 * time.Millisecond})
	b.wantClaimed(t)
	opts := b.opts
	opts.Relist = time.Hour
	other, err := outbox.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Add(t.Context(), infoOf(0), at(0)); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is found", func() bool {
		<-b.Arrived()
		return len(b.mustClaim(t, 1)) == 1
	})
}

func TestStats(t *testing.T) {
	b := newBox(t, outbox.Options{Relist: 10 * time.Millisecond})
	if stats, err := b.Stats(); err != nil || stats.Pending != 0 || !stats.AtLeast {
		t.Errorf("at the start: %+v, %v", stats, err)
	}
	b.mustAdd(t, 3, 1, 2)
	b.wantClaimed(t)
	if stats, err := b.Stats(); err != nil || stats.Pending != 3 || stats.AtLeast || !stats.Oldest.Equal(at(1)) {
		t.Errorf("with three: %+v, %v", stats, err)
	}
	b.Confirmed(idOf(1))
	entries := b.wantClaimed(t, 1)
	if err := b.Bury(t.Context(), entries[0], "test"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one is dead", func() bool {
		stats, err := b.Stats()
		return err == nil && stats.Pending == 2 && stats.Dead == 1 && stats.Oldest.Equal(at(2))
	})
	b.reopen(t)
	b.wantClaimed(t, 2, 3)
	eventually(t, "all is counted", func() bool {
		stats, err := b.Stats()
		return err == nil && stats.Pending == 2 && stats.Dead == 1
	})
}

func TestOptions(t *testing.T) {
	if _, err := outbox.Open(outbox.Options{}); err == nil {
		t.Error("an outbox in no bucket is opened")
	}
	if err := (outbox.Options{Keep: -1, Page: 1_001, Relist: -1}).Validate(); err == nil || len(err.Error()) < 100 {
		t.Errorf("not all is said: %v", err)
	}
}
