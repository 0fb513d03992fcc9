package hooks

import (
	"os"
	"slices"
	"testing"
	"time"
)

func newQueue(limit int) *queue {
	q := &queue{}
	q.init(limit)
	return q
}

// takeAll claims all that the queue knows of.
func (q *queue) takeAll() []string {
	names, _ := q.take(1000, time.Now(), time.Now().Add(time.Hour))
	return names
}

func mustScan(t *testing.T, q *queue, ahead bool, from string) {
	t.Helper()
	if cursor, needed := q.beginScan(ahead); !needed || cursor != from {
		t.Fatalf("a scan is needed: %v, from %q, want one from %q", needed, cursor, from)
	}
}

// What is added while a scan runs is not missed, wherever the scan has been.
func TestQueueArrivalsDuringAScan(t *testing.T) {
	q := newQueue(10)
	mustScan(t, q, false, "")
	q.arrive(nameOf(2))
	q.endScan([]string{nameOf(1)}, lastOf(keyOf(nameOf(1))), true)
	if got := q.takeAll(); !slices.Equal(got, []string{nameOf(1), nameOf(2)}) {
		t.Errorf("taken are %q", got)
	}
}

// Arrivals that a scan has still to come to wait for it, so that older ones go
// first; those that it has passed don't.
func TestQueueArrivalsBetweenScans(t *testing.T) {
	q := newQueue(2)
	mustScan(t, q, false, "")
	q.endScan([]string{nameOf(1), nameOf(3)}, nameOf(3), false)
	q.arrive(nameOf(9))
	q.arrive(nameOf(2))
	if got := q.takeAll(); !slices.Equal(got, []string{nameOf(1), nameOf(2), nameOf(3)}) {
		t.Errorf("taken are %q", got)
	}
	mustScan(t, q, false, nameOf(3))
}

// More arrivals than are remembered make the next scan begin at the start.
func TestQueueOverflow(t *testing.T) {
	q := newQueue(2)
	mustScan(t, q, false, "")
	q.endScan(nil, "", true)
	for _, n := range []int{4, 3, 1} {
		q.arrive(nameOf(n))
	}
	if got := q.takeAll(); !slices.Equal(got, []string{nameOf(3), nameOf(4)}) {
		t.Errorf("taken are %q", got)
	}
	if q.exhausted() {
		t.Error("an arrival was forgotten")
	}
	mustScan(t, q, false, "")
	q.endScan([]string{nameOf(1), nameOf(3), nameOf(4)}, lastOf(keyOf(nameOf(1))), true)
	if got := q.takeAll(); !slices.Equal(got, []string{nameOf(1)}) {
		t.Errorf("taken are %q; two were claimed already", got)
	}
	if !q.exhausted() {
		t.Error("nothing is left, and it is not known")
	}
}

// A scan ahead adds to the window, and begins only when little is left.
func TestQueueScansAhead(t *testing.T) {
	q := newQueue(8)
	mustScan(t, q, false, "")
	q.endScan([]string{nameOf(1), nameOf(2), nameOf(3)}, nameOf(3), false)
	if names, low := q.take(1, time.Now(), time.Now().Add(time.Hour)); len(names) != 1 || low {
		t.Errorf("after %q a scan should begin: %v", names, low)
	}
	if _, needed := q.beginScan(true); needed {
		t.Error("a scan begins while enough is left")
	}
	if names, low := q.take(1, time.Now(), time.Now().Add(time.Hour)); len(names) != 1 || !low {
		t.Errorf("after %q no scan should begin", names)
	}
	if _, needed := q.beginScan(false); needed {
		t.Error("a scan that is not ahead begins while something is left")
	}
	mustScan(t, q, true, nameOf(3))
	q.endScan([]string{nameOf(4)}, lastOf(keyOf(nameOf(4))), true)
	if got := q.takeAll(); !slices.Equal(got, []string{nameOf(3), nameOf(4)}) {
		t.Errorf("taken are %q", got)
	}
}

// A minute is said to be empty when its last name is gone, and not while there
// may be more behind the cursor.
func TestQueueEmptyMinutes(t *testing.T) {
	q := newQueue(10)
	mustScan(t, q, false, "")
	q.endScan([]string{nameOf(1), nameOf(2), nameOf(120_000)}, nameOf(120_000), false)
	q.takeAll()
	if empty := q.drop(nameOf(1)); len(empty) > 0 {
		t.Errorf("empty are %q", empty)
	}
	if empty := q.drop(nameOf(2), nameOf(2)); !slices.Equal(empty, []string{keyOf(nameOf(2))}) {
		t.Errorf("empty are %q", empty)
	}
	if empty := q.drop(nameOf(120_000)); len(empty) > 0 {
		t.Errorf("the minute of the cursor is empty: %q", empty)
	}
	if len(q.minutes) > 0 || len(q.claims) > 0 {
		t.Errorf("remembered are %v, %v", q.minutes, q.claims)
	}
}

// While a name is made or moved, nobody counts the folder.
func TestDiskOutboxLinksWhileNobodyCounts(t *testing.T) {
	var o *testOutbox
	links := 0
	calls := diskCalls{link: func(fromDir int, from string, toDir int, to string) error {
		links++
		if o.names.TryLock() {
			o.names.Unlock()
			t.Error("a link is made while others may count")
		}
		return link(fromDir, from, toDir, to)
	}, fsync: (*os.File).Sync}
	o = openTest(t, DiskOutboxOptions{calls: calls})
	o.mustAdd(1)
	if links != 1 {
		t.Errorf("%d links were made, want 1", links)
	}
}
