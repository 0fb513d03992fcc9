package policy

import (
	"context"
	"sync"
)

// turns are what a question needs to be put: there are so many, of which each asker has a quarter at most. There is an
// entry for each asker that has a turn or waits for one.
type turns struct {
	all  chan struct{} // holds one for each turn that is taken
	each int

	mu     sync.Mutex // guards what follows
	askers map[uint64]*asker
}

// asker is whoever has turns or waits for some.
type asker struct {
	taken chan struct{} // holds one for each of its turns
	here  int           // how many of its questions have a turn or wait; guarded by turns.mu
}

func newTurns(n int) *turns {
	return &turns{all: make(chan struct{}, n), each: max(1, n/4), askers: make(map[uint64]*asker)}
}

// take waits for a turn until ctx ends, and reports whether there was one. give has to follow then.
func (t *turns) take(ctx context.Context, who uint64) bool {
	a := t.enter(who)
	select {
	case a.taken <- struct{}{}:
	case <-ctx.Done():
		t.leave(who, a)
		return false
	}
	select {
	case t.all <- struct{}{}:
		return true
	case <-ctx.Done():
		<-a.taken
		t.leave(who, a)
		return false
	}
}

// give gives a turn back.
func (t *turns) give(who uint64) {
	<-t.all
	t.mu.Lock()
	a := t.askers[who]
	t.mu.Unlock()
	<-a.taken
	t.leave(who, a)
}

func (t *turns) enter(who uint64) *asker {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.askers[who]
	if a == nil {
		a = &asker{taken: make(chan struct{}, t.each)}
		t.askers[who] = a
	}
	a.here++
	return a
}

func (t *turns) leave(who uint64, a *asker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.here--; a.here == 0 {
		delete(t.askers, who)
	}
}

// end takes all turns for good, once they were given back.
func (t *turns) end() {
	for range cap(t.all) {
		t.all <- struct{}{}
	}
}
