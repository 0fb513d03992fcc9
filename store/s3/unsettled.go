package s3

import (
	"sync"

	"plateau/store"
)

// unsettled are changes that are to be counted once it is known that an upload has its
// object: its own, and those of the parts whose bytes a final then has. There is an entry
// for each final that is being finished or whose finish has failed, and for each upload
// whose finish didn't hear what became of the object: the next request for it, the sweep or
// the outbox finds out.
type unsettled struct {
	accounts store.Accounts

	mu    sync.Mutex // guards what follows; to forget a change and to count it is one step
	notes map[string]*note
}

type note struct {
	own   store.Change            // no ID: its finish hasn't come so far
	parts map[string]store.Change // of a final only
}

func newUnsettled(accounts store.Accounts) *unsettled {
	return &unsettled{accounts: accounts, notes: make(map[string]*note)}
}

// note returns the note of an upload. The caller holds mu.
func (u *unsettled) note(id string) *note {
	n := u.notes[id]
	if n == nil {
		n = &note{}
		u.notes[id] = n
	}
	return n
}

// sealing notes what an upload's object changes for the upload itself.
func (u *unsettled) sealing(id string, own store.Change) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.note(id).own = own
}

// taking notes what a final's object changes for one of its parts. The caller holds the
// part's lock.
func (u *unsettled) taking(final string, part store.Change) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.note(final)
	if n.parts == nil {
		n.parts = make(map[string]store.Change)
	}
	n.parts[part.ID] = part
}

// settle forgets what was noted, and counts it if the object is there.
func (u *unsettled) settle(id string, there bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.notes[id]
	delete(u.notes, id)
	if n == nil || !there {
		return
	}
	if n.own.ID != "" {
		u.accounts.Changed(n.own)
	}
	for _, part := range n.parts {
		u.accounts.Changed(part)
	}
}

// withdraw counts that an upload never came to be, if its finish was noted.
func (u *unsettled) withdraw(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.notes[id]
	delete(u.notes, id)
	if n != nil && n.own.ID != "" {
		n.own.After = store.Occupied{}
		u.accounts.Changed(n.own)
	}
}

// left counts that a part was removed before any final had its object, and returns true; or
// false if no final was about to take it. The caller holds the part's lock.
func (u *unsettled) left(part store.Change) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	found := false
	for _, n := range u.notes {
		if _, noted := n.parts[part.ID]; noted {
			delete(n.parts, part.ID)
			found = true
		}
	}
	if found {
		u.accounts.Changed(part)
	}
	return found
}
