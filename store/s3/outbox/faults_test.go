package outbox_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"plateau/hooks"
	"plateau/store/s3/outbox"
	"plateau/store/s3/s3test"
)

// newFaultyBox is a box behind a proxy.
func newFaultyBox(t testing.TB, opts outbox.Options) (*box, *s3test.Proxy) {
	t.Helper()
	g := shared.Gateway(t)
	p := s3test.StartProxy(t, g)
	return newBoxAt(t, opts, g, p.Endpoint), p
}

// quiet is an outbox that lists nothing by itself, so that calls can be numbered.
func quiet(t *testing.T) (*box, *s3test.Proxy) {
	t.Helper()
	b, p := newFaultyBox(t, outbox.Options{Relist: time.Hour, AskAfter: time.Hour})
	b.settled(t)
	p.Forget()
	return b, p
}

// A finished upload takes one call, and its share of another.
func TestCalls(t *testing.T) {
	b, p := quiet(t)
	want := func(what string, want map[s3test.Operation]int) {
		t.Helper()
		if got := p.Counts(); !maps.Equal(got, want) {
			t.Errorf("%s took %v, want %v", what, got, want)
		}
		p.Forget()
	}
	b.addMany(t, 0, 600)
	want("600 intents", map[s3test.Operation]int{s3test.PutObject: 600})
	for n := range 600 {
		b.Confirmed(idOf(n))
	}
	entries := b.wantClaimed(t, numbers(0, 600)...)
	for _, e := range entries {
		if c, err := b.Confirm(t.Context(), e); c != hooks.Finished || err != nil {
			t.Fatalf("%s is confirmed as %v, %v", e.ID, c, err)
		}
	}
	want("their claim", map[s3test.Operation]int{})
	b.mustRemove(t, entries...)
	want("their removal", map[s3test.Operation]int{s3test.DeleteObjects: 1})
	b.wantClaimed(t)
	want("nothing", map[s3test.Operation]int{})
	if b.asked > 0 {
		t.Errorf("the store was asked %d times", b.asked)
	}
	b.there(t, "outbox/pending/")
}

// Whatever call is the last that a process makes, done or not: the entry waits, or is
// dead, and the step can be taken again.
func TestCut(t *testing.T) {
	bury := func(b *box) error {
		return b.Bury(b.t.Context(), hooks.Entry{Name: nameOf(0)}, "test")
	}
	for _, step := range []struct {
		name  string
		calls int
		do    func(b *box) error
		after string // where the entry is then, and nowhere else
	}{
		{"bury", 3, bury, "dead"},
		{"mark", 2, func(b *box) error { return b.MarkConfirmed(b.t.Context(), idOf(0)) }, "pending"},
		{"retry", 3, func(b *box) error { return b.Retry(b.t.Context(), nameOf(0)) }, "pending"},
		{"add again", 1, func(b *box) error { return b.Add(b.t.Context(), infoOf(0), at(0)) }, "pending"},
	} {
		for call := 1; call <= step.calls; call++ {
			for name, fault := range map[string]s3test.Fault{
				"before": s3test.Fail(403, "AccessDenied"), "after": s3test.FailAfter(403, "AccessDenied"),
			} {
				t.Run(fmt.Sprintf("%s/%d/%s", step.name, call, name), func(t *testing.T) {
					b, p := quiet(t)
					b.t = t
					b.mustAdd(t, 0)
					if step.name == "retry" {
						if err := bury(b); err != nil {
							t.Fatal(err)
						}
					}
					p.On(func(c s3test.Call) s3test.Fault {
						if c.N == call {
							return fault
						}
						return s3test.Pass()
					})
					if err := step.do(b); err == nil {
						t.Error("there was no error")
					}
					p.On(nil)
					b.reopen(t)
					if got := len(b.list(t, false)) + len(b.list(t, true)); got < 1 || got > 2 {
						t.Errorf("%d entries are left", got)
					}
					missing := step.name == "retry" && len(b.list(t, true)) == 0 // it was done
					if err := step.do(b); err != nil && !missing {
						t.Error(err)
					}
					if got := len(b.list(t, false)) + len(b.list(t, true)); got != 1 {
						t.Errorf("%d entries are left at the end", got)
					}
					b.there(t, "outbox/"+step.after+"/", nameOf(0))
				})
			}
		}
	}
}

// Answers that are lost change nothing.
func TestLostAnswers(t *testing.T) {
	b, p := quiet(t)
	p.On(func(c s3test.Call) s3test.Fault {
		switch c.Nth % 3 {
		case 1:
			return s3test.DropAfter()
		case 2:
			return s3test.FailAfter(500, "InternalError")
		}
		return s3test.Pass()
	})
	b.mustAdd(t, 0, 1)
	b.Confirmed(idOf(0))
	b.Confirmed(idOf(1))
	entries := b.wantClaimed(t, 0, 1)
	if err := b.Bury(t.Context(), entries[1], "test"); err != nil {
		t.Error(err)
	}
	b.mustRemove(t, entries[0])
	if err := b.MarkConfirmed(t.Context(), idOf(0)); err != nil {
		t.Error(err)
	}
	p.On(nil)
	b.there(t, "outbox/pending/")
	b.there(t, "outbox/dead/", nameOf(1))
}

// Entries that can't be read now hold up no others.
func TestUnreadableNow(t *testing.T) {
	b, p := newFaultyBox(t, outbox.Options{Relist: time.Hour, AloneMin: 50 * time.Millisecond, AloneMax: 100 * time.Millisecond})
	b.addMany(t, 0, 20)
	b.reopen(t)
	p.On(func(c s3test.Call) s3test.Fault {
		if c.Operation == s3test.GetObject && c.Nth <= 2 {
			return s3test.Fail(403, "AccessDenied")
		}
		return s3test.Pass()
	})
	entries := b.mustClaim(t, 20)
	if len(entries) != 18 {
		t.Errorf("%d were claimed", len(entries))
	}
	eventually(t, "the others come too", func() bool {
		<-b.Arrived()
		entries = append(entries, b.mustClaim(t, 20)...)
		return len(entries) == 20
	})
}

// TestEverything over a bucket that fails now and then, done or not.
func TestEverythingFails(t *testing.T) {
	seed := seedOf(t)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	faults := []s3test.Fault{
		s3test.Fail(503, "SlowDown"), s3test.FailAfter(500, "InternalError"), s3test.DropBefore(), s3test.DropAfter(),
		s3test.Fail(403, "AccessDenied"), s3test.FailAfter(403, "AccessDenied"),
	}
	b, p := newFaultyBox(t, busy())
	p.On(func(s3test.Call) s3test.Fault {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(25) == 0 {
			return faults[random.IntN(len(faults))]
		}
		return s3test.Pass()
	})
	everything(t, b, seed, func() { p.On(nil) })
}

func numbers(from, to int) (ns []int) {
	for n := from; n < to; n++ {
		ns = append(ns, n)
	}
	return slices.Clip(ns)
}
