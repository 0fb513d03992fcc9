package profiling

import (
	"errors"
	"runtime"
	"sync"
	"time"
)

const (
	blockRate     = time.Millisecond // a wait so long is recorded for certain, a shorter one with a proportional chance
	mutexFraction = 100              // one of so many contended locks is recorded
)

// Rates say which profiles of waiting are recorded. Both cost too much to be on every day on a server that is busy.
type Rates struct {
	Block bool // waits for channels, locks and conditions: one sample for each millisecond waited
	Mutex bool // locks that others wait for: one in 100
}

// ratesOwner is held by who has set the runtime's rates. They are the process's, and one of them can't be read.
var ratesOwner sync.Mutex

// Start turns on what is to be recorded. It fails if another Start in this process has not been stopped; where there is
// nothing to turn on, it never fails. stop puts everything back, and may be called again.
func (r Rates) Start() (stop func(), err error) {
	if !r.Block && !r.Mutex {
		return func() {}, nil
	}
	if !ratesOwner.TryLock() {
		return nil, errors.New("turn on the block and mutex profiles: this process records them already, at another's wish")
	}
	if r.Block {
		runtime.SetBlockProfileRate(int(blockRate))
	}
	fraction := 0
	if r.Mutex {
		fraction = runtime.SetMutexProfileFraction(mutexFraction)
	}
	return sync.OnceFunc(func() {
		if r.Block {
			runtime.SetBlockProfileRate(0) // as a process begins
		}
		if r.Mutex {
			runtime.SetMutexProfileFraction(fraction)
		}
		ratesOwner.Unlock()
	}), nil
}
