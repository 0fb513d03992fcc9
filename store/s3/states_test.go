package s3

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/s3/spool"
)

// table is the table of states, and what a test expects of it.
type table struct {
	*testing.T
	store  *Store
	r      *rand.Rand
	pinned []*state // once for each pin
	ever   []*state
}

func newTable(t *testing.T, seed uint64) *table {
	held, err := spool.Open(spool.Options{Dir: t.TempDir(), Budget: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	s := &Store{opts: Options{}.withDefaults(), spool: held, states: states{freshFor: time.Hour}}
	return &table{T: t, store: s, r: rand.New(rand.NewPCG(seed, 1))}
}

// made is a state as it is found or made: of any weight, some with bytes that wait.
func (m *table) made(id string) *state {
	st := m.store.newState(handler.FileInfo{ID: id, MetaData: handler.MetaData{"a": strings.Repeat("x", m.r.IntN(20_000))}})
	if m.r.IntN(2) == 0 {
		st.file = m.store.spool.Take(0, nil)
	}
	m.ever = append(m.ever, st)
	return st
}

// step does one thing that the store does, and says what.
func (m *table) step(id string) string {
	t := &m.store.states
	switch m.r.IntN(12) {
	case 0, 1, 2, 3:
		before := t.byID[id]
		st, err := t.open(m.Context(), id, func(*state) (*state, error) { return m.made(id), nil })
		if err != nil || st == nil || before != nil && st != before || st.outdated {
			m.Fatalf("open: %v, %v", st, err)
		}
		m.pinned = append(m.pinned, st)
		return "open"
	case 4:
		failure := errors.New("away")
		st, err := t.open(m.Context(), id, func(*state) (*state, error) { return nil, failure })
		switch {
		case err == nil && st != nil && !st.outdated:
			m.pinned = append(m.pinned, st)
		case st != nil || !errors.Is(err, failure):
			m.Fatalf("open of what can't be loaded: %v, %v", st, err)
		}
		return "open in vain"
	case 5:
		m.pinned = append(m.pinned, t.add(m.made(id)))
		return "add"
	case 6:
		if len(m.ever) > 0 { // one that a request has since long ago
			st := m.ever[m.r.IntN(len(m.ever))]
			if got := t.add(st); got != st && got != t.byID[st.id] {
				m.Fatalf("add returned another one")
			} else {
				m.pinned = append(m.pinned, got)
			}
		}
		return "add once more"
	case 7:
		if len(m.pinned) > 0 {
			t.forget(m.pinned[m.r.IntN(len(m.pinned))])
		}
		return "forget"
	case 8:
		t.removed(id)
		return "removed"
	}
	if len(m.pinned) > 0 {
		i := m.r.IntN(len(m.pinned))
		st := m.pinned[i]
		m.pinned[i] = m.pinned[len(m.pinned)-1]
		m.pinned = m.pinned[:len(m.pinned)-1]
		if m.r.IntN(10) == 0 {
			st.sealed = true
		}
		t.put(st, m.r.IntN(2) == 0)
	}
	return "put"
}

// check compares the table with what was done.
func (m *table) check() error {
	t := &m.store.states
	pins := make(map[*state]int)
	for _, st := range m.pinned {
		pins[st]++
	}
	var weight int64
	files := 0
	for e := t.idle.Front(); e != nil; e = e.Next() {
		st := e.Value.(*state)
		if st.place != e || st.pins != 0 || t.byID[st.id] != st || st.sealed || st.outdated {
			return fmt.Errorf("%s is idle: %+v", st.id, st.inTable)
		}
		weight += st.memory()
		if st.file != nil {
			files++
		}
	}
	switch {
	case weight != t.weight || files != t.files:
		return fmt.Errorf("%d bytes and %d files are idle, counted are %d and %d", weight, files, t.weight, t.files)
	case weight > idleWeight || files > idleFiles:
		return fmt.Errorf("%d bytes and %d files are idle", weight, files)
	case len(t.loading) > 0:
		return fmt.Errorf("%d are being looked for", len(t.loading))
	}
	for _, st := range m.ever {
		entered := t.byID[st.id] == st
		switch {
		case st.pins != pins[st]:
			return fmt.Errorf("%s has %d pins, not %d", st.id, st.pins, pins[st])
		case entered && (st.place == nil) != (st.pins > 0), !entered && st.place != nil:
			return fmt.Errorf("%s is entered (%t), with %d pins, and idle (%t)", st.id, entered, st.pins, st.place != nil)
		case entered && st.outdated:
			return fmt.Errorf("%s is entered, though it is outdated", st.id)
		case st.outdated && st.pins == 0 && st.file != nil:
			return fmt.Errorf("%s is out, and has its file", st.id)
		}
	}
	return nil
}

// Whatever is opened, forgotten and removed: who has an upload keeps it, who asks gets the
// one that is entered, and those that nobody has stay within their bounds.
func TestStates(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(3) {
		m := newTable(t, seed+round)
		uploads := []int{3, 40, 900}[round]
		for n := range 3000 {
			id := fmt.Sprintf("%032x+0", m.r.IntN(uploads))
			did := m.step(id)
			if n%20 != 0 && uploads > 40 {
				continue
			}
			if err := m.check(); err != nil {
				t.Fatalf("round %d, step %d, %s %s: %v", round, n, did, id, err)
			}
		}
		for _, st := range m.pinned {
			m.store.states.put(st, false)
		}
		m.pinned = nil
		if err := m.check(); err != nil {
			t.Error(err)
		}
	}
}

// What is known of an upload that nobody uses is asked for again when it is old.
func TestStatesGoStale(t *testing.T) {
	m := newTable(t, 1)
	states := &m.store.states
	states.freshFor = time.Nanosecond
	load := func(*state) (*state, error) { return m.made("a+0"), nil }
	first, err := states.open(t.Context(), "a+0", load)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := states.open(t.Context(), "a+0", load); again != first {
		t.Error("one that is in use was asked for again")
	}
	states.put(first, true)
	states.put(first, true)
	for time.Since(first.fresh) <= states.freshFor {
		// The clock may be coarse.
	}
	second, err := states.open(t.Context(), "a+0", load)
	if err != nil || second == first || !first.outdated || first.file != nil {
		t.Errorf("an old one is believed: %v", err)
	}
}

// Many look, and some change: nobody is told what was so before a change that had ended when
// the look began.
func TestStatesAreCurrent(t *testing.T) {
	m := newTable(t, 1)
	states := &m.store.states
	const uploads = 3
	var written, told [uploads]atomic.Int64 // in the bucket; and changes that have ended
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 3000 {
				i := n % uploads
				id := fmt.Sprintf("%d+0", i)
				least := told[i].Load()
				st, err := states.open(t.Context(), id, func(*state) (*state, error) {
					info := handler.FileInfo{ID: id, Size: written[i].Load()}
					return m.store.newState(info), nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				if st.info.Size < least {
					t.Errorf("told %d, when %d was so", st.info.Size, least)
				}
				if n%5 == 0 {
					states.forget(st)
				}
				states.put(st, false)
			}
		})
	}
	all.Go(func() {
		for n := range 3000 {
			i := n % uploads
			now := written[i].Add(1)
			states.removed(fmt.Sprintf("%d+0", i))
			told[i].Store(now)
		}
	})
	all.Wait()
}
