package outboxtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
)

// suite has the steps that tests share.
type suite struct{ Harness }

// at is the finish time of the nth upload of a test, across minutes.
func at(n int) time.Time {
	return time.Date(2024, 11, 29, 5, 41, 7, 123456789, time.UTC).Add(time.Duration(n) * 17 * time.Second)
}

func id(n int) string { return fmt.Sprintf("upload-%05d", n) }

func record(id string) handler.FileInfo {
	return handler.FileInfo{ID: id, Size: 5, MetaData: handler.MetaData{"filename": id + ".txt"}, Storage: map[string]string{"Type": "test"}}
}

// add adds the nth uploads.
func (s suite) add(t *testing.T, ns ...int) {
	t.Helper()
	for _, n := range ns {
		s.Record(t, record(id(n)))
		if err := s.Outbox().Add(t.Context(), record(id(n)), at(n)); err != nil {
			t.Fatalf("add: %v", err)
		}
	}
}

func hour() time.Time { return time.Now().Add(time.Hour) }

// claim claims from the outbox under test until it has count entries or there
// are no more: one Claim may return fewer than there are.
func (s suite) claim(t *testing.T, count int) (entries []hooks.Entry) {
	t.Helper()
	for {
		more := claimFrom(t, s.Outbox(), count-len(entries), 1<<20, hour())
		entries = append(entries, more...)
		if len(more) == 0 || len(entries) == count {
			return entries
		}
	}
}

func claimFrom(t *testing.T, o hooks.Outbox, count int, size int64, until time.Time) []hooks.Entry {
	t.Helper()
	entries, err := o.Claim(t.Context(), count, size, until)
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	if len(entries) > count {
		t.Fatalf("claimed %d entries, want at most %d", len(entries), count)
	}
	return entries
}

// want fails unless these are the entries of the nth uploads, in order.
func want(t *testing.T, entries []hooks.Entry, ns ...int) {
	t.Helper()
	var got, wanted []string
	for _, e := range entries {
		got = append(got, e.ID)
	}
	for _, n := range ns {
		wanted = append(wanted, id(n))
	}
	if !slices.Equal(got, wanted) {
		t.Fatalf("the entries are %q, want %q", got, wanted)
	}
}

func (s suite) remove(t *testing.T, entries ...hooks.Entry) {
	t.Helper()
	if err := s.Outbox().Remove(t.Context(), entries); err != nil {
		t.Fatalf("remove: %v", err)
	}
}

// arrives waits until the outbox says that entries may have been added.
func arrives(t *testing.T, o hooks.Outbox) {
	t.Helper()
	select {
	case <-o.Arrived():
	case <-time.After(bound):
		t.Fatal("nothing arrived")
	}
}
