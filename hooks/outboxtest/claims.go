package outboxtest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
)

func decode(e hooks.Entry) (info handler.FileInfo, err error) {
	err = json.Unmarshal(e.Record, &info)
	return info, err
}

func testRemove(t *testing.T, s suite) {
	s.add(t, 0, 1, 2, 3)
	entries := s.claim(t, 3)
	// Exactly those that are given, records or not.
	s.remove(t, hooks.Entry{Name: entries[0].Name}, entries[2])
	s.remove(t, entries[0]) // gone already
	s.Reopen(t)
	want(t, s.claim(t, 10), 1, 3)
}

func testRelease(t *testing.T, s suite) {
	s.add(t, 0, 1, 2)
	entries := s.claim(t, 3)
	want(t, claimFrom(t, s.Other(), 3, 1<<20, hour()))
	s.Outbox().Release(entries[1:])
	want(t, claimFrom(t, s.Other(), 1, 1<<20, hour()), 1)
	want(t, s.claim(t, 3), 2)
	s.remove(t, entries[0])
	s.Outbox().Release(entries[:1]) // it is gone
	want(t, s.claim(t, 3))
}

// A claim that has ended doesn't keep others from an entry.
func testClaimEnds(t *testing.T, s suite) {
	s.add(t, 0, 1)
	past := time.Now().Add(-time.Second)
	want(t, claimFrom(t, s.Outbox(), 1, 1<<20, past), 0)
	want(t, claimFrom(t, s.Outbox(), 2, 1<<20, hour()), 0, 1)
	want(t, s.claim(t, 2))
	s.add(t, 2)
	stale := claimFrom(t, s.Outbox(), 1, 1<<20, past)
	want(t, stale, 2)
	current := claimFrom(t, s.Other(), 1, 1<<20, hour())
	want(t, current, 2)
	// Both send it, and both remove it.
	s.remove(t, stale...)
	if err := s.Other().Remove(t.Context(), current); err != nil {
		t.Fatal(err)
	}
	want(t, s.claim(t, 2))
}

func testBury(t *testing.T, s suite) {
	s.add(t, 0, 1, 2)
	entries := s.claim(t, 2)
	reason := "it is too large:\nreally"
	if err := s.Outbox().Bury(t.Context(), hooks.Entry{Name: entries[0].Name}, reason); err != nil {
		t.Fatal(err)
	}
	if err := s.Outbox().Bury(t.Context(), entries[0], reason); err != nil {
		t.Errorf("bury again: %v", err)
	}
	s.Outbox().Release(entries)
	want(t, s.claim(t, 10), 1, 2)
	s.Reopen(t)
	want(t, s.claim(t, 10), 1, 2)
	dead := s.Dead(t)
	if len(dead) != 1 || dead[entries[0].Name] != reason {
		t.Errorf("dead are %q", dead)
	}
	s.add(t, 0) // finished again, and still poison
	again := s.claim(t, 10)
	want(t, again, 0)
	if err := s.Outbox().Bury(t.Context(), again[0], "again"); err != nil {
		t.Fatal(err)
	}
	want(t, s.claim(t, 10))
	s.Reopen(t)
	want(t, s.claim(t, 10), 1, 2)
	if dead := s.Dead(t); len(dead) != 1 || dead[entries[0].Name] != "again" {
		t.Errorf("dead are %q", dead)
	}
}

func testConfirm(t *testing.T, s suite) {
	s.add(t, 0)
	entries := s.claim(t, 1)
	got, err := s.Outbox().Confirm(t.Context(), entries[0])
	if err != nil || got != hooks.Finished {
		t.Errorf("the upload of an entry is confirmed as %v, %v", got, err)
	}
}

func testArrived(t *testing.T, s suite) {
	// Whoever waits, wakes, when it was told that there is nothing.
	for n := range 3 {
		for len(s.claim(t, 10)) > 0 {
		}
		select {
		case <-s.Outbox().Arrived(): // an old one
		default:
		}
		s.add(t, n)
		arrives(t, s.Outbox())
		want(t, s.claim(t, 10), n)
	}
	// Nobody has to listen.
	s.add(t, 10, 11, 12, 13)
	arrives(t, s.Outbox())
	want(t, s.claim(t, 10), 10, 11, 12, 13)
}

func testArrivedAfterStart(t *testing.T, s suite) {
	s.add(t, 0)
	s.Reopen(t)
	arrives(t, s.Outbox())
	want(t, s.claim(t, 10), 0)
}

func testReopen(t *testing.T, s suite) {
	s.add(t, 4, 2, 0)
	want(t, s.claim(t, 1), 0)
	s.Reopen(t)
	entries := s.claim(t, 10)
	want(t, entries, 0, 2, 4)
	s.remove(t, entries[1])
	s.add(t, 3)
	s.Reopen(t)
	want(t, s.claim(t, 10), 0, 3, 4)
}
