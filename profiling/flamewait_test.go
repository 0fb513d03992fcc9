package profiling_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/profiling"
)

// hold asks for a profile of 120 s, and returns when it runs and scrapers are refused at once. leave ends it.
func hold(t *testing.T, base, path, probe string) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil { // a probe may be first: then a scraper is refused, and comes again
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}
	})
	deadline := time.Now().Add(patience)
	for {
		got := get(t, base+probe)
		after, _ := strconv.Atoi(got.header.Get("Retry-After"))
		if got.status == http.StatusTooManyRequests && after > 60 {
			return func() { cancel(); wg.Wait() }
		}
		if time.Now().After(deadline) {
			cancel()
			t.Fatalf("%s is not refused: %d, Retry-After %d", probe, got.status, after)
		}
	}
}

func TestAFlameGraphThatRunsRefusesScrapersAndEndsWithItsClient(t *testing.T) {
	for kind, probe := range map[string]string{"cpu": "/debug/pprof/profile?seconds=0.01", "fgprof": "/debug/fgprof?seconds=0.1"} {
		base := serve(t)
		leave := hold(t, base, "/debug/flame/"+kind+"?seconds=120", probe)
		leave()
		deadline := time.Now().Add(patience)
		for get(t, base+probe).status != http.StatusOK {
			if time.Now().After(deadline) {
				t.Fatalf("%s goes on after its client has left", kind)
			}
			runtime.Gosched()
		}
		if got := get(t, base+"/debug/flame/"+kind+"/1/flamegraph"); got.status != http.StatusNotFound {
			t.Errorf("%s: a profile that nobody waits for is kept", kind)
		}
	}
}

func TestAFlameGraphWaitsForAScraper(t *testing.T) {
	base := serve(t)
	busy(t)
	leave := hold(t, base, "/debug/pprof/profile?seconds=120", "/debug/pprof/profile?seconds=0.01")
	var wg sync.WaitGroup
	for range 2 { // one waits for the other, too
		wg.Go(func() {
			if got := get(t, base+"/debug/flame/cpu?seconds=0.2"); got.status != http.StatusOK || !strings.HasSuffix(got.path, "/flamegraph") {
				t.Errorf("%d at %s: %.300s", got.status, got.path, got.body)
			}
		})
	}
	leave()
	wg.Wait()
}

func TestFgprofOfACrowdHasToBeForced(t *testing.T) {
	base := serve(t)
	leave := make(chan struct{})
	var wg sync.WaitGroup
	for range 5001 {
		wg.Go(func() { <-leave })
	}
	defer wg.Wait()
	defer close(leave)
	for _, path := range []string{"/debug/fgprof?seconds=0.2", "/debug/flame/fgprof?seconds=0.2"} {
		got := get(t, base+path)
		if got.status != http.StatusServiceUnavailable || !strings.Contains(string(got.body), "force=1") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if got := get(t, base+path+"0&force=1"); got.status != http.StatusOK {
			t.Errorf("%s, forced: %d %s", path, got.status, got.body)
		}
	}
}

// TestTurnsAreShared: what records without a request keeps requests away, and they keep it away.
func TestTurnsAreShared(t *testing.T) {
	var turns profiling.Turns
	srv := httptest.NewServer(profiling.Handler(profiling.Options{Turns: &turns}))
	defer srv.Close()
	done, ok := turns.Try("fgprof", time.Minute)
	if !ok {
		t.Fatal("it is another's turn")
	}
	if got := get(t, srv.URL+"/debug/fgprof?seconds=0.2"); got.status != http.StatusTooManyRequests {
		t.Errorf("%d", got.status)
	}
	done()
	leave := hold(t, srv.URL, "/debug/flame/fgprof?seconds=120", "/debug/fgprof?seconds=0.2")
	defer leave()
	if _, ok := turns.Try("fgprof", time.Minute); ok {
		t.Error("a turn was given twice")
	}
}

// TestNoHome: as in a unit of systemd, or an image that has nothing but the binary.
func TestNoHome(t *testing.T) {
	t.Setenv("HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	if got := get(t, serve(t)+"/debug/flame/goroutine"); got.status != http.StatusOK || !strings.HasSuffix(got.path, "/flamegraph") {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestNothingStaysOfTwoHundredViews(t *testing.T) {
	base := serve(t)
	open := func() {
		got := get(t, base+"/debug/flame/goroutine")
		if got.status != http.StatusOK {
			t.Fatalf("%d: %s", got.status, got.body)
		}
	}
	meter := profiling.NewMeter()
	defer meter.Close()
	rest := func() profiling.Figures {
		http.DefaultClient.CloseIdleConnections()
		runtime.GC()
		runtime.GC() // what a pool held goes at the second
		return meter.Read()
	}
	for range 20 { // as many as are kept, and more
		open()
	}
	before := rest()
	for range 200 {
		open()
	}
	deadline := time.Now().Add(patience)
	for {
		after := rest()
		if after.Goroutines <= before.Goroutines+3 && after.HeapLive < before.HeapLive+(1<<20) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("before %+v, after %+v", before, after)
		}
	}
}

func TestViewsInParallel(t *testing.T) {
	base := serve(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			got := get(t, base+"/debug/flame/"+[]string{"goroutine", "goroutine", "goroutine", "heap"}[i%4])
			folder := base + strings.TrimSuffix(got.path, "flamegraph")
			for _, page := range []string{"top", "flamegraph", "peek?f=runtime", "download"} {
				if got := get(t, folder+page); got.status != http.StatusOK {
					t.Errorf("%s: %d %.300s", page, got.status, got.body)
				}
			}
		})
	}
	wg.Wait()
}
