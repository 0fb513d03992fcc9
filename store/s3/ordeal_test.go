package s3_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"plateau/store/s3"
	"plateau/store/s3/s3test"
)

// way is a way in which a file is uploaded.
type way struct {
	name     string
	content  []byte
	deferred bool
	upload   func(c *client) error
	partSize int64
}

const mib = 1 << 20

func ways() []way {
	inPieces := func(first int, pieces ...int) func(c *client) error {
		return func(c *client) error {
			if err := c.create(first); err != nil {
				return err
			}
			for _, n := range pieces {
				if err := c.patch(n); err != nil {
					return err
				}
			}
			return nil
		}
	}
	random := noise(16 * mib)
	of := func(n int) []byte { return random[:n:n] }
	return []way{
		{"nothing", of(0), false, inPieces(-1), 5 * mib},
		{"4 KiB with the creation", of(4 << 10), false, inPieces(4 << 10), 5 * mib},
		{"4 KiB after the creation", of(4 << 10), false, inPieces(-1, 4<<10), 5 * mib},
		{"a small file in four pieces", of(300_000), false, inPieces(1000, 100_000, 100_000, 300_000), 5 * mib},
		{"11 MiB with the creation", of(11 * mib), false, inPieces(11 * mib), 5 * mib},
		{"16 MiB in pieces of any size", of(16 * mib), false, inPieces(-1, 3*mib+7, 4*mib, 6*mib+1, 16*mib), 5 * mib},
		{"15 MiB in pieces of a part", of(15 * mib), false, inPieces(5*mib, 5*mib, 5*mib), 5 * mib},
		{"12 MiB, the length at the end", of(12 * mib), true, inPieces(-1, mib, 7*mib, 12*mib), 5 * mib},
		{"13 MiB in pieces of less than a part", of(13 * mib), false, inPieces(-1, 6*mib, 6*mib, 6*mib), 8 * mib},
	}
}

// rig is where the way is gone.
func (w way) rig(t *testing.T) *rig {
	r := newRig(t)
	r.change = func(o *s3.Options) { o.PartSize = w.partSize }
	return r
}

func (w way) start(r *rig, p *process) *client {
	return &client{rig: r, p: p, content: w.content, deferred: w.deferred}
}

// full says that the whole matrix is wanted, which takes minutes.
func full() bool { return os.Getenv("PLATEAU_E2E") == "full" }

// calls returns what a way asks of the bucket when nothing fails. The outbox's look at what
// waits is not the way's.
func (w way) calls(t *testing.T) []s3test.Call {
	r := w.rig(t)
	r.quiet = true
	p := r.start()
	c := w.start(r, p)
	r.eventually("the outbox has looked", func() bool { return p.proxy.Counts()[s3test.ListObjectsV2] > 0 })
	p.proxy.Forget()
	r.must(w.upload(c))
	calls := slices.DeleteFunc(p.proxy.Calls(), func(call s3test.Call) bool { return call.Operation == s3test.ListObjectsV2 })
	if !c.finished {
		t.Fatal("the upload was not finished")
	}
	c.check()
	r.wantTidy(c)
	return calls
}

// ordeal is one test of many that mostly wait for each other's pauses.
type ordeal struct {
	name string
	run  func(t *testing.T)
}

// together runs ordeals, some at a time.
func together(t *testing.T, ordeals []ordeal) {
	const atOnce = 6
	next := make(chan ordeal)
	var running sync.WaitGroup
	for range atOnce {
		running.Go(func() {
			for o := range next {
				t.Run(o.name, o.run)
			}
		})
	}
	for _, o := range ordeals {
		next <- o
	}
	close(next)
	running.Wait()
}

// TestDeath ends the process before and after each call of each way. The client goes on
// with the next process: nothing that it was told is lost, and there is an event. Where a
// way makes several calls of an operation, each of them has its turn before or after
// (PLATEAU_E2E=full: both).
func TestDeath(t *testing.T) {
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			var deaths []ordeal
			calls := w.calls(t)
			made, met := make(map[s3test.Operation]int), make(map[s3test.Operation]int)
			for _, call := range calls {
				made[call.Operation]++
			}
			for _, call := range calls {
				met[call.Operation]++
				nth := met[call.Operation]
				for _, after := range []bool{false, true} {
					if full() || made[call.Operation] == 1 || after == (nth%2 == 0) {
						deaths = append(deaths, ordeal{
							fmt.Sprintf("%s %d, done %t", call.Operation, nth, after),
							func(t *testing.T) { w.dieAt(t, call.Operation, nth, after) },
						})
					}
				}
			}
			together(t, deaths)
		})
	}
}

func (w way) dieAt(t *testing.T, operation s3test.Operation, nth int, after bool) {
	r := w.rig(t)
	p := r.start()
	c := w.start(r, p)
	p.proxy.On(func(call s3test.Call) s3test.Fault {
		switch {
		case call.Operation != operation || call.Nth != nth:
			return s3test.Pass()
		case after:
			return s3test.After(p.die, s3test.DropAfter())
		}
		return s3test.Before(p.die, s3test.DropBefore())
	})
	if err := w.upload(c); err == nil && !c.finished {
		t.Fatal("the upload ended without an error, unfinished")
	}
	p.die() // a call of the relay's may have come first
	c.p = r.start()
	c.resume()
	c.check()
	p.ended()
	r.wantTidy(c)
}
