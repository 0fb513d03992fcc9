package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
)

// patience is how long a test waits for what must happen soon.
const patience = 20 * time.Second

// fakeOutbox is an Outbox in memory, with calls that fail when they are told to.
type fakeOutbox struct {
	mu      sync.Mutex
	waiting []hooks.Entry // in order of their names
	claimed map[string]bool
	removed []string
	dead    map[string]string
	most    int // entries claimed at a time
	claims  int
	arrived chan struct{}

	failClaims, failRemoves int             // that many of the next calls fail
	stuck                   map[string]bool // names that can't be removed
	confirm                 func(id string, call int) (hooks.Confirmation, error)
	confirms                map[string]int
	unsure                  map[string]bool // claimed, and not known to be finished
	alone                   time.Duration   // for which such are left alone
}

func newFakeOutbox() *fakeOutbox {
	return &fakeOutbox{
		claimed: map[string]bool{}, dead: map[string]string{}, confirms: map[string]int{}, unsure: map[string]bool{},
		alone: 5 * time.Millisecond, arrived: make(chan struct{}, 1),
	}
}

// put adds entries with records of that many bytes more than they need.
func (o *fakeOutbox) put(from, to, padding int) {
	o.mu.Lock()
	for n := from; n < to; n++ {
		o.waiting = append(o.waiting, numbered(n, padding))
	}
	o.mu.Unlock()
	o.signal()
}

func (o *fakeOutbox) signal() {
	select {
	case o.arrived <- struct{}{}:
	default:
	}
}

func numbered(n, padding int) hooks.Entry {
	id := fmt.Sprintf("u%06d", n)
	at := finishedAt.Add(time.Duration(n) * time.Millisecond)
	return hooks.Entry{
		Name: at.Format("20060102T150405.000000000Z-") + id, ID: id, FinishedAt: at,
		Record: fmt.Appendf(nil, `{"ID":%q,"Size":1,"MetaData":{"n":"%s"}}`, id, strings.Repeat("n", padding)),
	}
}

func (o *fakeOutbox) Add(context.Context, handler.FileInfo, time.Time) error {
	return errors.New("not here")
}

func (o *fakeOutbox) Claim(_ context.Context, count int, size int64, until time.Time) (entries []hooks.Entry, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.claims++
	if time.Until(until) < time.Minute {
		return nil, errors.New("the claim is too short to send in")
	}
	if o.failClaims > 0 {
		o.failClaims--
		return nil, errors.New("claim: told to fail")
	}
	for _, e := range o.waiting {
		if o.claimed[e.Name] {
			continue
		}
		if size -= int64(len(e.Record)); len(entries) == count || size < 0 && len(entries) > 0 {
			break
		}
		o.claimed[e.Name] = true
		entries = append(entries, e)
	}
	o.most = max(o.most, len(o.claimed))
	return entries, nil
}

func (o *fakeOutbox) Confirm(_ context.Context, e hooks.Entry) (hooks.Confirmation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.confirms[e.ID]++
	if o.confirm == nil {
		return hooks.Finished, nil
	}
	c, err := o.confirm(e.ID, o.confirms[e.ID])
	o.unsure[e.Name] = err != nil || c == hooks.Unknown
	if err == nil && c == hooks.Abandoned {
		o.take(e.Name)
	}
	return c, err
}

func (o *fakeOutbox) Remove(_ context.Context, entries []hooks.Entry) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failRemoves > 0 {
		o.failRemoves--
		return errors.New("remove: told to fail")
	}
	var err error
	for _, e := range entries {
		if o.stuck[e.Name] {
			err = errors.New("remove: one can't be removed")
			continue
		}
		o.take(e.Name)
		o.removed = append(o.removed, e.ID)
	}
	return err
}

func (o *fakeOutbox) take(name string) {
	delete(o.claimed, name)
	o.waiting = slices.DeleteFunc(o.waiting, func(e hooks.Entry) bool { return e.Name == name })
}

// Release leaves those alone for a little while that Confirm could say nothing of.
func (o *fakeOutbox) Release(entries []hooks.Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var later []string
	for _, e := range entries {
		if o.unsure[e.Name] {
			later = append(later, e.Name)
			continue
		}
		delete(o.claimed, e.Name)
	}
	if len(later) > 0 {
		time.AfterFunc(o.alone, func() { o.again(later) })
	}
}

func (o *fakeOutbox) again(names []string) {
	o.mu.Lock()
	for _, name := range names {
		delete(o.claimed, name)
		delete(o.unsure, name)
	}
	o.mu.Unlock()
	o.signal()
}

func (o *fakeOutbox) Bury(_ context.Context, e hooks.Entry, reason string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.take(e.Name)
	o.dead[e.ID] = reason
	return nil
}

func (o *fakeOutbox) Arrived() <-chan struct{} { return o.arrived }

// state is what is left.
func (o *fakeOutbox) state() (waiting, claimed, dead int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting), len(o.claimed), len(o.dead)
}

// fakeSink is a Sink that answers what it is told to, and knows what arrived.
type fakeSink struct {
	mu       sync.Mutex
	verdict  func(e hooks.Event, try int) error // nil: all is well
	before   func(ctx context.Context)          // called in each Send
	arrived  []string                           // subjects, with duplicates
	tries    map[string]int
	calls    int
	largest  int
	underway bool
}

func (s *fakeSink) Send(ctx context.Context, events []hooks.Event) []error {
	s.mu.Lock()
	if s.underway {
		s.mu.Unlock()
		panic("two calls at a time")
	}
	s.underway = true
	s.calls++
	s.largest = max(s.largest, len(events))
	before := s.before
	s.mu.Unlock()
	if before != nil {
		before(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underway = false
	if s.tries == nil {
		s.tries = map[string]int{}
	}
	errs := make([]error, len(events))
	failed := false
	for i, e := range events {
		s.tries[e.Subject]++
		if s.verdict != nil {
			errs[i] = s.verdict(e, s.tries[e.Subject])
		}
		if errs[i] != nil {
			failed = true
			continue
		}
		s.arrived = append(s.arrived, e.Subject)
	}
	if !failed {
		return nil
	}
	return errs
}

func (s *fakeSink) Close(context.Context) error { return nil }

func (s *fakeSink) subjects() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.arrived)
}

// running is a relay that runs.
type running struct {
	t    *testing.T
	stop context.CancelFunc
	done chan error
}

// start runs a relay until the test ends or stopped is called.
func start(t *testing.T, opts hooks.RelayOptions) *running {
	t.Helper()
	if opts.Source == "" {
		opts.Source = "/plateau/test"
	}
	if opts.BackoffMin == 0 {
		opts.BackoffMin, opts.BackoffMax = 2*time.Millisecond, 20*time.Millisecond
	}
	relay, err := hooks.NewRelay(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{t: t, stop: stop, done: make(chan error, 1)}
	go func() { r.done <- relay.Run(ctx) }()
	t.Cleanup(func() { stop() })
	return r
}

// stopped ends the relay and returns what Run said.
func (r *running) stopped() error {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		return err
	case <-time.After(patience):
		r.t.Fatal("Run did not return")
		return nil
	}
}

// eventually waits until a condition is true.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for: %s", patience, what)
		}
	}
}
