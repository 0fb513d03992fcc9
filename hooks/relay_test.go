package hooks_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plateau/hooks"
)

func ids(from, to int) (all []string) {
	for n := from; n < to; n++ {
		all = append(all, numbered(n, 0).ID)
	}
	return all
}

func TestRelayOptions(t *testing.T) {
	err := hooks.RelayOptions{BackoffMin: -1, RejectTries: -1}.Validate()
	for _, want := range []string{"Outbox", "Sink", "Source", "negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v doesn't speak of %s", err, want)
		}
	}
	if _, err := hooks.NewRelay(hooks.RelayOptions{}); err == nil {
		t.Error("a relay of nothing is made")
	}
}

// All that waits is sent once, oldest first, at most 500 at a time and 1,000 in
// memory, and removed.
func TestRelayDrains(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	outbox.put(0, 5_000, 0)
	var delivered atomic.Int64
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink, Observer: hooks.RelayObserver{
		Delivered: func(age time.Duration) {
			if want := time.Since(finishedAt); age > want || age < want-time.Minute {
				t.Errorf("delivered after %s", age)
			}
			delivered.Add(1)
		},
	}})
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if !slices.Equal(sink.subjects(), ids(0, 5_000)) {
		t.Errorf("%d events arrived, or out of order", len(sink.subjects()))
	}
	if outbox.most > 1_500 || sink.largest > 500 {
		t.Errorf("%d were claimed and %d sent at a time", outbox.most, sink.largest)
	}
	if delivered.Load() != 5_000 {
		t.Errorf("the observer heard of %d", delivered.Load())
	}
}

// The observer hears of every try, with its event and how it went.
func TestRelayTellsOfTries(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	refused := errors.New("not now")
	sink.verdict = func(e hooks.Event, try int) error {
		if e.Subject == ids(0, 2)[1] && try == 1 {
			return refused
		}
		return nil
	}
	outbox.put(0, 2, 0)
	before := time.Now()
	tries := make(chan hooks.Try, 10)
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink, BackoffMin: time.Millisecond, Observer: hooks.RelayObserver{
		Tried: func(try hooks.Try) { tries <- try },
	}})
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	close(tries)
	var heard []string
	for try := range tries {
		heard = append(heard, fmt.Sprint(try.Event.Subject, " ", try.Err))
		if try.Began.Before(before) || try.Ended.Before(try.Began) || try.Ended.After(time.Now()) || try.Event.ID != try.Event.Subject+":finished" {
			t.Errorf("%+v", try)
		}
	}
	want := []string{ids(0, 2)[0] + " <nil>", ids(0, 2)[1] + " not now", ids(0, 2)[1] + " <nil>"}
	if !slices.Equal(heard, want) {
		t.Errorf("the observer heard %q", heard)
	}
}

// Large events are bounded by their bytes.
func TestRelayBoundsBytes(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	outbox.put(0, 50, 300_000)
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink})
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if len(sink.subjects()) != 50 || sink.largest > 6 {
		t.Errorf("%d arrived, %d at a time", len(sink.subjects()), sink.largest)
	}
}

// A relay that idles sends what arrives at once, without looking again and again.
func TestRelayWakes(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink, BackoffMin: time.Hour, BackoffMax: time.Hour})
	for n := range 20 {
		outbox.put(n, n+1, 0)
		eventually(t, "the event is removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	}
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if outbox.claims > 100 {
		t.Errorf("%d claims for 20 events", outbox.claims)
	}
}

// While the sink is away nothing more is claimed than the bound; when it is back
// all arrives, without what failed being late.
func TestRelaySinkAway(t *testing.T) {
	outbox := newFakeOutbox()
	outbox.put(0, 5_000, 0)
	var away atomic.Bool
	away.Store(true)
	sink := &fakeSink{verdict: func(hooks.Event, int) error {
		if away.Load() {
			return errors.New("away")
		}
		return nil
	}}
	var retried atomic.Int64
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink, Observer: hooks.RelayObserver{Retried: func(n int) { retried.Add(int64(n)) }}})
	eventually(t, "several tries", func() bool { return retried.Load() > 5_000 })
	outbox.mu.Lock()
	if outbox.most > 1_000 {
		t.Errorf("%d are claimed", outbox.most)
	}
	outbox.mu.Unlock()
	away.Store(false)
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	got := sink.subjects()
	slices.Sort(got)
	if !slices.Equal(got, ids(0, 5_000)) {
		t.Errorf("%d events arrived, not each once", len(got))
	}
}

// Some fail: they hold up no other, are tried again, and never twice at a time.
func TestRelayFailsAlone(t *testing.T) {
	outbox := newFakeOutbox()
	outbox.put(0, 2_000, 0)
	sink := &fakeSink{verdict: func(e hooks.Event, try int) error {
		if strings.HasSuffix(e.Subject, "7") && try <= 3 {
			return fmt.Errorf("try %d", try)
		}
		return nil
	}}
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink})
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	got := sink.subjects()
	slices.Sort(got)
	if !slices.Equal(got, ids(0, 2_000)) || sink.tries["u000007"] != 4 {
		t.Errorf("%d arrived, tries %d", len(got), sink.tries["u000007"])
	}
}

// Poison is buried at once, what is refused after five tries; the operator's
// errors bury nothing, and are said when they begin and end.
func TestRelayBuries(t *testing.T) {
	outbox := newFakeOutbox()
	outbox.put(0, 10, 0)
	outbox.waiting[4].Record = []byte("not a record")
	var locked atomic.Bool
	locked.Store(true)
	sink := &fakeSink{verdict: func(e hooks.Event, _ int) error {
		switch {
		case e.Subject == "u000002":
			return fmt.Errorf("%w: too large", hooks.ErrPoison)
		case e.Subject == "u000003":
			return fmt.Errorf("%w: 400", hooks.ErrRejected)
		case e.Subject == "u000005" && locked.Load():
			return fmt.Errorf("%w: no such topic", hooks.ErrOperator)
		}
		return nil
	}}
	var dead atomic.Int64
	blocked := make(chan bool, 100)
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink, Observer: hooks.RelayObserver{
		Dead: func() { dead.Add(1) }, Operator: func(on bool) { blocked <- on },
	}})
	eventually(t, "only the operator's is left", func() bool {
		waiting, _, dead := outbox.state()
		return waiting == 1 && dead == 3
	})
	locked.Store(false)
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if sink.tries["u000002"] != 1 || sink.tries["u000003"] != 5 || sink.tries["u000004"] != 0 || dead.Load() != 3 {
		t.Errorf("tries %v, %d dead", sink.tries, dead.Load())
	}
	if !strings.Contains(outbox.dead["u000002"], "too large") || !strings.Contains(outbox.dead["u000003"], "tried 5 times") {
		t.Errorf("the reasons are %q", outbox.dead)
	}
	close(blocked)
	var heard []bool
	for on := range blocked {
		heard = append(heard, on)
	}
	if !slices.Equal(heard, []bool{true, false}) {
		t.Errorf("of the operator's trouble was heard %v", heard)
	}
}

// What isn't known to be finished is asked about again; what never will be is
// neither sent nor removed: the outbox has done that itself.
func TestRelayConfirms(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	outbox.put(0, 10, 0)
	outbox.confirm = func(id string, call int) (hooks.Confirmation, error) {
		switch {
		case id == "u000001" && call < 3:
			return hooks.Unknown, nil
		case id == "u000002" && call < 3:
			return hooks.Finished, errors.New("confirm: told to fail")
		case id == "u000003":
			return hooks.Abandoned, nil
		}
		return hooks.Finished, nil
	}
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink})
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	got := sink.subjects()
	slices.Sort(got)
	if want := slices.Delete(ids(0, 10), 3, 4); !slices.Equal(got, want) {
		t.Errorf("arrived: %v", got)
	}
	if slices.Contains(outbox.removed, "u000003") {
		t.Error("what was abandoned was removed: it may be another's by then")
	}
}

// An outbox that fails is asked again; what was acknowledged isn't sent again
// because it can't be removed yet.
func TestRelayOutboxFails(t *testing.T) {
	outbox, sink := newFakeOutbox(), &fakeSink{}
	outbox.put(0, 3_000, 0)
	outbox.failClaims, outbox.failRemoves = 3, 8
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: sink})
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if !slices.Equal(sink.subjects(), ids(0, 3_000)) {
		t.Errorf("%d events arrived, not each once and in order", len(sink.subjects()))
	}
}
