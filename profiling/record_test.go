package profiling_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"plateau/profiling"
)

// soon fails if something takes longer than these tests wait.
func soon(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: not within %s", what, patience)
	}
}

// TestAClientThatDoesNotReadIsInNobodysWay: what it asked for is over before the first byte is sent to it.
func TestAClientThatDoesNotReadIsInNobodysWay(t *testing.T) {
	for _, path := range []string{
		"/debug/pprof/trace?seconds=0.05", "/debug/pprof/profile?seconds=0.05", "/debug/fgprof?seconds=0.3",
		"/debug/pprof/heap?seconds=1", "/debug/pprof/goroutine?debug=2",
	} {
		t.Run(path, func(t *testing.T) {
			f := newFlight(t, profiling.FlightOptions{})
			if err := f.Start(); err != nil {
				t.Fatal(err)
			}
			h := profiling.Handler(profiling.Options{})
			reached, leave := make(chan struct{}, 1000), make(chan struct{})
			first := httptest.NewRecorder()
			var client sync.WaitGroup
			client.Go(func() {
				h.ServeHTTP(slow{first, reached, leave}, httptest.NewRequest(http.MethodGet, path, nil))
			})
			defer client.Wait()
			defer close(leave)
			<-reached
			soon(t, "the flight recording", func() {
				w := httptest.NewRecorder()
				f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/flight", nil))
				if w.Code != http.StatusOK {
					t.Errorf("the flight recording: %d", w.Code)
				}
			})
			soon(t, "the flight recorder stops", f.Stop)
			soon(t, "another client", func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
				if w.Code != http.StatusOK || w.Body.Len() == 0 {
					t.Errorf("another client: %d %s", w.Code, w.Body)
				}
			})
		})
	}
}

// pingPong makes a trace grow, until stop.
func pingPong(t *testing.T) (stop func()) {
	t.Helper()
	there, back, leave := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var players sync.WaitGroup
	players.Go(func() {
		defer close(there)
		for {
			select {
			case there <- struct{}{}:
				<-back
			case <-leave:
				return
			}
		}
	})
	players.Go(func() {
		for range there {
			back <- struct{}{}
		}
	})
	return func() { close(leave); players.Wait() }
}

// TestATraceEndsWhenItsMemoryIsFull, long before the time that was asked for, and can be read.
func TestATraceEndsWhenItsMemoryIsFull(t *testing.T) {
	defer pingPong(t)()
	const most = 4 << 20
	srv := httptest.NewServer(profiling.HandlerWithTapes(profiling.Options{}, most, most))
	defer srv.Close()
	for range 2 { // the memory is given back
		got := get(t, srv.URL+"/debug/pprof/trace?seconds=120")
		if got.status != http.StatusOK || len(got.body) < most/4*3 || len(got.body) > most {
			t.Fatalf("%d, %d bytes", got.status, len(got.body))
		}
		isTrace(t, got.body)
	}
}

// TestAProfileThatIsTooLargeIsRefused: half of it could not be read.
func TestAProfileThatIsTooLargeIsRefused(t *testing.T) {
	srv := httptest.NewServer(profiling.HandlerWithTapes(profiling.Options{}, 100, 1000))
	defer srv.Close()
	for _, path := range []string{"/debug/fgprof?seconds=0.3", "/debug/pprof/profile?seconds=0.05"} {
		if got := get(t, srv.URL+path); got.status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d, %d bytes", path, got.status, len(got.body))
		}
	}
}
