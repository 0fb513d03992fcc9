package hooks

import (
	"container/heap"
	"sync"
	"time"
)

// queue knows which entries are to be claimed next, and which are claimed. It
// holds names alone, and never many more than two windows of those that wait.
//
// The window has the oldest names that scans found. Behind the cursor,
// which is the last of them, nothing has been looked at yet; such entries are
// found by the next scan. All others come one by one, when they are added or
// given back. A name may be in here twice: the second time it is claimed by
// somebody, or gone, and is dropped.
type queue struct {
	limit int

	mu      sync.Mutex
	window  []string
	late    nameHeap
	claims  map[string]claim
	soonest time.Time      // no claim ends before
	minutes map[string]int // how many names of a minute are in here, by key
	adding  map[string]int // names that are there, but not known to be durable

	cursor   string
	drained  bool // there was nothing behind the cursor
	scanning bool
	stale    bool // the next scan is to begin at the start
}

type claim struct {
	until   time.Time
	changed bool // there is another record under the name now
}

func (q *queue) init(limit int) {
	q.limit = limit
	q.claims = make(map[string]claim)
	q.minutes = make(map[string]int)
	q.adding = make(map[string]int)
}

// begin is told that an entry is being added: until arrive or withdraw nobody
// claims it, since it may have to be taken back.
func (q *queue) begin(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.adding[name]++
}

// withdraw is told of an entry that could not be added.
func (q *queue) withdraw(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.added(name)
}

func (q *queue) added(name string) {
	if q.adding[name]--; q.adding[name] <= 0 {
		delete(q.adding, name)
	}
}

// arrive is told of an entry that was added.
func (q *queue) arrive(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.added(name)
	switch {
	case !q.drained && !q.scanning && name > q.cursor: // the next scan finds it
	case len(q.late) >= q.limit:
		q.stale = true
	default:
		q.push(name)
	}
}

func (q *queue) push(name string) {
	heap.Push(&q.late, name)
	q.minutes[keyOf(name)]++
}

// take claims the oldest names, at most count of them. low says that the next
// scan should begin now.
func (q *queue) take(count int, now, until time.Time) (names []string, low bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.endClaims(now)
	for len(names) < count {
		name, ok := q.pop()
		if !ok {
			break
		}
		if _, claimed := q.claims[name]; claimed || q.adding[name] > 0 {
			q.uncount(name) // it comes again: see arrive
			continue
		}
		q.claims[name] = claim{until: until}
		names = append(names, name)
	}
	if len(names) > 0 && (q.soonest.IsZero() || until.Before(q.soonest)) {
		q.soonest = until
	}
	return names, q.low() && !q.scanning
}

// low: there is more behind the cursor, and the window will soon be empty.
func (q *queue) low() bool { return !q.drained && !q.stale && len(q.window) < q.limit/4 }

func (q *queue) pop() (name string, ok bool) {
	switch {
	case len(q.window) > 0 && (len(q.late) == 0 || q.window[0] <= q.late[0]):
		name, q.window = q.window[0], q.window[1:]
		return name, true
	case len(q.late) > 0:
		return heap.Pop(&q.late).(string), true
	default:
		return "", false
	}
}

// endClaims gives back what was claimed until now.
func (q *queue) endClaims(now time.Time) {
	if q.soonest.IsZero() || now.Before(q.soonest) {
		return
	}
	q.soonest = time.Time{}
	for name, c := range q.claims {
		if !now.Before(c.until) {
			delete(q.claims, name)
			heap.Push(&q.late, name)
		} else if q.soonest.IsZero() || c.until.Before(q.soonest) {
			q.soonest = c.until
		}
	}
}

// giveBack ends claims, so that the names can be taken again.
func (q *queue) giveBack(names ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range names {
		if _, claimed := q.claims[name]; claimed {
			delete(q.claims, name)
			heap.Push(&q.late, name)
		}
	}
}

// postpone lets claims end then, so that others are claimed before.
func (q *queue) postpone(names []string, until time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range names {
		if c, claimed := q.claims[name]; claimed {
			c.until = until
			q.claims[name] = c
		}
	}
	if len(names) > 0 && until.Before(q.soonest) {
		q.soonest = until
	}
}

// drop ends claims of entries that are gone. It returns the minutes of which
// nothing is known to be left.
func (q *queue) drop(names ...string) (empty []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range names {
		if _, claimed := q.claims[name]; !claimed {
			continue
		}
		delete(q.claims, name)
		key := keyOf(name)
		if q.uncount(name) && (q.drained || lastOf(key) <= q.cursor) {
			empty = append(empty, key)
		}
	}
	return empty
}

func (q *queue) uncount(name string) (last bool) {
	key := keyOf(name)
	q.minutes[key]--
	if q.minutes[key] > 0 {
		return false
	}
	delete(q.minutes, key)
	return true
}

// changed is told, before it is so, that there is another record under a name.
func (q *queue) changed(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c, claimed := q.claims[name]; claimed {
		c.changed = true
		q.claims[name] = c
	}
}

// sentOld gives those back of names whose records were changed since they were
// claimed, and returns the others.
func (q *queue) sentOld(names []string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var rest []string
	for _, name := range names {
		if q.claims[name].changed {
			delete(q.claims, name)
			heap.Push(&q.late, name)
		} else {
			rest = append(rest, name)
		}
	}
	return rest
}

// startOver has the folders looked through from the start, once all that is
// known has been claimed.
func (q *queue) startOver() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stale = true
}

// oldest returns the oldest name that is known.
func (q *queue) oldest() (name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	older := func(other string) {
		if name == "" || other < name {
			name = other
		}
	}
	if len(q.window) > 0 {
		older(q.window[0])
	}
	if len(q.late) > 0 {
		older(q.late[0])
	}
	for claimed := range q.claims {
		older(claimed)
	}
	return name
}

// nameHeap is a heap.Interface whose first name is the oldest.
type nameHeap []string

func (h nameHeap) Len() int           { return len(h) }
func (h nameHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h nameHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *nameHeap) Push(x any)        { *h = append(*h, x.(string)) }
func (h *nameHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = ""
	*h = old[:len(old)-1]
	return last
}
