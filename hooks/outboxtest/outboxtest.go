// Package outboxtest is what every hooks.Outbox must keep to, as tests that run
// with a constructor:
//
//	outboxtest.Run(t, func(t *testing.T) outboxtest.Harness { … })
//
// It promises to know nothing of how an outbox keeps its entries. Part of it
// are two claimants over one outbox, claims that end, and a process that stops
// at any time (Harness.Reopen). Nothing sleeps: claims end because the time
// that they were given lies in the past, and waits have a bound.
package outboxtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
)

// bound is how long a test waits for what must happen at once.
const bound = 20 * time.Second

// Harness is an outbox under test and what the tests must do around it.
type Harness interface {
	// Outbox returns the outbox under test.
	Outbox() hooks.Outbox
	// Other returns what a second relay has in its hands: another value over the
	// same storage, or the same one if all relays have to share it.
	Other() hooks.Outbox
	// Record makes what Add relies on: the record of a finished upload. A second
	// call replaces it.
	Record(t *testing.T, info handler.FileInfo)
	// Delete does to the record what a client's DELETE of the upload does.
	Delete(t *testing.T, id string)
	// Reopen stops the process and starts another, as a crash would: Outbox and
	// Other are new ones afterwards, and all claims are forgotten.
	Reopen(t *testing.T)
	// Dead returns the reasons of all buried entries, by the entry's name.
	Dead(t *testing.T) map[string]string
}

// Run runs all tests of the contract; open makes an empty outbox.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, suite)
	}{
		{"Empty", testEmpty},
		{"Claim", testClaim},
		{"Order", testOrder},
		{"Count", testCount},
		{"Size", testSize},
		{"Twice", testTwice},
		{"ChangedRecord", testChangedRecord},
		{"ChangedWhileClaimed", testChangedWhileClaimed},
		{"NoRecord", testNoRecord},
		{"BadID", testBadID},
		{"Delete", testDelete},
		{"Remove", testRemove},
		{"Release", testRelease},
		{"ClaimEnds", testClaimEnds},
		{"Bury", testBury},
		{"Confirm", testConfirm},
		{"Arrived", testArrived},
		{"ArrivedAfterStart", testArrivedAfterStart},
		{"Canceled", testCanceled},
		{"Reopen", testReopen},
		{"Unknown", withIntents(testUnknown)},
		{"UnknownLater", withIntents(testUnknownLater)},
		{"ManyUnknown", withIntents(testManyUnknown)},
		{"Abandoned", withIntents(testAbandoned)},
		{"TwoRelays", testTwoRelays},
		{"TwoRelaysWhileAdding", testTwoRelaysWhileAdding},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, suite{Harness: open(t)}) })
	}
}

func testEmpty(t *testing.T, s suite) {
	want(t, s.claim(t, 10))
	want(t, s.claim(t, 0))
	s.remove(t)
	s.Outbox().Release(nil)
}

func testClaim(t *testing.T, s suite) {
	s.add(t, 1)
	entries := s.claim(t, 10)
	want(t, entries, 1)
	e := entries[0]
	if !e.FinishedAt.Equal(at(1)) || e.Name == "" {
		t.Errorf("the entry is %+v", e)
	}
	event, err := hooks.NewEvent("/test", e)
	if err != nil {
		t.Fatal(err)
	}
	if event.ID != id(1)+":finished" || !event.Time.Equal(at(1)) {
		t.Errorf("the event is %+v", event)
	}
	want(t, s.claim(t, 10))
	s.add(t, 0) // older, and later
	want(t, s.claim(t, 10), 0)
}

func testOrder(t *testing.T, s suite) {
	s.add(t, 9, 3, 5, 0, 7, 1)
	want(t, s.claim(t, 3), 0, 1, 3)
	s.add(t, 2, 8)
	want(t, s.claim(t, 100), 2, 5, 7, 8, 9)
}

func testCount(t *testing.T, s suite) {
	var all []int
	for n := range 300 {
		all = append(all, n)
	}
	s.add(t, all...)
	for n := 0; n < len(all); n += 100 {
		want(t, s.claim(t, 100), all[n:n+100]...)
	}
	want(t, s.claim(t, 100))
}

func testSize(t *testing.T, s suite) {
	ns := []int{0, 1, 2, 3, 4}
	s.add(t, ns...)
	big := record(id(2))
	big.MetaData["more"] = string(make([]byte, 100_000)) // six bytes each, as JSON
	s.Record(t, big)
	if err := s.Outbox().Add(t.Context(), big, at(2)); err != nil {
		t.Fatal(err)
	}
	const size = 300_000
	want(t, claimFrom(t, s.Outbox(), 10, size, hour()), 0, 1)
	entries := claimFrom(t, s.Outbox(), 10, size, hour())
	want(t, entries, 2)
	if _, err := hooks.NewEvent("/test", entries[0]); err != nil {
		t.Errorf("the large record: %v", err)
	}
	want(t, claimFrom(t, s.Outbox(), 10, 1, hour()), 3)
	want(t, claimFrom(t, s.Outbox(), 10, 0, hour()), 4)
}

func testTwice(t *testing.T, s suite) {
	s.add(t, 1)
	s.add(t, 1)
	entries := s.claim(t, 10)
	want(t, entries, 1)
	s.add(t, 1) // while it is claimed
	again := s.claim(t, 10)
	want(t, again)
	s.Outbox().Release(entries)
	entries = s.claim(t, 10)
	want(t, entries, 1)
	s.remove(t, entries...)
	want(t, s.claim(t, 10))
	s.add(t, 1) // after it was sent: sent again, under the same name
	again = s.claim(t, 10)
	want(t, again, 1)
	if again[0].Name != entries[0].Name {
		t.Errorf("finished twice, the names are %q and %q", entries[0].Name, again[0].Name)
	}
}

// metadata is what the record of an entry says under "filename".
func metadata(t *testing.T, e hooks.Entry) string {
	t.Helper()
	info, err := decode(e)
	if err != nil {
		t.Fatal(err)
	}
	return info.MetaData["filename"]
}

func testChangedRecord(t *testing.T, s suite) {
	s.add(t, 1)
	changed := record(id(1))
	changed.MetaData["filename"] = "changed"
	s.Record(t, changed)
	if err := s.Outbox().Add(t.Context(), changed, at(1)); err != nil {
		t.Fatal(err)
	}
	entries := s.claim(t, 10)
	want(t, entries, 1)
	if got := metadata(t, entries[0]); got != "changed" {
		t.Errorf("the entry has an older record: %q", got)
	}
}

// The record that was added last is sent, though an older one is on its way.
func testChangedWhileClaimed(t *testing.T, s suite) {
	s.add(t, 1)
	entries := s.claim(t, 10)
	changed := record(id(1))
	changed.MetaData["filename"] = "changed"
	s.Record(t, changed)
	if err := s.Outbox().Add(t.Context(), changed, at(1)); err != nil {
		t.Fatal(err)
	}
	s.remove(t, entries...)
	entries = s.claim(t, 10)
	want(t, entries, 1)
	if got := metadata(t, entries[0]); got != "changed" {
		t.Errorf("the entry has an older record: %q", got)
	}
	s.remove(t, entries...)
	want(t, s.claim(t, 10))
}

func testNoRecord(t *testing.T, s suite) {
	if _, given := s.Harness.(Intents); given {
		t.Skip("this outbox is given the record")
	}
	if err := s.Outbox().Add(t.Context(), record(id(1)), at(1)); err == nil {
		t.Error("an upload without a record was added")
	}
	want(t, s.claim(t, 10))
}

func testBadID(t *testing.T, s suite) {
	for _, bad := range []string{"", ".", "..", "../x", "a/b", "a.b", "a b", "a\x00b", string(make([]byte, 300))} {
		if err := s.Outbox().Add(t.Context(), handler.FileInfo{ID: bad}, at(1)); err == nil {
			t.Errorf("an upload with the id %q was added", bad)
		}
	}
	for _, bad := range []string{"", ".", "..", "../x", "2026-11-29T0541"} {
		if err := s.Outbox().Bury(t.Context(), hooks.Entry{Name: bad}, "test"); err == nil {
			t.Errorf("an entry with the name %q was buried", bad)
		}
		if err := s.Outbox().Remove(t.Context(), []hooks.Entry{{Name: bad}}); err == nil {
			t.Errorf("an entry with the name %q was removed", bad)
		}
	}
}

// A client's DELETE takes nothing away from an event that waits.
func testDelete(t *testing.T, s suite) {
	s.add(t, 1)
	s.Delete(t, id(1))
	want(t, s.claim(t, 10), 1)
}

func testCanceled(t *testing.T, s suite) {
	s.add(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Record(t, record(id(2)))
	if err := s.Outbox().Add(ctx, record(id(2)), at(2)); !errors.Is(err, context.Canceled) {
		t.Errorf("add: %v", err)
	}
	if _, err := s.Outbox().Claim(ctx, 1, 1, hour()); !errors.Is(err, context.Canceled) {
		t.Errorf("claim: %v", err)
	}
	want(t, s.claim(t, 1), 1)
}
