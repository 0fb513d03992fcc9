package s3

import (
	"container/list"
	"context"
	"sync"
	"time"
)

const (
	// idleWeight is how many bytes of memory the states of uploads have together that no
	// request uses.
	idleWeight = 4 << 20
	// idleFiles is how many of them keep their bytes in the spool, so that the next small
	// chunk is added to them and need not fetch them.
	idleFiles = 256
)

// states are the uploads that are open in this process, one state for each. One that a
// request uses stays; of the others those used last stay, within bounds: whatever they
// hold is in the bucket or was never acknowledged. What is known of one goes stale.
type states struct {
	freshFor time.Duration

	mu      sync.Mutex // guards what follows; no state's own is taken while it is held
	byID    map[string]*state
	loading map[string]*loading
	idle    list.List // of *state; the one used last in front
	weight  int64     // of those in idle
	files   int
}

// inTable is what the table knows of a state; the table's lock guards it.
type inTable struct {
	pins     int
	place    *list.Element // in idle; nil while it is pinned
	fresh    time.Time     // when the bucket said so, or was told
	weight   int64         // as it was counted
	file     bool
	outdated bool // it was taken out, since it may not be so any more
}

// loading is an upload that is being looked for. Others wait for it, so that nobody enters
// what was so before they changed it.
type loading struct {
	done     chan struct{}
	outdated bool // it was removed meanwhile
}

// open returns the state of an upload, which load looks for if it isn't open here, and
// keeps it until put. load is told what was known, if that is too old; it may be nil.
func (t *states) open(ctx context.Context, id string, load func(stale *state) (*state, error)) (*state, error) {
	for {
		st, other, stale := t.enter(id)
		if stale != nil {
			stale.close()
		}
		if st != nil {
			return st, nil
		}
		if other != nil {
			select {
			case <-other.done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			continue
		}
		st, err := t.find(id, stale, load)
		if err != nil {
			st = nil
		}
		if st, ok := t.loaded(id, st); ok || err != nil {
			return st, err
		}
	}
}

// find calls load; if that panics, others may look.
func (t *states) find(id string, stale *state, load func(stale *state) (*state, error)) (*state, error) {
	returned := false
	defer func() {
		if !returned {
			t.loaded(id, nil)
		}
	}()
	st, err := load(stale)
	returned = true
	return st, err
}

// enter returns the state, pinned; or the loading that runs; or neither, if the caller is
// the one to load, and then to call loaded. stale is one to be closed.
func (t *states) enter(id string) (st *state, other *loading, stale *state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if st := t.byID[id]; st != nil {
		if st.place == nil || time.Since(st.fresh) <= t.freshFor {
			t.pin(st)
			return st, nil, nil
		}
		t.takeOut(st)
		stale = st
	}
	if l := t.loading[id]; l != nil {
		return nil, l, stale
	}
	if t.loading == nil {
		t.loading = make(map[string]*loading)
	}
	t.loading[id] = &loading{done: make(chan struct{})}
	return nil, nil, stale
}

// loaded ends a loading. It is false if what was found may not be so any more.
func (t *states) loaded(id string, st *state) (*state, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.loading[id]
	delete(t.loading, id)
	close(l.done)
	if st == nil || l.outdated || t.byID[id] != nil {
		return nil, false
	}
	t.insert(st)
	t.pin(st)
	return st, true
}

// get returns the state of an upload that is open here, and keeps it until put; nil if
// there is none.
func (t *states) get(id string) *state {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := t.byID[id]
	if st != nil {
		t.pin(st)
	}
	return st
}

// add enters a state that was made here, or was opened a moment ago, and keeps it until
// put. If the upload was opened anew meanwhile, that state is returned instead. One that
// is outdated is kept, and not entered.
func (t *states) add(st *state) *state {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch now := t.byID[st.id]; {
	case now != nil:
		st = now
	case !st.outdated:
		t.insert(st)
		if l := t.loading[st.id]; l != nil {
			l.outdated = true
		}
	}
	t.pin(st)
	return st
}

// insert enters a state.
func (t *states) insert(st *state) {
	if t.byID == nil {
		t.byID = make(map[string]*state)
	}
	t.byID[st.id] = st
	st.fresh = time.Now()
}

func (t *states) pin(st *state) {
	st.pins++
	t.unlist(st)
}

// unlist takes a state from those that are idle.
func (t *states) unlist(st *state) {
	if st.place == nil {
		return
	}
	t.idle.Remove(st.place)
	st.place = nil
	t.weight -= st.inTable.weight
	if st.inTable.file {
		t.files--
	}
}

// put lets go of a state that open, get or add returned. changed says that the bucket has
// just been told, or said, what is so.
func (t *states) put(st *state, changed bool) {
	if t.putShared(st, changed) {
		return
	}
	st.mu.Lock()
	weight, file, sealed := st.memory(), st.file != nil, st.sealed
	st.mu.Unlock()
	var out []*state
	t.mu.Lock()
	st.pins--
	if changed {
		st.fresh = time.Now()
	}
	switch {
	case st.pins > 0:
	case t.byID[st.id] != st:
		out = append(out, st)
	case sealed:
		t.takeOut(st)
		out = append(out, st)
	default:
		st.inTable.weight, st.inTable.file = weight, file
		st.place = t.idle.PushFront(st)
		t.weight += weight
		if file {
			t.files++
		}
	}
	for back := t.idle.Back(); back != nil && (t.weight > idleWeight || t.files > idleFiles); back = t.idle.Back() {
		last := back.Value.(*state)
		t.takeOut(last)
		out = append(out, last)
	}
	t.mu.Unlock()
	for _, st := range out {
		st.close()
	}
}

// putShared is put for a state that others use too. They may have its lock while they wait
// for the bucket, so that isn't waited for.
func (t *states) putShared(st *state, changed bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if st.pins == 1 {
		return false
	}
	st.pins--
	if changed {
		st.fresh = time.Now()
	}
	return true
}

// takeOut takes a state out of the table.
func (t *states) takeOut(st *state) {
	t.unlist(st)
	if t.byID[st.id] == st {
		delete(t.byID, st.id)
	}
	st.outdated = true
}

// forget takes an upload out of the table, whoever uses it: what is known here may not be
// so any more. Whoever has the state writes nothing by it from now on. The caller has it
// open, or has dropped its bytes.
func (t *states) forget(st *state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.takeOut(st)
	if l := t.loading[st.id]; l != nil {
		l.outdated = true
	}
}

// removed takes an upload out that somebody has looked for while it was being removed.
func (t *states) removed(id string) {
	t.mu.Lock()
	st := t.byID[id]
	if st != nil {
		t.takeOut(st)
	}
	idle := st != nil && st.pins == 0
	if l := t.loading[id]; l != nil {
		l.outdated = true
	}
	t.mu.Unlock()
	if idle {
		st.close()
	}
}

// isOutdated reports whether the state was forgotten.
func (t *states) isOutdated(st *state) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return st.outdated
}

// all returns all states that are open.
func (t *states) all() []*state {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*state, 0, len(t.byID))
	for _, st := range t.byID {
		all = append(all, st)
	}
	return all
}
