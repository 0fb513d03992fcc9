package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// errSink is how an event fails: not an answer, and with a path in its text.
var errSink = errors.New("write /var/lib/events/1: broken")

// events is where the finished events go. It can fail and it can be slow.
type events struct {
	t *testing.T

	mu      sync.Mutex // guards what follows
	made    []handler.FileInfo
	calls   int
	running map[string]bool
	failure error
	gate    *gate
}

// gate holds up events until it is opened.
type gate struct {
	entered chan struct{} // gets a value for each event that waits
	opened  chan struct{}
}

func newEvents(t *testing.T) *events {
	return &events{t: t, running: make(map[string]bool)}
}

// finish is Options.Finish.
func (e *events) finish(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error {
	if _, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil {
		e.t.Errorf("the finish of %s has no deadline of its own, or ends with its request (%v)", info.ID, ctx.Err())
	}
	e.mu.Lock()
	e.calls++
	if e.running[info.ID] {
		e.t.Errorf("two finishes of %s run at a time", info.ID)
	}
	e.running[info.ID] = true
	g := e.gate
	e.mu.Unlock()

	if g != nil {
		g.entered <- struct{}{}
		<-g.opened
	}

	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running, info.ID)
	if e.failure != nil {
		return e.failure
	}
	e.made = append(e.made, info)
	return nil
}

// fail makes all further events fail with err; nil heals.
func (e *events) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failure = err
}

// hold makes all further events wait for the returned gate, which the test's
// end opens if nobody else does.
func (e *events) hold() *gate {
	g := &gate{entered: make(chan struct{}, 1000), opened: make(chan struct{})}
	e.mu.Lock()
	e.gate = g
	e.mu.Unlock()
	e.t.Cleanup(func() { e.open(g) })
	return g
}

// open lets pass what waits at g and all that follows.
func (e *events) open(g *gate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gate == g {
		e.gate = nil
		close(g.opened)
	}
}

// called is how often the store called, with success or not.
func (e *events) called() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls
}

// want checks that exactly these uploads have an event, in this order.
func (e *events) want(ids ...string) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	var got []string
	for _, info := range e.made {
		got = append(got, info.ID)
	}
	same := len(got) == len(ids)
	for i := 0; same && i < len(ids); i++ {
		same = got[i] == ids[i]
	}
	if !same {
		e.t.Errorf("events of the uploads %q, want %q", got, ids)
	}
}

// of returns the events of one upload.
func (e *events) of(id string) (made []handler.FileInfo) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, info := range e.made {
		if info.ID == id {
			made = append(made, info)
		}
	}
	return made
}

// last is the upload of the latest event.
func (e *events) last() handler.FileInfo {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.made) == 0 {
		e.t.Fatal("there is no event")
	}
	return e.made[len(e.made)-1]
}
