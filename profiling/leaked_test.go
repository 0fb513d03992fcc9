package profiling_test

import (
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

//go:noinline
func leakOne() {
	c := make(chan int)
	go func() { <-c }() // nobody else has c
}

// TestLeaked: where the binary can tell, /debug/pprof/goroutineleak lists goroutines that wait for ever.
func TestLeaked(t *testing.T) {
	built := pprof.Lookup("goroutineleak") != nil
	if os.Getenv("GOEXPERIMENT") == "goroutineleakprofile" && !built {
		t.Error("built with the experiment, and yet the profile is not there")
	}
	address := serve(t) + "/debug/pprof/goroutineleak?debug=1"
	if !built {
		if got := get(t, address); got.status != http.StatusNotFound {
			t.Errorf("%d", got.status)
		}
		t.Log("this binary can't tell; go test with GOEXPERIMENT=goroutineleakprofile")
		return
	}
	for range 3 {
		leakOne()
	}
	deadline := time.Now().Add(patience)
	for { // a goroutine leaks from when it waits
		got := get(t, address)
		if got.status == http.StatusOK && strings.Contains(string(got.body), "leakOne") {
			break
		}
		if got.status != http.StatusOK || time.Now().After(deadline) {
			t.Fatalf("%d %s", got.status, got.body)
		}
		runtime.Gosched()
	}
}

// TestLeakedWithTheExperiment builds this test once more, which takes a minute or two when nothing of it is cached.
func TestLeakedWithTheExperiment(t *testing.T) {
	if os.Getenv("PLATEAU_GOEXPERIMENT") == "" {
		t.Skip("takes minutes; PLATEAU_GOEXPERIMENT=1 go test -run LeakedWith ./profiling")
	}
	test := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-run", "^TestLeaked$", ".")
	test.Env = append(os.Environ(), "GOEXPERIMENT=goroutineleakprofile")
	if out, err := test.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestLeaked ") {
		t.Errorf("%v: %s", err, out)
	}
}
