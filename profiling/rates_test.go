package profiling_test

import (
	"runtime"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"plateau/profiling"
)

// waits blocks a goroutine on a channel for a little more than what is recorded for certain.
func waits() {
	c := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		time.Sleep(5 * time.Millisecond) // this is what the profile is to show
		close(c)
	})
	<-c
	sender.Wait()
}

func TestRates(t *testing.T) {
	for _, r := range []profiling.Rates{{Block: true}, {Mutex: true}, {Block: true, Mutex: true}} {
		stop, err := r.Start()
		if err != nil {
			t.Fatal(err)
		}
		if got := runtime.SetMutexProfileFraction(-1); (got == 100) != r.Mutex {
			t.Errorf("%+v: mutex fraction %d", r, got)
		}
		before := pprof.Lookup("block").Count()
		waits()
		if grew := pprof.Lookup("block").Count() > before; grew && !r.Block {
			t.Errorf("%+v: waits are recorded", r)
		} else if !grew && before == 0 && r.Block {
			t.Errorf("%+v: waits are not recorded", r)
		}
		if _, err := (profiling.Rates{Mutex: true}).Start(); err == nil {
			t.Errorf("%+v: a second owner", r)
		}
		if none, err := (profiling.Rates{}).Start(); err != nil {
			t.Errorf("%+v: one that wants nothing: %v", r, err)
		} else {
			none()
		}
		stop()
		stop()
		if got := runtime.SetMutexProfileFraction(-1); got != 0 {
			t.Errorf("%+v: mutex fraction %d afterwards", r, got)
		}
	}
}

func TestRatesRestoreTheFraction(t *testing.T) {
	defer runtime.SetMutexProfileFraction(runtime.SetMutexProfileFraction(7))
	stop, err := profiling.Rates{Mutex: true}.Start()
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if got := runtime.SetMutexProfileFraction(-1); got != 7 {
		t.Errorf("%d, want the 7 of before", got)
	}
}
