package policy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plateau/server/policy"
)

func TestQuestion(t *testing.T) {
	o := newOther(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/may" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("User-Agent") != "plateau" {
			t.Errorf("asked by %s %s %v", r.Method, r.URL, r.Header)
		}
		if _, sent := r.Header["Idempotency-Key"]; sent {
			t.Error("an empty header is sent")
		}
		_, _ = io.WriteString(w, `{"allow":true,"idPrefix":"tenant1","metadata":{"b":"ü"}}`)
	})
	a := newAsker(t, policy.Options{URL: o.URL + "/may"})
	size := int64(0)
	for want, q := range map[string]policy.Question{
		`{"owner":"","metadata":null,"partial":false,"final":false,"form":false,"client":""}`: {},
		`{"owner":"o","admin":true,"metadata":{"a":"ä"},"size":0,"partial":false,"final":true,"parts":3,"form":true,"client":"::1"}`: {
			Owner: "o", Admin: true, Metadata: map[string]string{"a": "ä"}, Size: &size, Final: true, Parts: 3, Form: true, Client: "::1",
		},
	} {
		answer, err := a.Ask(t.Context(), q)
		if err != nil || !answer.Allow || answer.IDPrefix != "tenant1" || answer.Metadata["b"] != "ü" {
			t.Errorf("%+v, %v", answer, err)
		}
		if o.last != want {
			t.Errorf("asked %s, want %s", o.last, want)
		}
	}
	o.set(says(`{"allow":false,"status":415,"reason":"no"}`))
	if answer, err := a.Ask(t.Context(), policy.Question{}); err != nil || answer.Allow || answer.Status != 415 || answer.Reason != "no" {
		t.Errorf("%+v, %v", answer, err)
	}
	if n := o.conns.Load(); n != 1 {
		t.Errorf("three questions, one after the other, took %d connections", n)
	}
}

// Each of these is a failure, and none takes longer than its time or more than its bytes.
func TestNoAnswer(t *testing.T) {
	hangs := func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	for name, answer := range map[string]http.HandlerFunc{
		"500":  status(500),
		"204":  status(204),
		"403":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"allow":true}`, http.StatusForbidden) },
		"json": says(`{"allow":`),
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, yes)
		},
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"huge": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"allow":true,"x":"`)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<10)); err != nil {
					return
				}
			}
		},
		"header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 32<<10))
			_, _ = io.WriteString(w, yes)
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		},
		"gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte{0x1f, 0x8b})
		},
		"checked": says(`{"allow":true,"idPrefix":"wrong"}`),
		"hangs":   hangs,
	} {
		t.Run(name, func(t *testing.T) {
			o := newOther(t, answer)
			opts := policy.Options{URL: o.URL, Check: func(a policy.Answer) error {
				if a.IDPrefix == "wrong" {
					return errors.New("wrong")
				}
				return nil
			}}
			if name == "hangs" {
				opts.Timeout = 50 * time.Millisecond
			}
			a := newAsker(t, opts)
			got, err := a.Ask(t.Context(), policy.Question{})
			if err == nil || got.Allow || errors.Is(err, policy.ErrPaused) || strings.Contains(err.Error(), o.URL) {
				t.Errorf("%+v, %v", got, err)
			}
			if (name == "hangs") != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the error is %v", err)
			}
			if n := o.asked.Load(); n != 1 && name != "hangs" {
				t.Errorf("asked %d times", n)
			}
			o.set(says(yes))
			if got, err := a.Ask(t.Context(), policy.Question{}); name != "hangs" && (err != nil || !got.Allow) {
				t.Errorf("once it is right: %+v, %v", got, err)
			}
			a.Close()
			until(t, "all connections are closed", func() bool { return o.open.Load() == 0 })
		})
	}
}

func TestNobodyThere(t *testing.T) {
	o := newOther(t, says(yes))
	o.Close()
	a := newAsker(t, policy.Options{URL: o.URL})
	if _, err := a.Ask(t.Context(), policy.Question{}); err == nil || a.Away() {
		t.Errorf("%v, away: %t", err, a.Away())
	}
}

// A kept connection that the other side has closed meanwhile costs nobody anything.
func TestDeadConnection(t *testing.T) {
	o := newOther(t, says(yes))
	a := newAsker(t, policy.Options{URL: o.URL})
	for range 20 {
		if _, err := a.Ask(t.Context(), policy.Question{}); err != nil {
			t.Fatal(err)
		}
		o.CloseClientConnections()
	}
}

func TestOptions(t *testing.T) {
	for _, bad := range []string{"", "ftp://a", "http://", "http://u:p@a", "http://a\x00", "a"} {
		if _, err := policy.New(policy.Options{URL: bad}); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	err := policy.Options{Timeout: -1, AtOnce: -1, Failures: -1, Pause: -1}.Validate()
	for _, what := range []string{"URL", "Timeout", "AtOnce", "Failures", "Pause"} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v doesn't name %s", err, what)
		}
	}
}

// Many ask at once: never more than AtOnce questions are open, and all are answered.
func TestAtOnce(t *testing.T) {
	const atOnce, askers = 4, 100
	var open, most atomic.Int64
	o := newOther(t, func(w http.ResponseWriter, _ *http.Request) {
		n := open.Add(1)
		for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		runtime.Gosched()
		open.Add(-1)
		_, _ = io.WriteString(w, yes)
	})
	a := newAsker(t, policy.Options{URL: o.URL, AtOnce: atOnce})
	var asking sync.WaitGroup
	for range askers {
		asking.Go(func() {
			if answer, err := a.Ask(t.Context(), policy.Question{}); err != nil || !answer.Allow {
				t.Errorf("%+v, %v", answer, err)
			}
		})
	}
	asking.Wait()
	// A connection that is replaced may be seen to close only after its successor has opened.
	if most.Load() > atOnce || o.conns.Load() > 3*atOnce || o.asked.Load() != askers {
		t.Errorf("%d questions at once, %d connections, %d questions", most.Load(), o.conns.Load(), o.asked.Load())
	}
}

// Who waits for a turn hears so in time; that says nothing of the other side.
func TestTurns(t *testing.T) {
	release := make(chan struct{})
	o := newOther(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		_, _ = io.WriteString(w, yes)
	})
	a := newAsker(t, policy.Options{URL: o.URL, AtOnce: 1, Failures: 1})
	first := make(chan error, 1)
	go func() {
		_, err := a.Ask(t.Context(), policy.Question{})
		first <- err
	}()
	until(t, "the first question is put", func() bool { return o.asked.Load() == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		_, err := a.Ask(ctx, policy.Question{})
		second <- err
	}()
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("who left heard %v", err)
	}
	close(release)
	if err := <-first; err != nil || a.Away() || o.asked.Load() != 1 {
		t.Errorf("%v, away: %t, asked %d times", err, a.Away(), o.asked.Load())
	}
}

// Close gives up what is asked, and nothing is left: no goroutine, no connection.
func TestClose(t *testing.T) {
	o := newOther(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	o.Config.SetKeepAlivesEnabled(true)
	a := newAsker(t, policy.Options{URL: o.URL, AtOnce: 8, Failures: 1})
	errs := make(chan error, 20)
	for n := range cap(errs) {
		go func() {
			_, err := a.Ask(t.Context(), policy.Question{Asker: uint64(n % 4)})
			errs <- err
		}()
	}
	until(t, "all turns are taken", func() bool { return o.asked.Load() == 8 })
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(a.Close)
	}
	closing.Wait()
	for range cap(errs) {
		if err := <-errs; !errors.Is(err, policy.ErrClosed) {
			t.Errorf("heard %v", err)
		}
	}
	if _, err := a.Ask(t.Context(), policy.Question{}); !errors.Is(err, policy.ErrClosed) || a.Away() {
		t.Errorf("after Close: %v, away: %t", err, a.Away())
	}
	until(t, "all connections are closed", func() bool { return o.open.Load() == 0 })
	until(t, "no goroutine is left", func() bool {
		text := make([]byte, 1<<20)
		text = text[:runtime.Stack(text, true)]
		return !strings.Contains(string(text), "policy.(*Asker)") && !strings.Contains(string(text), "persistConn")
	})
}

// While the other side is slow, one asker has a quarter of the turns, and others are heard.
func TestQuarter(t *testing.T) {
	release := make(chan struct{})
	var held atomic.Int64
	o := newOther(t, nil)
	o.set(func(w http.ResponseWriter, _ *http.Request) {
		o.mu.Lock()
		last := o.last
		o.mu.Unlock()
		if strings.Contains(last, `"owner":"greedy"`) {
			held.Add(1)
			<-release
		}
		_, _ = io.WriteString(w, yes)
	})
	a := newAsker(t, policy.Options{URL: o.URL, AtOnce: 8})
	var asking sync.WaitGroup
	ask := func(q policy.Question) {
		if answer, err := a.Ask(t.Context(), q); err != nil || !answer.Allow {
			t.Errorf("%s: %+v, %v", q.Owner, answer, err)
		}
	}
	for range 50 {
		asking.Go(func() { ask(policy.Question{Owner: "greedy", Asker: 1}) })
	}
	until(t, "the first questions are put", func() bool { return held.Load() == 2 })
	for n := range 20 {
		ask(policy.Question{Owner: "modest", Asker: uint64(2 + n%2)})
	}
	if n := o.asked.Load(); n != 22 {
		t.Errorf("asked %d times", n)
	}
	close(release)
	asking.Wait()
}
