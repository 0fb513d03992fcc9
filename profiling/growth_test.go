package profiling_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"plateau/profiling"
)

// kept is what the leaks of these tests have leaked.
var kept [][]byte

//go:noinline
func leakBytes() {
	for range 64 {
		kept = append(kept, make([]byte, 1<<20))
	}
}

//go:noinline
func leakGoroutine(leave <-chan struct{}) { <-leave }

// clock is a clock that a test sets, and a ticker that ticks when it says so.
type clock struct {
	mu      sync.Mutex
	at      time.Time
	ticks   chan time.Time
	capture chan bool // whether the capture that is due is taken
}

func newClock() *clock {
	return &clock{at: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC), ticks: make(chan time.Time), capture: make(chan bool)}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) ticker(time.Duration) (<-chan time.Time, func()) { return c.ticks, func() {} }

// tick has a capture taken, and returns when it is kept: the next tick is not heard before.
func (c *clock) tick() {
	c.ticks <- c.now()
	c.take()
}

func (c *clock) take() {
	c.capture <- true
	c.ticks <- c.now()
	c.capture <- false
}

// capturing runs Captures until stop, or the test ends. One capture is kept when it returns.
func capturing(t *testing.T, c *clock, o profiling.CapturesOptions) (captures *profiling.Captures, stop func()) {
	t.Helper()
	o.Module, o.Now, o.Ticker, o.Enabled = "plateau", c.now, c.ticker, func() bool { return <-c.capture }
	captures, err := profiling.NewCaptures(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { captures.Run(ctx) })
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	c.take()
	return captures, stop
}

func TestALeakIsOnTop(t *testing.T) {
	c := newClock()
	captures, stop := capturing(t, c, profiling.CapturesOptions{})
	stop()
	t.Cleanup(func() { kept = nil })
	leakBytes()
	leave := make(chan struct{})
	var wg sync.WaitGroup
	for range 300 {
		wg.Go(func() { leakGoroutine(leave) })
	}
	defer wg.Wait()
	defer close(leave)
	c.pass(10 * time.Minute)
	grew, err := captures.Grew(t.Context(), 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	top := grew.Rows[0]
	if top.Function != "plateau/profiling_test.leakBytes" || !top.Own || top.Bytes < 50<<20 || top.Objects < 10 ||
		!strings.HasSuffix(top.File, "growth_test.go") || top.Line == 0 {
		t.Errorf("on top by bytes: %+v", top)
	}
	if by := grew.Top(1, profiling.ByGoroutines); len(by) != 1 || by[0].Function != "plateau/profiling_test.leakGoroutine" || by[0].Goroutines < 290 {
		t.Errorf("on top by goroutines: %+v", by)
	}
	if grew.Since() != 10*time.Minute || grew.Total.Goroutines < 290 || grew.Total.Bytes < 50<<20 {
		t.Errorf("%s, %+v", grew.Since(), grew.Total)
	}
	if len(grew.Now.Heap) == 0 || len(grew.Old.Heap) == 0 || len(grew.Now.Goroutine) == 0 {
		t.Error("the captures are not to be had")
	}
	page(t, captures)
}

// page reads the same from the page.
func page(t *testing.T, captures *profiling.Captures) {
	t.Helper()
	srv := httptest.NewServer(profiling.Handler(profiling.Options{Captures: captures}))
	defer srv.Close()
	got := get(t, srv.URL+"/debug/grew")
	strict(t, "/debug/grew", got)
	text := string(got.body)
	for _, want := range []string{
		"<h1>In the last 10 minutes live heap grew by ", "most by plateau/profiling_test.leakBytes, &#43;",
		"plateau/profiling_test/growth_test.go:", "flame/heap?minutes=10", "flame/goroutine?minutes=10", "?minutes=10&amp;sort=objects",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(text, "<script") {
		t.Error("the page has a script")
	}
	for _, kind := range []string{"heap?minutes=10", "heap?since=start", "goroutine?minutes=10"} {
		got := get(t, srv.URL+"/debug/flame/"+kind)
		if got.status != http.StatusOK || !strings.Contains(string(got.body), "leak") {
			t.Errorf("%s: %d %.300s", kind, got.status, got.body)
		}
		strict(t, kind, got)
	}
	for sort, first := range map[string]string{"bytes": "plateau/profiling_test.leakBytes", "goroutines": "plateau/profiling_test.leakGoroutine"} {
		got := get(t, srv.URL+"/debug/grew?format=json&since=start&sort="+sort)
		var answer struct {
			Bytes, Goroutines int64
			Growth            []profiling.Growth
		}
		if err := json.Unmarshal(got.body, &answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.Growth) == 0 || answer.Growth[0].Function != first || answer.Bytes < 50<<20 || answer.Goroutines < 290 {
			t.Errorf("sorted by %s: %.500s", sort, got.body)
		}
	}
	for _, wrong := range []string{"minutes=0", "minutes=x", "minutes=NaN", "minutes=1e300", "sort=name", "since=1"} {
		if got := get(t, srv.URL+"/debug/grew?"+wrong); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, got.status)
		}
	}
}

// TestALeakInsideALibrary: none of our own functions is in the stacks of goroutines that a library started.
func TestALeakInsideALibrary(t *testing.T) {
	c := newClock()
	captures, stop := capturing(t, c, profiling.CapturesOptions{})
	stop()
	pprof.Do(t.Context(), pprof.Labels("route", "POST /upload"), func(context.Context) {
		for range 40 {
			t.Cleanup(mpb.New(mpb.WithOutput(io.Discard)).Shutdown)
		}
	})
	grew, err := captures.Grew(t.Context(), profiling.SinceStart)
	if err != nil {
		t.Fatal(err)
	}
	var found bool
	for _, g := range grew.Top(3, profiling.ByGoroutines) {
		if g.Goroutines < 40 || g.Own || g.Route != "POST /upload" || !strings.HasPrefix(g.Function, "github.com/vbauerster/mpb/v8.") {
			t.Errorf("among the first three: %+v", g)
		}
		found = found || strings.HasSuffix(g.Function, ".(*Progress).serve")
	}
	if !found {
		t.Errorf("the library's loop is not named: %v", grew.Top(10, profiling.ByGoroutines))
	}
}

func TestNoCaptureYet(t *testing.T) {
	captures, err := profiling.NewCaptures(profiling.CapturesOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := captures.Grew(t.Context(), time.Minute); !errors.Is(err, profiling.ErrNoCapture) {
		t.Error(err)
	}
	for _, o := range []profiling.Options{{}, {Captures: captures}} {
		srv := httptest.NewServer(profiling.Handler(o))
		got := get(t, srv.URL+"/debug/grew")
		if want := map[bool]int{true: http.StatusNotFound, false: http.StatusServiceUnavailable}[o.Captures == nil]; got.status != want ||
			!strings.Contains(string(got.body), "not known") {
			t.Errorf("%d %s", got.status, got.body)
		}
		srv.Close()
	}
}
