package flags_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"plateau/server/flags"
)

func TestServerChangesValuesWithinOnePoll(t *testing.T) {
	g := serve(t)
	f := start(t, flags.Options{Host: g.URL})
	if err := f.ended("growthbook"); err != nil {
		t.Fatal(err)
	}
	f.is(unchanged)

	g.tell(features(`write-block="64KiB" max-uploads=7 multipart=false log-level="warn"`))
	if err := f.look("growthbook"); err != nil {
		t.Fatal(err)
	}
	f.is(func(v *flags.Values) {
		v.WriteBlock, v.MaxUploads, v.Multipart, v.LogLevel = 64<<10, 7, false, slog.LevelWarn
	})

	g.tell(features(`max-uploads=7`)) // the others are dropped
	if err := f.look("growthbook"); err != nil {
		t.Fatal(err)
	}
	f.is(func(v *flags.Values) { v.MaxUploads = 7 })

	if got := f.changes.list(); len(got) != 3 || got[0] != defaults() || got[1].MaxUploads != 7 || got[2] != f.Values() {
		t.Errorf("Changed heard %+v", got)
	}
}

func TestNotModifiedKeepsValues(t *testing.T) {
	g := serve(t)
	g.tell(features(`max-uploads=7`))
	f := start(t, flags.Options{Host: g.URL + "/"}) // a slash at the end makes no difference
	f.ended("growthbook")
	for range 3 {
		if err := f.look("growthbook"); err != nil {
			t.Fatal(err)
		}
	}
	f.is(func(v *flags.Values) { v.MaxUploads = 7 })
	if full, same := g.full.Load(), g.notModified.Load(); full != 1 || same != 3 {
		t.Errorf("%d answers with a body and %d with 304, want 1 and 3", full, same)
	}

	g.answer(http.StatusOK, features(`max-uploads=8`)) // without an ETag
	if err := f.look("growthbook"); err != nil {
		t.Fatal(err)
	}
	f.is(func(v *flags.Values) { v.MaxUploads = 8 })
	g.answer(http.StatusNotModified, "")
	if err := f.look("growthbook"); err == nil {
		t.Error("304 was taken, though nothing was known")
	}
	f.is(func(v *flags.Values) { v.MaxUploads = 8 })
}

func TestReloadPollsAtOnce(t *testing.T) {
	g := serve(t)
	f := start(t, flags.Options{Host: g.URL})
	f.ended("growthbook")
	g.tell(features(`max-uploads=7`))
	f.Reload()
	if err := f.ended("growthbook"); err != nil {
		t.Fatal(err)
	}
	f.is(func(v *flags.Values) { v.MaxUploads = 7 })
}

func TestPollsAreJitteredAndNeverLate(t *testing.T) {
	g := serve(t)
	f := start(t, flags.Options{Host: g.URL, Poll: 8 * time.Second})
	f.ended("growthbook")
	different := map[time.Duration]bool{}
	for range 50 {
		f.look("growthbook")
		pause := wait(t, f.pauses, "the pause is known")
		if pause < 6*time.Second || pause > 8*time.Second {
			t.Errorf("a pause of %s", pause)
		}
		different[pause] = true
	}
	if len(different) < 10 {
		t.Errorf("50 pauses, but only %d different ones", len(different))
	}
}

// What is refused changes nothing, is logged once, and so is its end.
func TestRefusedAnswersChangeNothing(t *testing.T) {
	for name, fail := range map[string]func(g *growthbook){
		"502":               func(g *growthbook) { g.answer(502, "<html>") },
		"204":               func(g *growthbook) { g.answer(204, "") },
		"nothing":           func(g *growthbook) { g.answer(200, "") },
		"garbage":           func(g *growthbook) { g.answer(200, "<html>") },
		"null":              func(g *growthbook) { g.answer(200, "null") },
		"a list":            func(g *growthbook) { g.answer(200, `[{"features": {}}]`) },
		"no features":       func(g *growthbook) { g.answer(200, `{"status": 400, "error": "no such key"}`) },
		"features are null": func(g *growthbook) { g.answer(200, `{"features": null}`) },
		"features list":     func(g *growthbook) { g.answer(200, `{"features": []}`) },
		"a bare feature":    func(g *growthbook) { g.answer(200, `{"max-uploads": {"defaultValue": 3}}`) },
		"a number":          func(g *growthbook) { g.answer(200, `{"features": {"max-uploads": 3}}`) },
		"text after it":     func(g *growthbook) { g.answer(200, features(`max-uploads=3`)+"}") },
		"too large":         func(g *growthbook) { g.answer(200, features(`max-uploads=3`)+strings.Repeat(" ", 1<<20)) },
		"encrypted":         func(g *growthbook) { g.answer(200, `{"features": {}, "encryptedFeatures": "a.b"}`) },
		"half":              (*growthbook).half,
		"a number too big":  func(g *growthbook) { g.answer(200, features(`max-uploads=1e999`)) },
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t)
			good := features(`max-uploads=7`)
			g.tell(good)
			f := start(t, flags.Options{Host: g.URL})
			f.ended("growthbook")
			fail(g)
			for range 3 {
				if err := f.look("growthbook"); err == nil {
					t.Error("no error")
				}
			}
			f.is(func(v *flags.Values) { v.MaxUploads = 7 })
			g.tell(good)
			for range 2 {
				if err := f.look("growthbook"); err != nil {
					t.Fatal(err)
				}
			}
			f.is(func(v *flags.Values) { v.MaxUploads = 7 })
			if begun, over := f.log.count("flags can't be had"), f.log.count("flags can be had again"); begun != 1 || over != 1 {
				t.Errorf("the trouble was said %d times and its end %d times:\n%s", begun, over, f.log)
			}
			if f.log.count(clientKey) > 0 {
				t.Errorf("the client key is in the log:\n%s", f.log)
			}
		})
	}
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	g, other := serve(t), serve(t)
	other.tell(features(`max-uploads=9`))
	f := start(t, flags.Options{Host: g.URL})
	f.ended("growthbook")
	redirect := func(to string) {
		g.set(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				fmt.Fprint(w, features(`max-uploads=7`))
				return
			}
			http.Redirect(w, r, to, http.StatusFound)
		})
	}
	redirect(other.URL + "/api/features/" + clientKey)
	err := f.look("growthbook")
	if err == nil || !strings.Contains(err.Error(), "not followed") || strings.Contains(err.Error(), clientKey) {
		t.Errorf("redirected to another host: %v", err)
	}
	f.is(unchanged)
	redirect("/again")
	if err := f.look("growthbook"); err == nil {
		t.Error("a circle of redirects has no end")
	}
	redirect("/elsewhere")
	if err := f.look("growthbook"); err != nil {
		t.Error(err)
	}
	f.is(func(v *flags.Values) { v.MaxUploads = 7 })
}

// Whatever makes polls fail, 200 of them leave as many goroutines and connections as one.
func TestFailingPollsLeaveNothing(t *testing.T) {
	const polls = 200
	elsewhere := serve(t)
	for name, fail := range map[string]func(g *growthbook){
		"502":        func(g *growthbook) { g.answer(502, strings.Repeat("bad gateway ", 1000)) },
		"502, long":  func(g *growthbook) { g.answer(502, strings.Repeat(".", 1<<20)) },
		"garbage":    func(g *growthbook) { g.answer(200, "<html>") },
		"wrong type": func(g *growthbook) { g.answer(200, `{"features": 1}`) },
		"too large":  func(g *growthbook) { g.answer(200, strings.Repeat(" ", 1<<20+1)) },
		"half":       (*growthbook).half,
		"hanging":    (*growthbook).hang,
		"hanging on": func(g *growthbook) { g.set(hangInBody) },
		"refused":    func(g *growthbook) { g.CloseClientConnections(); g.Close() },
		"redirect": func(g *growthbook) {
			g.set(http.RedirectHandler(elsewhere.URL, http.StatusFound).ServeHTTP)
		},
	} {
		g := serve(t) // no subtests: their own goroutines end when they like
		idle := settledGoroutines(t)
		opts := flags.Options{Host: g.URL}
		if strings.HasPrefix(name, "hanging") {
			opts.Timeout = 5 * time.Millisecond
		}
		fail(g)
		f := start(t, opts)
		f.ended("growthbook")
		for range polls {
			if err := f.look("growthbook"); err == nil {
				t.Fatalf("%s: a poll didn't fail", name)
			}
		}
		until(t, name+": no connection is open", func() bool { return g.open.Load() == 0 })
		running := idle + 2 // Run, and its poller
		if name == "refused" {
			running-- // the server has ended
		}
		until(t, fmt.Sprintf("%s: %d goroutines, as before the polls", name, running), func() bool {
			return runtime.NumGoroutine() <= running // fewer: one of an earlier test has ended since
		})
		f.is(unchanged)
		f.end()
		g.CloseClientConnections()
		g.Close()
		until(t, name+": nothing of Run and of the server is left", func() bool { return runtime.NumGoroutine() < idle })
	}
}

// hangInBody answers in part, and then no more.
func hangInBody(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, `{"features": {`)
	_ = http.NewResponseController(w).Flush() // the client may have left
	<-r.Context().Done()
}

// One connection serves all polls that succeed, and Run closes it.
func TestRunClosesItsConnection(t *testing.T) {
	g := serve(t)
	var conns []string
	inner := g.now
	g.set(func(w http.ResponseWriter, r *http.Request) {
		conns = append(conns, r.RemoteAddr)
		inner(w, r)
	})
	f := start(t, flags.Options{Host: g.URL})
	f.ended("growthbook")
	for range 20 {
		f.look("growthbook")
	}
	f.end()
	until(t, "no connection is open", func() bool { return g.open.Load() == 0 })
	for _, c := range conns {
		if c != conns[0] {
			t.Fatalf("connections %v, want one", conns)
		}
	}
}

func TestHTTPSIsSpoken(t *testing.T) {
	g := httptest.NewTLSServer(http.NotFoundHandler()) // with a certificate that nobody knows
	defer g.Close()
	g.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	f := start(t, flags.Options{Host: g.URL})
	if err := f.ended("growthbook"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
}

// until waits for a condition that nothing tells of.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) { // between two looks
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s (%d goroutines)", what, runtime.NumGoroutine())
		}
	}
}

// settledGoroutines counts goroutines once their number stays.
func settledGoroutines(t *testing.T) int {
	t.Helper()
	n := runtime.NumGoroutine()
	until(t, "goroutines are at rest", func() bool {
		for range 1000 {
			if now := runtime.NumGoroutine(); now != n {
				n = now
				return false
			}
			runtime.Gosched()
		}
		return true
	})
	return n
}
