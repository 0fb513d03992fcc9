package outbox

import (
	"cmp"
	"strings"
	"time"

	"plateau/store/s3/bucket"
)

// pass is one walk through what waits, a page at a time, as entries are claimed.
// A whole one begins at the start and counts; another begins at the first entry
// that was added while there was no room in memory.
type pass struct {
	running bool   // a page is being listed
	cursor  string // names up to this one were listed
	drained bool   // it is at its end
	whole   bool
	begun   time.Time

	again     time.Time // when the next whole one may begin
	announced bool      // somebody was told that it may
	missed    string    // no pass finds this one, and perhaps others behind it

	counted int64 // by the pass, if it is a whole one
	pending int64 // what waits, as far as it is known
	surely  bool  // all of it has been counted once
}

// add changes the number of entries that wait.
func (p *pass) add(name string, n int64) {
	p.pending = max(p.pending+n, 0)
	if p.whole && !p.drained && name <= p.cursor {
		p.counted = max(p.counted+n, 0)
	}
}

// miss is told of an entry that is not in memory.
func (p *pass) miss(name string) {
	if !p.drained && !p.running && name > p.cursor {
		return // it will be found
	}
	if p.missed == "" || name < p.missed {
		p.missed = name
	}
}

// wanted: no listed name is left, and there may be more; or older ones than those
// that are ready were missed.
func (q *queue) wanted(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := &q.pass
	if q.listed > 0 {
		return p.drained && p.missed != "" && p.missed < q.ready.first().name
	}
	return !p.drained || p.missed != "" || !now.Before(p.again)
}

// beginPage returns the name to list after.
func (q *queue) beginPage(now time.Time) (after string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := &q.pass
	p.running = true
	if !p.drained {
		return p.cursor
	}
	p.drained, p.begun, p.counted = false, now, 0
	p.whole = !now.Before(p.again)
	if p.cursor = ""; !p.whole {
		p.cursor = before(p.missed)
	}
	p.missed = ""
	return p.cursor
}

// endPage is told what was listed; names that are no entries' are in cursor only.
// Unless it failed, a listing moves the cursor.
func (q *queue) endPage(found []bucket.Object, cursor string, more, failed bool, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := &q.pass
	p.running = false
	if failed {
		return
	}
	p.cursor = cmp.Or(cursor, p.cursor)
	p.counted += int64(len(found))
	for _, object := range found {
		if q.all[object.Key] == nil {
			q.put(&entry{name: object.Key, listed: true, size: object.Size, since: object.Modified, index: -1}, ready, time.Time{})
		}
	}
	if p.drained = !more; more {
		return
	}
	if p.whole {
		// However long a listing takes, it takes at most half of the time.
		p.again, p.announced = now.Add(max(q.opts.Relist, now.Sub(p.begun))), false
		p.pending, p.surely = p.counted, true
	}
}

// strangersAtMost is how many of them the log hears of.
const strangersAtMost = 10

// entriesIn returns what is an entry among listed objects, with names for keys, and
// the last name. The others stay where they are; an operator has put them there.
func (o *Outbox) entriesIn(objects []bucket.Object) (entries []bucket.Object, last string) {
	for _, object := range objects {
		last = strings.TrimPrefix(object.Key, pendingPrefix)
		if object.Key = last; isName(last) && object.Size <= maxEntry {
			entries = append(entries, object)
		} else if o.strangers.Add(1) <= strangersAtMost {
			o.opts.Log.Warn("there is something in the outbox that is no event; it stays where it is", "key", pendingPrefix+last)
		}
	}
	return entries, last
}
