package policy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/server/policy"
)

// clock is one that only a test moves.
type clock struct {
	mu   sync.Mutex
	time time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// changes are what Changed was told.
type changes struct {
	mu   sync.Mutex
	told []string
}

func (c *changes) add(away bool, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !away && cause == nil:
		c.told = append(c.told, "back")
	case away && cause != nil:
		c.told = append(c.told, "away: "+cause.Error())
	default:
		c.told = append(c.told, "?")
	}
}

func (c *changes) want(t *testing.T, want ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.EqualFunc(c.told, want, strings.HasPrefix) {
		t.Errorf("told %q, want %q", c.told, want)
	}
}

func TestBreaker(t *testing.T) {
	o := newOther(t, status(500))
	time0, told := &clock{time: time.Unix(1e9, 0)}, &changes{}
	a := newAsker(t, policy.Options{URL: o.URL, Failures: 3, Pause: 5 * time.Second, Now: time0.now, Changed: told.add})
	ask := func(what string, n int, want error) {
		t.Helper()
		before := o.asked.Load()
		_, err := a.Ask(t.Context(), policy.Question{})
		if !errors.Is(err, want) || (want == nil) != (err == nil) || o.asked.Load()-before != int64(n) {
			t.Fatalf("%s: %v, asked %d times; want %v, %d times", what, err, o.asked.Load()-before, want, n)
		}
	}
	anyFailure := func(what string) {
		t.Helper()
		before := o.asked.Load()
		if _, err := a.Ask(t.Context(), policy.Question{}); err == nil || errors.Is(err, policy.ErrPaused) || o.asked.Load()-before != 1 {
			t.Fatalf("%s: %v", what, err)
		}
	}
	anyFailure("one")
	anyFailure("two")
	o.set(says(`{"allow":false}`))
	ask("a refusal is an answer", 1, nil)
	o.set(status(500))
	anyFailure("one of a new row")
	anyFailure("two")
	told.want(t)
	anyFailure("three")
	told.want(t, "away: ask the policy: the answer has the status 500")
	if !a.Away() {
		t.Error("it isn't away")
	}
	o.set(says(yes))
	ask("in the pause", 0, policy.ErrPaused)
	time0.pass(5*time.Second - 1)
	ask("at its end", 0, policy.ErrPaused)
	time0.pass(1)
	o.set(status(500))
	anyFailure("the probe")
	ask("after a probe that failed", 0, policy.ErrPaused)
	time0.pass(5 * time.Second)
	o.set(says(yes))
	ask("the second probe", 1, nil)
	if a.Away() {
		t.Error("it is away still")
	}
	told.want(t, "away", "back")
	o.set(status(500))
	anyFailure("one of a new row")
	anyFailure("two")
	told.want(t, "away", "back")
}

// While the one probe is open, all others hear that nobody is asked; a probe whose asker
// leaves is nobody's fault, and another follows at once.
func TestProbe(t *testing.T) {
	o := newOther(t, status(500))
	time0, told := &clock{time: time.Unix(1e9, 0)}, &changes{}
	a := newAsker(t, policy.Options{URL: o.URL, Failures: 1, Pause: time.Second, Now: time0.now, Changed: told.add})
	_, _ = a.Ask(t.Context(), policy.Question{})
	time0.pass(time.Second)
	release := make(chan struct{})
	o.set(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
			says(yes)(w, r)
		case <-r.Context().Done():
		}
	})
	probe := func(ctx context.Context) <-chan error {
		before, ended := o.asked.Load(), make(chan error, 1)
		go func() {
			_, err := a.Ask(ctx, policy.Question{})
			ended <- err
		}()
		until(t, "the probe is put", func() bool { return o.asked.Load() == before+1 })
		return ended
	}
	leaving, leave := context.WithCancel(t.Context())
	left := probe(leaving)
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			if _, err := a.Ask(t.Context(), policy.Question{}); !errors.Is(err, policy.ErrPaused) {
				t.Errorf("beside the probe: %v", err)
			}
		})
	}
	asking.Wait()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left heard %v", err)
	}
	second := probe(t.Context())
	close(release)
	if err := <-second; err != nil {
		t.Errorf("the second probe: %v", err)
	}
	told.want(t, "away", "back")
	if n := o.asked.Load(); n != 3 {
		t.Errorf("asked %d times", n)
	}
}

// Many failures at once change the state once.
func TestBreakerUnderMany(t *testing.T) {
	o := newOther(t, status(500))
	told := &changes{}
	a := newAsker(t, policy.Options{URL: o.URL, Pause: time.Hour, Changed: told.add})
	var asking sync.WaitGroup
	for range 200 {
		asking.Go(func() { _, _ = a.Ask(t.Context(), policy.Question{Owner: fmt.Sprint(1)}) })
	}
	asking.Wait()
	told.want(t, "away")
	if n := o.asked.Load(); n > 64+5 {
		t.Errorf("asked %d times", n)
	}
}

// What can't be done for one owner ends the asking for nobody.
func TestWrongWishesAreNoFailures(t *testing.T) {
	o := newOther(t, says(`{"allow":true,"idPrefix":"wrong"}`))
	told := &changes{}
	a := newAsker(t, policy.Options{URL: o.URL, Failures: 2, Changed: told.add, Check: func(policy.Answer) error { return errors.New("wrong") }})
	for range 5 {
		if got, err := a.Ask(t.Context(), policy.Question{}); err == nil || errors.Is(err, policy.ErrPaused) || got.Allow {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if n := o.asked.Load(); n != 5 || a.Away() {
		t.Errorf("asked %d times; away: %v", n, a.Away())
	}
	told.want(t)
}

// A status that speaks of one question ends the asking for nobody; one that speaks of the server does.
func TestStatuses(t *testing.T) {
	for code, away := range map[int]bool{400: false, 403: false, 404: false, 422: false, 408: true, 429: true, 500: true, 503: true} {
		o := newOther(t, status(code))
		a := newAsker(t, policy.Options{URL: o.URL, Failures: 2, Pause: time.Hour})
		for range 3 {
			if got, err := a.Ask(t.Context(), policy.Question{}); err == nil || got.Allow {
				t.Errorf("%d: %+v, %v", code, got, err)
			}
		}
		if a.Away() != away {
			t.Errorf("%d: away %t", code, a.Away())
		}
	}
}
