package outbox

import (
	"container/heap"
	"time"
)

// place is where an entry in memory is.
type place int

const (
	ready   place = iota // it can be claimed
	claimed              // until its time
	resting              // left alone until its time, then ready
)

// entry is what is in memory of an entry in the bucket.
type entry struct {
	name   string
	place  place
	until  time.Time // of claimed and resting
	listed bool      // ready, and from the listing

	// What its content is, as far as it is known: without a record it has to be read.
	id         string
	finishedAt time.Time
	record     []byte
	size       int64     // of the record, or a little more
	since      time.Time // about when it was finished

	confirmed bool   // its upload is finished
	unsure    bool   // while it is claimed: Confirm could not say so
	tries     int    // how often it could not
	sum       uint64 // of the content that was claimed last; 0: it wasn't read
	written   uint64 // of what was added since it was claimed; 0: nothing was
	changed   bool   // by that there is another content now

	index int // in the heap of its place; -1: in none
}

// entryHeap is a heap.Interface of entries.
type entryHeap struct {
	entries []*entry
	less    func(a, b *entry) bool
}

func (h *entryHeap) Len() int           { return len(h.entries) }
func (h *entryHeap) Less(i, j int) bool { return h.less(h.entries[i], h.entries[j]) }

func (h *entryHeap) Swap(i, j int) {
	h.entries[i], h.entries[j] = h.entries[j], h.entries[i]
	h.entries[i].index, h.entries[j].index = i, j
}

func (h *entryHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(h.entries)
	h.entries = append(h.entries, e)
}

func (h *entryHeap) Pop() any {
	last := len(h.entries) - 1
	e := h.entries[last]
	h.entries[last] = nil
	h.entries = h.entries[:last]
	e.index = -1
	return e
}

// first returns the first entry, or nil.
func (h *entryHeap) first() *entry {
	if len(h.entries) == 0 {
		return nil
	}
	return h.entries[0]
}

func (h *entryHeap) add(e *entry)    { heap.Push(h, e) }
func (h *entryHeap) remove(e *entry) { heap.Remove(h, e.index) }

// nameSet is a set of at most so many names, of which the oldest are forgotten.
type nameSet struct {
	most  int
	names map[string]int // which number it was
	order []string       // a ring
	count int
}

func newNameSet(most int) *nameSet {
	return &nameSet{most: most, names: make(map[string]int), order: make([]string, most)}
}

func (s *nameSet) add(name string) {
	i := s.count % s.most
	if old := s.order[i]; old != "" && s.names[old] == s.count-s.most {
		delete(s.names, old)
	}
	s.order[i] = name
	s.names[name] = s.count
	s.count++
}

func (s *nameSet) remove(name string)   { delete(s.names, name) }
func (s *nameSet) has(name string) bool { _, there := s.names[name]; return there }
