package storetest

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"plateau/store"
)

// accounts are the suite's store.Accounts. They hold every change against the last one of
// the same upload, and at the end of each test, and after each crash, all of them against
// what there is.
type accounts struct {
	t *testing.T

	mu       sync.Mutex // guards what follows
	known    map[string]store.Change
	unspoken map[string]bool // there since before a crash, and not heard of since
	refusing func(store.Change) error
}

func newAccounts(t *testing.T) *accounts {
	return &accounts{t: t, known: make(map[string]store.Change)}
}

// Grow is part of store.Accounts.
func (a *accounts) Grow(c store.Change) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refusing != nil {
		if err := a.refusing(c); err != nil {
			return err
		}
	}
	if c.After.Bytes < c.Before.Bytes || !c.After.Open {
		a.t.Errorf("an upload that grows: %+v", c)
	}
	a.note(c)
	return nil
}

// Changed is part of store.Accounts.
func (a *accounts) Changed(c store.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.Before == c.After {
		delete(a.unspoken, c.ID) // it may be gone already, by another request
		return
	}
	if a.unspoken[c.ID] {
		a.t.Errorf("an upload has changed before it was said that it may: %+v", c)
	}
	a.note(c)
}

func (a *accounts) note(c store.Change) {
	delete(a.unspoken, c.ID)
	last := a.known[c.ID]
	if last.After != c.Before || last.After != (store.Occupied{}) && last.Owner != c.Owner {
		a.t.Errorf("an upload changes: %+v; before it was %+v", c, last)
	}
	if a.known[c.ID] = c; c.After == (store.Occupied{}) {
		delete(a.known, c.ID)
	}
}

// refuse makes all that grows hear what f says.
func (a *accounts) refuse(f func(store.Change) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refusing = f
}

// what is in the accounts.
func (a *accounts) all() map[string]store.Occupied {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make(map[string]store.Occupied, len(a.known))
	for id, c := range a.known {
		all[id] = c.After
	}
	return all
}

// occupants returns what the store says that there is. It must be in order.
func (s *suite) occupants() map[string]store.Change {
	s.Helper()
	found := make(map[string]store.Change)
	last := ""
	err := s.store.Occupants(context.WithoutCancel(s.Context()), "", func(id, owner string, what store.Occupied) error {
		if id <= last {
			s.Errorf("%q comes after %q", id, last)
		}
		last = id
		if what != (store.Occupied{}) {
			found[id] = store.Change{ID: id, Owner: owner, After: what}
		}
		return nil
	})
	s.must(err)
	return found
}

// wantAccounts checks that what was counted is what there is, once no finish runs any more.
func (s *suite) wantAccounts() {
	s.Helper()
	if s.store == nil {
		return
	}
	there, counted := s.occupants(), s.accounts.all()
	same := func() bool {
		return maps.EqualFunc(there, counted, func(c store.Change, what store.Occupied) bool { return c.After == what })
	}
	for end := time.Now().Add(bound); !same() && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // between two looks
		there, counted = s.occupants(), s.accounts.all()
	}
	for id, c := range there {
		if counted[id] != c.After {
			s.Errorf("upload %s occupies %+v, %+v was counted", id, c.After, counted[id])
		}
		delete(counted, id)
	}
	for id, what := range counted {
		s.Errorf("upload %s occupies nothing, %+v was counted", id, what)
	}
}

// fillAccounts begins anew, after a crash.
func (s *suite) fillAccounts() {
	s.Helper()
	there := s.occupants()
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	s.accounts.known, s.accounts.unspoken = there, make(map[string]bool)
	for id := range there {
		s.accounts.unspoken[id] = true
	}
}
