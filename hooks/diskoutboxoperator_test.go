package hooks

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

func TestDiskOutboxOperator(t *testing.T) {
	o := openTest(t, DiskOutboxOptions{Durable: true, Rescan: 5 * time.Millisecond})
	dir := o.opts.Dir
	list := func(dead bool) (names []string) {
		t.Helper()
		err := ListOutbox(dir, dead, func(e Entry, reason string) error {
			if (reason == "it is poison") != dead || e.ID == "" || e.FinishedAt.IsZero() || e.Record != nil {
				t.Errorf("the entry is listed as %+v, %q", e, reason)
			}
			names = append(names, e.Name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	o.mustAdd(3, 1, 120_000)
	if got, want := list(false), []string{nameOf(1), nameOf(3), nameOf(120_000)}; !slices.Equal(got, want) {
		t.Errorf("listed are %q, want %q", got, want)
	}
	entries := o.wantClaimed(1, 3, 120_000)
	if err := o.Bury(t.Context(), entries[0], "it is poison\n"); err != nil {
		t.Fatal(err)
	}
	o.Release(entries[1:])
	if got := list(true); !slices.Equal(got, []string{nameOf(1)}) {
		t.Errorf("dead are %q", got)
	}
	stop := errors.New("stop")
	if err := ListOutbox(dir, false, func(Entry, string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("each's error is lost: %v", err)
	}
	for n, want := range map[int]string{1: "it is poison", 3: ""} {
		e, reason, err := ShowEntry(dir, nameOf(n))
		if err != nil || reason != want || e.Name != nameOf(n) || !e.FinishedAt.Equal(nth(n)) || len(e.Record) == 0 {
			t.Errorf("the entry is shown as %+v, %q, %v", e, reason, err)
		}
	}
	for _, n := range []int{1, 2, 3} {
		there, err := o.Has("u"+string(rune('0'+n)), nth(n))
		if err != nil || there != (n != 2) {
			t.Errorf("the outbox has %d: %v, %v", n, there, err)
		}
	}
	for _, bad := range []string{nameOf(2), "../../uploads/u1.info", "..", "", "x/y", nameOf(1) + ".reason"} {
		if _, _, err := ShowEntry(dir, bad); err == nil {
			t.Errorf("%q is shown", bad)
		}
		if err := RetryDead(dir, bad); err == nil {
			t.Errorf("%q is retried", bad)
		}
	}
	o.wantStats(2, 1)

	// The server that runs finds it by itself.
	if err := RetryDead(dir, nameOf(1)); err != nil {
		t.Fatal(err)
	}
	if got := o.files(deadFolder); len(got) > 0 {
		t.Errorf("dead are still %q", got)
	}
	o.wantStats(3, 0)
	claimed := map[string]bool{}
	for deadline := time.After(testBound); len(claimed) < 3; {
		for _, e := range o.claimAll() {
			claimed[e.Name] = true
		}
		select {
		case <-o.Arrived():
		case <-deadline:
			t.Fatalf("claimed are %v", claimed)
		}
	}
	if !claimed[nameOf(1)] {
		t.Errorf("claimed are %v", claimed)
	}
}

// A dead entry whose upload was finished again waits for the newer one.
func TestRetryDeadOfWhatWaits(t *testing.T) {
	o := openTest(t, DiskOutboxOptions{})
	o.mustAdd(1)
	if err := o.Bury(t.Context(), o.wantClaimed(1)[0], "it is poison"); err != nil {
		t.Fatal(err)
	}
	o.mustAdd(1)
	if err := RetryDead(o.opts.Dir, nameOf(1)); err == nil {
		t.Error("it was retried, and may have replaced the newer one")
	}
	if err := o.Remove(t.Context(), o.wantClaimed(1)); err != nil {
		t.Fatal(err)
	}
	if err := RetryDead(o.opts.Dir, nameOf(1)); err != nil {
		t.Error(err)
	}
	o.queue.startOver()
	o.wantClaimed(1)
}

// Another process adds, as replay does beside a server.
func TestDiskOutboxOfAnotherProcess(t *testing.T) {
	o := openTest(t, DiskOutboxOptions{Rescan: 5 * time.Millisecond})
	o.wantClaimed()
	other, err := OpenDiskOutbox(o.opts)
	if err != nil {
		t.Fatal(err)
	}
	o.record("u1", `{"ID":"u1"}`)
	if err := other.Add(t.Context(), handler.FileInfo{ID: "u1"}, nth(1)); err != nil {
		t.Error(err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	for deadline := time.After(testBound); len(o.claimAll()) == 0; {
		select {
		case <-o.Arrived():
		case <-deadline:
			t.Fatal("the entry was not found")
		}
	}
	o.wantStats(1, 0)
}

func TestDiskOutboxStats(t *testing.T) {
	o := openTest(t, DiskOutboxOptions{})
	if s := o.wantStats(0, 0); !s.Oldest.IsZero() {
		t.Errorf("the oldest of none is of %v", s.Oldest)
	}
	o.mustAdd(5, 120_000)
	if s := o.wantStats(2, 0); !s.Oldest.Equal(nth(5)) {
		t.Errorf("the oldest is of %v", s.Oldest)
	}
	o.reopen(DiskOutboxOptions{})
	o.wantStats(2, 0)
	entries := o.wantClaimed(5, 120_000)
	if s := o.wantStats(2, 0); !s.Oldest.Equal(nth(5)) {
		t.Errorf("the oldest, claimed, is of %v", s.Oldest)
	}
	for range 2 { // the second time it is gone
		if err := o.Remove(t.Context(), entries[:1]); err != nil {
			t.Fatal(err)
		}
	}
	if s := o.wantStats(1, 0); !s.Oldest.Equal(nth(120_000)) {
		t.Errorf("the oldest is of %v", s.Oldest)
	}
	if err := os.Remove(filepath.Join(o.opts.Dir, pendingFolder, folderOf(keyOf(nameOf(120_000))), nameOf(120_000))); err != nil {
		t.Fatal(err)
	}
	o.recount(t.Context()) // as the next rescan does
	o.wantStats(0, 0)
}

// Whatever changes while all entries are counted, the count is right.
func TestDiskOutboxCountsWhileItChanges(t *testing.T) {
	const adders, each = 2, 400
	o := openTest(t, DiskOutboxOptions{})
	var working sync.WaitGroup
	for a := range adders {
		o.record("u"+string(rune('0'+a)), "{}")
		working.Go(func() {
			for n := range each {
				if err := o.Add(t.Context(), handler.FileInfo{ID: "u" + string(rune('0'+a))}, nth(n*1000)); err != nil {
					t.Errorf("add: %v", err)
				}
			}
		})
	}
	removed := 0
	working.Go(func() {
		for removed < each {
			entries, err := o.Claim(t.Context(), 7, 1<<20, time.Now().Add(time.Hour))
			if err == nil {
				err = o.Remove(t.Context(), entries)
			}
			if err != nil {
				t.Error(err)
				return
			}
			removed += len(entries)
		}
	})
	stop, counted := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(counted)
		for {
			o.recount(t.Context())
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	working.Wait()
	close(stop)
	<-counted
	o.tally.mu.Lock()
	pending := o.tally.pending
	o.tally.mu.Unlock()
	if want := int64(adders*each - removed); pending != want || len(o.files(pendingFolder)) != int(want) {
		t.Errorf("counted %d, want %d", pending, want)
	}
}
