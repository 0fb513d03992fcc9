package profiling_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"plateau/profiling"
)

// work keeps a processor busy, under a name that a profile shows.
//
//go:noinline
func work(stop *atomic.Bool) (n uint64) {
	for !stop.Load() {
		for range 1000 {
			n = n*6364136223846793005 + 1442695040888963407
		}
	}
	return n
}

func busy(t *testing.T) {
	t.Helper()
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() { work(&stop) })
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { stop.Store(true) })
}

func TestEachKindOpensAsAFlameGraph(t *testing.T) {
	base := serve(t)
	busy(t)
	t.Cleanup(func() { kept = nil })
	kept = append(kept, make([]byte, 32<<20))
	for kind, function := range map[string]string{
		"cpu?seconds=0.5": "profiling_test.work", "heap": "TestEachKindOpensAsAFlameGraph", "allocs": "TestEachKindOpensAsAFlameGraph",
		"goroutine": "profiling_test.work", "fgprof?seconds=0.5": "profiling_test.busy.func1",
	} {
		got := get(t, base+"/debug/flame/"+kind)
		if got.status != http.StatusOK || !strings.HasSuffix(got.path, "/flamegraph") {
			t.Errorf("%s: %d at %s: %.300s", kind, got.status, got.path, got.body)
			continue
		}
		folder := strings.TrimSuffix(base+got.path, "flamegraph")
		other := sampleOf(t, get(t, folder+"download"))
		if got := get(t, folder+"top?si="+other); got.status != http.StatusOK || !strings.Contains(string(got.body), other+"</title>") {
			t.Errorf("%stop?si=%s: %d %.300s", folder, other, got.status, got.body)
		}
		for _, page := range []string{"flamegraph", "top", "peek?f=profiling_test"} {
			got := get(t, folder+page)
			if got.status != http.StatusOK || !strings.Contains(string(got.body), function) {
				t.Errorf("%s%s: %d, %s is not in it", folder, page, got.status, function)
			}
			strict(t, folder+page, got)
		}
		if got := get(t, folder); !strings.HasSuffix(got.path, "/flamegraph") {
			t.Errorf("%s leads to %s", folder, got.path)
		}
		for _, page := range []string{"graph", "source?f=main", "disasm?f=main", "saveconfig?config=x", "deleteconfig", "x"} {
			if got := get(t, folder+page); got.status != http.StatusNotFound {
				t.Errorf("%s%s: %d, want 404", folder, page, got.status)
			}
		}
		if got := get(t, folder+"top?si=nonsense"); got.status != http.StatusBadRequest {
			t.Errorf("%stop?si=nonsense: %d", folder, got.status)
		}
	}
}

// sampleOf returns a kind of sample of a downloaded profile: of two, the one that is not shown by itself.
func sampleOf(t *testing.T, got answer) string {
	t.Helper()
	p, err := profile.ParseData(got.body)
	if err != nil {
		t.Fatalf("the download is no profile: %v", err)
	}
	return p.SampleType[0].Type
}

var (
	inline = regexp.MustCompile(`<(script|style)[^>]*>`)
	nonce  = regexp.MustCompile(`style-src 'nonce-([A-Z0-9]+)'`)
)

// strict finds that a page may run nothing but what came with it.
func strict(t *testing.T, where string, got answer) {
	t.Helper()
	policy := got.header.Get("Content-Security-Policy")
	found := nonce.FindStringSubmatch(policy)
	if found == nil || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("%s: policy %q", where, policy)
		return
	}
	for _, tag := range inline.FindAllString(string(got.body), -1) {
		if !strings.Contains(tag, `nonce="`+found[1]+`"`) {
			t.Errorf("%s: %s would not be taken", where, tag)
		}
	}
	if got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s may be kept: %q", where, got.header.Get("Cache-Control"))
	}
}

func TestFlamePagesSpeak(t *testing.T) {
	base := serve(t)
	for path, want := range map[string]struct {
		status int
		words  []string
	}{
		"/debug/flame":                   {http.StatusOK, []string{`href="flame/cpu"`, `href="flame/block"`}},
		"/debug/flame/":                  {http.StatusOK, []string{`href="flame/cpu"`}},
		"/debug/flame/nonsense":          {http.StatusNotFound, []string{"no such profile"}},
		"/debug/flame/nonsense/":         {http.StatusNotFound, []string{"no such profile"}},
		"/debug/flame/cpu/99/flamegraph": {http.StatusNotFound, []string{"gone", `href="../../cpu"`}},
		"/debug/flame/heap/x/top":        {http.StatusNotFound, []string{"gone", `href="../../heap"`}},
		"/debug/flame/cpu?seconds=121":   {http.StatusBadRequest, []string{"at most 120"}},
		"/debug/flame/heap?minutes=10":   {http.StatusOK, nil}, // without captures there is nothing to subtract
		"/debug/flame/cpu?seconds=x":     {http.StatusBadRequest, []string{"at most 120"}},
	} {
		got := get(t, base+path)
		if got.status != want.status {
			t.Errorf("%s: %d %.300s", path, got.status, got.body)
		}
		for _, words := range want.words {
			if !strings.Contains(string(got.body), words) {
				t.Errorf("%s does not say %q: %s", path, words, got.body)
			}
		}
		strict(t, path, got)
	}
	for _, path := range []string{"/debug/flame", "/debug/flame/cpu", "/debug/flame/cpu/1/top"} {
		if got := request(t, http.MethodHead, base+path, nil); got.status != http.StatusMethodNotAllowed {
			t.Errorf("HEAD %s: %d", path, got.status)
		}
	}
}

func TestProfilesThatAreOffSaySo(t *testing.T) {
	var on atomic.Bool
	srv := httptest.NewServer(profiling.Handler(profiling.Options{
		MutexOn: on.Load, BlockOn: on.Load, MutexFlag: "--mutex-profile", BlockFlag: "--block-profile",
	}))
	defer srv.Close()
	for _, kind := range []string{"mutex", "block"} {
		got := get(t, srv.URL+"/debug/flame/"+kind)
		if strings.HasSuffix(got.path, "/flamegraph") {
			continue // another test has turned it on before, and what was recorded then is shown
		}
		if !strings.Contains(string(got.body), "--"+kind+"-profile turns it on") {
			t.Errorf("%s: %s", kind, got.body)
		}
		strict(t, kind, got)
	}
	on.Store(true)
	got := get(t, srv.URL+"/debug/flame/block")
	if !strings.HasSuffix(got.path, "/flamegraph") && !strings.Contains(string(got.body), "Nothing waited long enough to be seen yet") {
		t.Errorf("%s", got.body)
	}
}

func TestALockShowsInTheMutexProfile(t *testing.T) {
	base := serve(t)
	before := runtime.SetMutexProfileFraction(1)
	defer runtime.SetMutexProfileFraction(before)
	var mu sync.Mutex
	var wg sync.WaitGroup
	mu.Lock()
	for range 10 {
		wg.Go(func() { contend(&mu) })
	}
	// The wait shows once a lock was let go that another waited for.
	deadline := time.Now().Add(patience)
	for {
		mu.Unlock()
		runtime.Gosched()
		got := get(t, base+"/debug/flame/mutex")
		if strings.HasSuffix(got.path, "/flamegraph") && strings.Contains(string(got.body), "profiling_test") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %.300s", got.path, got.body)
		}
		mu.Lock()
		for range 10 {
			wg.Go(func() { contend(&mu) })
		}
	}
	wg.Wait()
}

//go:noinline
func contend(mu *sync.Mutex) {
	mu.Lock()
	runtime.Gosched()
	mu.Unlock()
}
