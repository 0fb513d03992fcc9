package outbox

import (
	"math/rand/v2"
	"sync"
	"time"
)

// confirmedAtMost is how many uploads are remembered that are finished, and whose
// entries are not in memory.
const confirmedAtMost = 10_000

// queue knows which entries are to be claimed next, which are claimed, and which
// are left alone. What it holds is bounded: a page of listed names, what this
// process has added and claimed (Options.Keep), and names of those left alone
// (Options.Alone). All other entries are found by listing; see pass.
type queue struct {
	opts Options

	mu    sync.Mutex
	all   map[string]*entry
	ready entryHeap // by name: the oldest first
	timed entryHeap // claimed and resting, by their time

	listed   int   // ready entries from the listing
	kept     int   // entries that are claimed, or have their records in memory
	keptSize int64 // the bytes of these records
	alone    int   // entries that rest and have no record in memory

	confirmed *nameSet
	busy      map[string]chan struct{} // entries that somebody changes in the bucket
	lingering map[string]time.Time     // until then a DELETE may be carried out that was given up

	pass pass
}

func newQueue(opts Options) *queue {
	return &queue{
		opts:      opts,
		all:       make(map[string]*entry),
		ready:     entryHeap{less: func(a, b *entry) bool { return a.name < b.name }},
		timed:     entryHeap{less: func(a, b *entry) bool { return a.until.Before(b.until) }},
		confirmed: newNameSet(confirmedAtMost),
		busy:      make(map[string]chan struct{}),
		lingering: make(map[string]time.Time),
		pass:      pass{drained: true},
	}
}

// put has an entry at a place, and out of what it was in before. until is for
// all places but ready. The caller holds mu, as for all methods below.
func (q *queue) put(e *entry, p place, until time.Time) {
	q.take(e)
	e.place, e.until = p, until
	if p == claimed || e.record != nil {
		q.kept++
		q.keptSize += e.size
	} else if p == resting {
		q.alone++
	}
	if p == ready {
		if e.listed {
			q.listed++
		}
		q.ready.add(e)
	} else {
		e.listed = false
		q.timed.add(e)
	}
	q.all[e.name] = e
}

// take takes an entry out of everything, if it is there.
func (q *queue) take(e *entry) {
	if e.index < 0 {
		return
	}
	if e.place == claimed || e.record != nil {
		q.kept--
		q.keptSize -= e.size
	} else if e.place == resting {
		q.alone--
	}
	if e.place == ready {
		if e.listed {
			q.listed--
		}
		q.ready.remove(e)
	} else {
		q.timed.remove(e)
	}
	delete(q.all, e.name)
}

// rest leaves an entry alone for a while, that nobody could say more of now.
func (q *queue) rest(e *entry, now time.Time) {
	q.take(e)
	e.record = nil
	e.tries++
	if q.alone >= q.opts.Alone {
		return // all is listed again some day
	}
	pause := q.opts.AloneMin << min(e.tries-1, 30)
	if pause <= 0 || pause > q.opts.AloneMax {
		pause = q.opts.AloneMax
	}
	q.put(e, resting, now.Add(pause/2+rand.N(pause/2+1)))
}

// revive makes those ready whose time has come, and reports whether there are any.
func (q *queue) revive(now time.Time) (any bool) {
	for e := q.timed.first(); e != nil && !now.Before(e.until); e = q.timed.first() {
		q.put(e, ready, time.Time{})
		any = true
	}
	return any
}

// hasRoom: another entry may be kept in memory with a record of so many bytes.
func (q *queue) hasRoom(size int64) bool {
	return q.kept < q.opts.Keep && q.keptSize+size <= q.opts.KeepSize
}

// next is when something happens by itself: an entry becomes ready, or all may be
// listed again. Zero: nothing does.
func (q *queue) next() (at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.timed.first(); e != nil {
		at = e.until
	}
	if q.pass.drained && !q.pass.announced && (at.IsZero() || q.pass.again.Before(at)) {
		at = q.pass.again
	}
	return at
}

// wake does what is due by then, and reports whether somebody should claim.
func (q *queue) wake(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	revived := q.revive(now)
	if q.pass.drained && !q.pass.announced && !now.Before(q.pass.again) {
		q.pass.announced = true
		return true
	}
	return revived
}
