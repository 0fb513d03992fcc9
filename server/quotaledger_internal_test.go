package server

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"plateau/store"
)

func stillOpen(bytes int64) store.Occupied { return store.Occupied{Open: true, Bytes: bytes} }

// mayGrow asks for an upload of an owner, and reports whether it may be.
func (l *quotaLedger) mayGrow(id, owner string, before, after store.Occupied) bool {
	return l.Grow(store.Change{ID: id, Owner: owner, Before: before, After: after}) == nil
}

// Sums of what clients declare don't overflow, in any order.
func TestQuotaLedgerLimits(t *testing.T) {
	const most = 1<<63 - 1
	l := newQuotaLedger(quotas{bytes: most - 1})
	for _, step := range []struct {
		id    string
		bytes int64
		fits  bool
	}{{"a", most, false}, {"a", most - 2, true}, {"b", 2, false}, {"b", most - 1, false}, {"b", 1, true}, {"c", 1, false}, {"d", 0, true}} {
		if got := l.mayGrow(step.id, "x", store.Occupied{}, stillOpen(step.bytes)); got != step.fits {
			t.Errorf("%d bytes fit: %t", step.bytes, got)
		}
	}
	// With nothing but a limit of uploads, bytes are counted all the same and mean nothing.
	l = newQuotaLedger(quotas{uploads: 2})
	for i, fits := range []bool{true, true, false} {
		if got := l.mayGrow(fmt.Sprint(i), "x", store.Occupied{}, stillOpen(most)); got != fits {
			t.Errorf("upload %d fits: %t", i, got)
		}
	}
	for i := range 2 {
		l.Changed(store.Change{ID: fmt.Sprint(i), Owner: "x", Before: stillOpen(most)})
	}
	if len(l.accounts) > 0 || l.total != (account{}) {
		t.Errorf("when all is gone there is %+v of %d", l.total, len(l.accounts))
	}
}

// A storage that is away while it is gone through is gone through again, from where it was.
func TestQuotaLedgerFillsAgain(t *testing.T) {
	l := newQuotaLedger(quotas{bytes: 100})
	uploads := []string{"b", "d", "f", "h"}
	away := errors.New("away")
	tries := 0
	walk := func(_ context.Context, after string, each func(id, owner string, what store.Occupied) error) error {
		tries++
		n := 0
		for _, id := range uploads {
			if id <= after {
				continue
			}
			if n++; n > 2 {
				return away
			}
			if err := each(id, "x", stillOpen(10)); err != nil {
				return err
			}
			switch id {
			case "b": // before and behind what is counted, uploads change
				l.Changed(store.Change{ID: "b", Owner: "x", Before: stillOpen(10), After: stillOpen(10)})
				l.Changed(store.Change{ID: "b", Owner: "x", Before: stillOpen(10), After: store.Occupied{Bytes: 10}})
				l.Changed(store.Change{ID: "d", Owner: "x", Before: stillOpen(10), After: stillOpen(10)})
				l.Changed(store.Change{ID: "d", Owner: "x", Before: stillOpen(10)})
				l.Changed(store.Change{ID: "h", Owner: "x", Before: stillOpen(10), After: stillOpen(10)})
			case "d":
				l.mayGrow("c", "x", store.Occupied{}, stillOpen(5))
				l.mayGrow("g", "x", store.Occupied{}, stillOpen(5))
			}
		}
		return nil
	}
	if err := l.fill(t.Context(), walk); !errors.Is(err, away) {
		t.Fatalf("fill ended with %v", err)
	}
	if err := l.fill(t.Context(), walk); err != nil || tries != 2 {
		t.Fatalf("fill ended with %v, after %d tries", err, tries)
	}
	// b is finished, d is gone; c, f, g and h are open.
	if want := (account{bytes: 40, openBytes: 30, uploads: 4}); l.accounts["x"] != want {
		t.Errorf("counted %+v, want %+v", l.accounts["x"], want)
	}
	if l.ahead != nil || !l.filled.Load() {
		t.Error("uploads are still remembered")
	}
}

// An upload in one request asks once, is said to be there once, and is finished once.
func BenchmarkQuotaLedger(b *testing.B) {
	l := newQuotaLedger(quotas{bytes: 1 << 50, openBytes: 1 << 50, uploads: 1 << 30})
	_ = l.fill(b.Context(), func(context.Context, string, func(string, string, store.Occupied) error) error { return nil })
	c := store.Change{ID: "00000000000000000000000000000000", Owner: "ann", After: stillOpen(4096)}
	for b.Loop() {
		if l.Grow(c) != nil {
			b.Fatal("refused")
		}
		l.Changed(store.Change{ID: c.ID, Owner: c.Owner, Before: c.After, After: c.After})
		l.Changed(store.Change{ID: c.ID, Owner: c.Owner, Before: c.After, After: store.Occupied{Bytes: 4096}})
		l.Changed(store.Change{ID: c.ID, Owner: c.Owner, Before: store.Occupied{Bytes: 4096}})
	}
}
