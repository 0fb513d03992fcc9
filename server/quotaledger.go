package server

import (
	"context"
	"sync"
	"sync/atomic"

	"plateau/store"
)

// quotas are what the uploads of each owner may occupy. 0: no limit.
type quotas struct {
	bytes     int64 // of all uploads: finished and declared
	openBytes int64 // of those that are not finished
	uploads   int64 // how many are not finished
}

// account is what the uploads of one owner occupy.
type account quotas

// walk calls each for every upload that occupies something, in the order of their ids,
// from behind after on. It blocks on the storage, and may be called again after an error.
type walk func(ctx context.Context, after string, each func(id, owner string, what store.Occupied) error) error

// quotaLedger is the store.Accounts of one process, in its memory. It has an entry for each
// owner whose uploads occupy something, and none for an upload.
//
// What there was before the start is counted by fill, in the background, while uploads go
// on: until then an owner's account has only what was counted so far, and refuses too
// little. fill goes through the uploads in the order of their ids. An upload that changes
// before it is its turn is remembered until then with what it occupies, and is not counted
// again: so what comes out is exact. These are the only uploads that are remembered, and
// those whose turn doesn't come, since they are gone or occupy nothing by then, until fill
// has ended. No number bounds them: each that is created or written behind fill's place
// while fill runs, or waits for the storage, costs about 150 bytes. So it is the pace of the
// storage that bounds them, and --limit-creations for one client, times how long fill takes.
type quotaLedger struct {
	limits quotas
	filled atomic.Bool

	running sync.WaitGroup     // counts what was there
	end     context.CancelFunc // of that; nil before start

	mu       sync.Mutex // guards what follows
	accounts map[string]account
	total    account
	passed   string                    // the id that fill has come to
	ahead    map[string]store.Occupied // uploads behind it that have changed; nil: fill has ended
}

func newQuotaLedger(limits quotas) *quotaLedger {
	return &quotaLedger{limits: limits, accounts: make(map[string]account), ahead: make(map[string]store.Occupied)}
}

// Grow is part of store.Accounts. It doesn't block.
func (l *quotaLedger) Grow(c store.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.Before = l.beforeOf(c)
	a := l.accounts[c.Owner]
	more := accountOf(c.After).less(accountOf(c.Before))
	if exceeds(l.limits.bytes, a.bytes, more.bytes) || exceeds(l.limits.openBytes, a.openBytes, more.openBytes) ||
		exceeds(l.limits.uploads, a.uploads, more.uploads) {
		return store.OverQuota()
	}
	l.count(c)
	return nil
}

// Changed is part of store.Accounts.
func (l *quotaLedger) Changed(c store.Change) {
	isHint := c.Before == c.After
	if isHint && l.filled.Load() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.ahead[c.ID]; isHint && (known || l.ahead == nil || c.ID <= l.passed) {
		return
	}
	c.Before = l.beforeOf(c)
	l.count(c)
}

// beforeOf is what was counted of an upload until now. The caller holds mu.
func (l *quotaLedger) beforeOf(c store.Change) store.Occupied {
	if l.ahead == nil || c.ID <= l.passed {
		return c.Before
	}
	return l.ahead[c.ID]
}

// count counts a change. The caller holds mu.
func (l *quotaLedger) count(c store.Change) {
	if l.ahead != nil && c.ID > l.passed {
		l.ahead[c.ID] = c.After
	}
	more := accountOf(c.After).less(accountOf(c.Before))
	l.total = l.total.plus(more)
	a := l.accounts[c.Owner].plus(more)
	if a == (account{}) {
		delete(l.accounts, c.Owner)
		return
	}
	l.accounts[c.Owner] = a
}

// fill counts what there was before the start. After an error it may be called again, and
// goes on where it was.
func (l *quotaLedger) fill(ctx context.Context, uploads walk) error {
	l.mu.Lock()
	after := l.passed
	l.mu.Unlock()
	err := uploads(ctx, after, func(id, owner string, what store.Occupied) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		_, counted := l.ahead[id]
		delete(l.ahead, id)
		l.passed = id
		if !counted {
			l.count(store.Change{ID: id, Owner: owner, After: what})
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead = nil
	l.filled.Store(true)
	return nil
}

// sums are what all uploads occupy together, and how many owners they have.
func (l *quotaLedger) sums() (all account, owners int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total, len(l.accounts)
}

func accountOf(o store.Occupied) account {
	if !o.Open {
		return account{bytes: o.Bytes}
	}
	return account{bytes: o.Bytes, openBytes: o.Bytes, uploads: 1}
}

func (a account) plus(b account) account {
	return account{a.bytes + b.bytes, a.openBytes + b.openBytes, a.uploads + b.uploads}
}

func (a account) less(b account) account {
	return account{a.bytes - b.bytes, a.openBytes - b.openBytes, a.uploads - b.uploads}
}

// exceeds reports whether more doesn't fit beside what there is. What a client declares may
// be so large that a sum overflows.
func exceeds(limit, there, more int64) bool { return limit > 0 && more > 0 && more > limit-there }
