package profiling_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"plateau/profiling"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

func serve(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(profiling.Handler(profiling.Options{}))
	t.Cleanup(srv.Close)
	return srv.URL
}

type answer struct {
	status int
	path   string // that redirects led to
	header http.Header
	body   []byte
}

func request(t *testing.T, method, target string, body io.Reader) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Request.URL.Path, resp.Header, data}
}

func get(t *testing.T, target string) answer {
	t.Helper()
	return request(t, http.MethodGet, target, nil)
}

func TestStandardPaths(t *testing.T) {
	base := serve(t)
	for _, path := range []string{
		"/debug/pprof/profile?seconds=0.05", "/debug/fgprof?seconds=0.3", "/debug/pprof/heap", "/debug/pprof/allocs",
		"/debug/pprof/goroutine", "/debug/pprof/block", "/debug/pprof/mutex", "/debug/pprof/threadcreate",
		"/debug/pprof/heap?seconds=1",
	} {
		got := get(t, base+path)
		if got.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, got.status, got.body)
			continue
		}
		if _, err := profile.Parse(bytes.NewReader(got.body)); err != nil {
			t.Errorf("%s is no profile: %v", path, err)
		}
	}
	for path, want := range map[string]string{
		"/debug/pprof/":                              "/debug/pprof/",
		"/debug/pprof":                               "/debug/pprof/", // redirected
		"/debug/pprof/cmdline":                       "profiling.test",
		"/debug/pprof/symbol":                        "num_symbols",
		"/debug/pprof/trace?seconds=0.05":            "go 1.",
		"/debug/pprof/goroutine?debug=2":             "goroutine ",
		"/debug/fgprof?seconds=0.3&format=folded":    "profiling",
		"/debug/pprof/goroutine?debug=1&other=value": "goroutine profile",
	} {
		if got := get(t, base+path); got.status != http.StatusOK || !strings.Contains(string(got.body), want) {
			t.Errorf("%s: %d %.100s", path, got.status, got.body)
		}
	}
	if got := request(t, http.MethodPost, base+"/debug/pprof/symbol", strings.NewReader("0x1")); got.status != http.StatusOK {
		t.Errorf("POST symbol: %d", got.status)
	}
	for _, path := range []string{"/", "/debug/", "/debug/pprof/nonsense", "/debug/pprof/nonsense?seconds=1", "/debug/fgprof/x"} {
		if got := get(t, base+path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, got.status)
		}
	}
	for _, path := range []string{"/debug/pprof/profile", "/debug/pprof/trace", "/debug/fgprof", "/debug/pprof/heap"} {
		for _, method := range []string{http.MethodHead, http.MethodPost} {
			if got := request(t, method, base+path, nil); got.status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d, want 405", method, path, got.status)
			}
		}
	}
}

// TestArgumentsAreNotShown: secrets may be given as flags.
func TestArgumentsAreNotShown(t *testing.T) {
	if len(os.Args) < 2 {
		t.Skip("this test was started without arguments")
	}
	if got := get(t, serve(t)+"/debug/pprof/cmdline"); got.status != http.StatusOK || string(got.body) != os.Args[0] {
		t.Errorf("%d %q, of %q", got.status, got.body, os.Args)
	}
}

func TestSecondsAreBounded(t *testing.T) {
	base := serve(t)
	for _, path := range []string{"/debug/pprof/profile", "/debug/pprof/trace", "/debug/fgprof", "/debug/pprof/heap"} {
		for _, seconds := range []string{"121", "120.5", "0", "-1", "NaN", "Inf", "1e300", "x", "1s"} {
			got := get(t, base+path+"?seconds="+url.QueryEscape(seconds))
			if got.status != http.StatusBadRequest || !strings.Contains(string(got.body), "at most 120") {
				t.Errorf("%s?seconds=%s: %d %s", path, seconds, got.status, got.body)
			}
		}
	}
}

// TestOneAtATime holds one profile of a kind open, finds that a second is refused, lets the client of the first leave, and
// finds that the next one may run.
func TestOneAtATime(t *testing.T) {
	base := serve(t)
	for path, short := range map[string]string{
		"/debug/pprof/profile": "0.01", "/debug/pprof/trace": "0.01", "/debug/fgprof": "0.1", "/debug/pprof/mutex": "1",
	} {
		t.Run(path, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path+"?seconds=120", nil)
			if err != nil {
				t.Fatal(err)
			}
			left := make(chan struct{})
			go func() {
				defer close(left)
				// The short ones below may be first: then this one is refused, and comes again.
				for ctx.Err() == nil {
					if resp, err := http.DefaultClient.Do(req); err == nil {
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				}
			}()

			deadline := time.Now().Add(patience)
			for {
				got := get(t, base+path+"?seconds="+short)
				if after, _ := strconv.Atoi(got.header.Get("Retry-After")); got.status == http.StatusTooManyRequests && after > 60 {
					break // by the one that was asked for 120 s
				}
				if time.Now().After(deadline) {
					t.Fatalf("the second profile is not refused: %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
				}
			}
			leave()
			<-left
			for get(t, base+path+"?seconds="+short).status != http.StatusOK {
				if time.Now().After(deadline) {
					t.Fatal("a profile goes on after its client has left")
				}
				runtime.Gosched()
			}
		})
	}
}

func TestProfilingByOtherCodeIsSaid(t *testing.T) {
	base := serve(t)
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Skipf("the tests are being profiled: %v", err)
	}
	got := get(t, base+"/debug/pprof/profile?seconds=0.01")
	pprof.StopCPUProfile()
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := get(t, base+"/debug/pprof/profile?seconds=0.01"); got.status != http.StatusOK {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
}

// TestTooShortForASample: fgprof itself panics then. On a busy machine a sample may be taken all the same.
func TestTooShortForASample(t *testing.T) {
	got := get(t, serve(t)+"/debug/fgprof?seconds=0.000001")
	refused := got.status == http.StatusServiceUnavailable && strings.Contains(string(got.body), "no sample was taken")
	if !refused && got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestNothingStays(t *testing.T) {
	base := serve(t)
	get(t, base+"/debug/fgprof?seconds=0.1") // the client's and the server's own goroutines
	http.DefaultClient.CloseIdleConnections()
	before := runtime.NumGoroutine()
	for range 20 {
		get(t, base+"/debug/fgprof?seconds=0.1")
	}
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > before+3 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		http.DefaultClient.CloseIdleConnections()
		runtime.Gosched()
	}
}

func TestProfilingIsTurnedOffAtRunTime(t *testing.T) {
	var on atomic.Bool
	flight := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "flight") })
	srv := httptest.NewServer(profiling.Handler(profiling.Options{Enabled: on.Load, Flight: flight}))
	defer srv.Close()
	paths := []string{
		"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile?seconds=0.01", "/debug/fgprof?seconds=0.2", "/debug/flame",
		"/debug/flame/heap", "/debug/flight",
	}
	for _, path := range append(paths, "/debug/grew") {
		got := get(t, srv.URL+path)
		if text := string(got.body); got.status != http.StatusNotFound || !strings.Contains(text, "--profiling") || !strings.Contains(text, "/debug/flags") {
			t.Errorf("%s while off: %d %s", path, got.status, text)
		}
	}
	on.Store(true)
	for _, path := range paths {
		if got := get(t, srv.URL+path); got.status != http.StatusOK {
			t.Errorf("%s while on: %d %s", path, got.status, got.body)
		}
	}
}
