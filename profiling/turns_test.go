package profiling

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestATurnIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Turns
		done, taken := r.try("cpu", time.Minute)
		if taken != nil {
			t.Fatal("a turn that nobody has is taken")
		}
		if _, err := r.take("cpu", time.Minute); err == nil {
			t.Fatal("a turn was given twice")
		}
		if _, ok := r.Try("cpu", time.Minute); ok {
			t.Fatal("a turn was given twice")
		}
		other, err := r.take("heap", time.Minute)
		if err != nil {
			t.Fatalf("kinds are in each other's way: %v", err)
		}
		other()
		got := make(chan func())
		go func() {
			next, err := r.wait(t.Context(), "cpu", time.Minute)
			if err != nil {
				t.Error(err)
			}
			got <- next
		}()
		synctest.Wait()
		select {
		case <-got:
			t.Fatal("who waits has the turn beside who has it")
		default:
		}
		done()
		(<-got)()
		if len(r.places) != 0 {
			t.Errorf("%d turns stay taken", len(r.places))
		}
	})
}

func TestWaitingForATurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Turns
		done, err := r.take("cpu", 90*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		_, err = r.wait(ctx, "cpu", time.Second)
		h := http.Header{}
		if status := announce(h, err); status != http.StatusTooManyRequests || h.Get("Retry-After") != "60" {
			t.Errorf("%d, Retry-After %q: %v", status, h.Get("Retry-After"), err)
		}
		if waited := time.Since(start); waited != 30*time.Second {
			t.Errorf("waited %s", waited)
		}
	})
}

// TestAFlameGraphWaitsThirtySeconds: behind one of its kind, and behind two others that are being made.
func TestAFlameGraphWaitsThirtySeconds(t *testing.T) {
	for name, occupy := range map[string]func(f *flames){
		"the same kind": func(f *flames) { _, _ = f.recordings.turns.try("profile", time.Minute) },
		"two others":    func(f *flames) { f.making <- struct{}{}; f.making <- struct{}{} },
	} {
		synctest.Test(t, func(t *testing.T) {
			o := Options{}.withDefaults()
			f := newFlames(o, newRecordings(o), newPages())
			occupy(f)
			mux := http.NewServeMux()
			f.mount(mux)
			w := httptest.NewRecorder()
			start := time.Now()
			mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/flame/cpu", nil))
			if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "No cpu profile") {
				t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
			}
			if waited := time.Since(start); waited != flamePatience {
				t.Errorf("%s: waited %s", name, waited)
			}
		})
	}
}

// TestWhatIsThereAtOnceWaitsFiveSeconds: one of each kind is made at a time.
func TestWhatIsThereAtOnceWaitsFiveSeconds(t *testing.T) {
	for path, kind := range map[string]string{
		"/debug/pprof/goroutine?debug=2": "goroutine now", "/debug/pprof/heap?gc=1": "heap now", "/debug/grew": "grew",
	} {
		synctest.Test(t, func(t *testing.T) {
			captures, err := NewCaptures(CapturesOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var turns Turns
			done, _ := turns.try(kind, 0)
			h := Handler(Options{Turns: &turns, Captures: captures})
			ask := func() int {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
				if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
					t.Errorf("%s: no Retry-After", path)
				}
				return w.Code
			}
			start := time.Now()
			if got := ask(); got != http.StatusTooManyRequests || time.Since(start) != turnPatience {
				t.Errorf("%s: %d after %s", path, got, time.Since(start))
			}
			time.AfterFunc(turnPatience/2, done)
			start = time.Now()
			if got := ask(); got == http.StatusTooManyRequests || time.Since(start) != turnPatience/2 {
				t.Errorf("%s, when it is its turn in time: %d after %s", path, got, time.Since(start))
			}
			if len(turns.places) != 0 {
				t.Errorf("%s: the turn stays taken", path)
			}
		})
	}
}

// TestOneComparisonAtATime: also of those that no request asks for.
func TestOneComparisonAtATime(t *testing.T) {
	captures, err := NewCaptures(CapturesOptions{})
	if err != nil {
		t.Fatal(err)
	}
	captures.comparing <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := captures.Grew(ctx, SinceStart); !errors.Is(err, context.Canceled) {
		t.Errorf("beside another: %v", err)
	}
	<-captures.comparing
	if _, err := captures.Grew(t.Context(), SinceStart); !errors.Is(err, ErrNoCapture) {
		t.Errorf("after it: %v", err)
	}
	if len(captures.comparing) != 0 {
		t.Error("the turn stays taken")
	}
}

func TestViewsAreFewAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s views
		for range 100 {
			s.keep(&view{kind: "cpu", now: make([]byte, 1000)})
			time.Sleep(time.Second)
		}
		for number := 1; number <= 100; number++ {
			if kept := s.find("cpu", number) != nil; kept != (number > 100-viewsKept) {
				t.Errorf("view %d: kept %t", number, kept)
			}
		}
		if s.find("heap", 100) != nil {
			t.Error("a view is found as another kind")
		}
		s.keep(&view{kind: "heap", now: make([]byte, viewsBytes/2), base: make([]byte, viewsBytes/2)})
		if len(s.kept) != 1 || s.find("heap", 101) == nil {
			t.Errorf("%d views are kept beside one that is as large as all may be", len(s.kept))
		}
		time.Sleep(viewsFor)
		synctest.Wait()
		if len(s.kept) != 0 {
			t.Errorf("%d views are kept for ever", len(s.kept))
		}
	})
}
