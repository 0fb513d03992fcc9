package e2e

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKilledWhileFinishing kills the server with -9 at each system call that it makes while an upload is finished and its event
// is delivered, in every way that an upload can be finished in, with and without a digest. The server is started again, and the
// client goes on as tus-js-client does. What heard a success has its bytes, its seal and its event; what was complete has them
// too, whether or not anybody heard so; a duplicate of an event is the same event; a final that is posted again has the same id.
//
// With PLATEAU_E2E=full each call is hit, the third fsync of the folder as well as the first; without, the first of those that look
// the same, and each way either with a digest or without.
func TestKilledWhileFinishing(t *testing.T) {
	needStrace(t)
	ctx := boundedBy(t, 20*time.Minute)
	var runs []*crash
	for i, way := range finishWays {
		for j, digest := range []string{"sha256", "none"} {
			if !fullWanted() && i%2 != j {
				continue
			}
			c := newCrash(ctx, t, way, digest)
			for _, target := range c.learn() {
				c.count[target.call.name]++
				c.count[target.call.name+" at "+target.call.at]++
				if fullWanted() || target.occurrence == 1 {
					c.targets = append(c.targets, target)
				}
			}
			runs = append(runs, c)
		}
	}
	t.Cleanup(func() { wantMet(t, runs) })
	for _, c := range runs {
		t.Run(c.way.name+" digest "+c.digest, func(t *testing.T) {
			t.Parallel()
			c.t = t
			c.all()
		})
	}
}

// crash is the run of one way to finish an upload through all its calls.
type crash struct {
	t       *testing.T
	ctx     context.Context
	way     finishWay
	digest  string
	server  *plateau
	random  *rand.Rand
	content []byte
	targets []target
	count   map[string]int // calls of each name in one finish, in all and at each path: one thread makes some of them
	cases   int
	hits    map[string]int  // kills, by target
	judged  map[string]bool // uploads that an earlier case has made
}

// target is a call to be killed at: the first, second … of those that look the same.
type target struct {
	call       call
	occurrence int
}

func (t target) String() string { return fmt.Sprintf("%s (%d)", t.call, t.occurrence) }

func newCrash(ctx context.Context, t *testing.T, way finishWay, digest string) *crash {
	t.Helper()
	c := &crash{t: t, ctx: ctx, way: way, digest: digest, random: seeded(t), content: make([]byte, crashSize), count: map[string]int{}, hits: map[string]int{}, judged: map[string]bool{}}
	if way.small {
		c.content = c.content[:smallCrash]
	}
	for i := range c.content {
		c.content[i] = byte(c.random.Uint32())
	}
	c.server = startPlateau(ctx, t, t.TempDir(), "--digest", digest)
	return c
}

// fresh makes the content one that no upload has had.
func (c *crash) fresh() []byte {
	c.cases++
	binary.BigEndian.PutUint64(c.content, uint64(c.cases))
	return c.content
}

// learn lets the upload be finished without a kill, twice, and returns the calls that were made both times.
func (c *crash) learn() []target {
	c.t.Helper()
	var list [2][]target
	for i := range list {
		c.restart()
		content, client := c.fresh(), newTus(c.ctx, c.server.files)
		address := c.way.prepare(c.t, client, content)
		tracer := attach(c.ctx, c.t, &c.server.process, "-e", "trace=%file,%desc,?syncfs,?sync_file_range")
		a := c.way.send(client, address, content)
		if a.err != nil || a.status/100 != 2 {
			c.t.Fatalf("%s without a fault: %v", c.way.name, a)
		}
		await(c.ctx, c.t, "the event is delivered", func() bool { return len(waitingEvents(c.t, c.server.data)) == 0 })
		text, _ := tracer.end(c.t)
		calls, _ := parseTrace(text, c.parse)
		seen := map[string]int{}
		for _, call := range calls {
			if !strings.HasPrefix(call.name, "epoll") && !idleCalls[call.name] && call.String() != "close TIME-ID" {
				seen[call.String()]++
				list[i] = append(list[i], target{call, seen[call.String()]})
			}
		}
		c.judge(a, address, content)
	}
	both := slices.DeleteFunc(list[0], func(t target) bool {
		return !slices.ContainsFunc(list[1], func(other target) bool { return other.String() == t.String() })
	})
	c.t.Logf("%s, digest %s: %d calls: %v", c.way.name, c.digest, len(both), both)
	return both
}

// all kills the server at each target. Strace counts the calls of each thread by itself, and the threads share the work as they
// like: so what was hit is read from the trace, everything that was hit counts, and what was missed is tried again.
func (c *crash) all() {
	c.t.Helper()
	for try := range 40 {
		for _, target := range c.targets {
			if c.hits[target.String()] > 0 || target.occurrence > 1 && try >= 20 {
				continue
			}
			hit, ok := c.at(target, try)
			if c.t.Failed() {
				c.t.Fatalf("killed at %v (%v)", hit, ok)
			}
			if ok {
				c.hits[hit.String()]++
			}
		}
	}
	c.t.Logf("%d kills at %d different calls; never met: %v", sum(maps.Values(c.hits)), len(c.hits), c.missed())
}

// missed are the targets at which the server was never killed.
func (c *crash) missed() []target {
	return slices.DeleteFunc(slices.Clone(c.targets), func(t target) bool { return c.hits[t.String()] > 0 })
}

// wantMet wants the first of each different call to have been met. Strace can't be told to look for a call on what a POST creates,
// so that one way may miss it where another doesn't.
func wantMet(t *testing.T, runs []*crash) {
	for _, c := range runs {
		if len(c.hits) == 0 {
			continue // go test -run has left it out
		}
		for _, missed := range c.missed() {
			if missed.occurrence == 1 && !slices.ContainsFunc(runs, func(other *crash) bool { return other.hits[missed.String()] > 0 }) {
				t.Errorf("%s: the server was never killed at %v", c.way.name, missed)
			}
		}
	}
}

// at kills the server about once at the target, starts it again, and judges what is there.
func (c *crash) at(target target, try int) (hit target, ok bool) {
	c.t.Helper()
	whole := c.ctx
	defer func() { c.ctx = whole }()
	var cancel context.CancelFunc
	c.ctx, cancel = context.WithTimeout(whole, time.Minute)
	defer cancel()
	if target.call.on == "MINUTE" || target.call.on == "pending" {
		c.restart() // so that the folder is to be made
	}
	content, client := c.fresh(), newTus(c.ctx, c.server.files)
	address := c.way.prepare(c.t, client, content)
	args := []string{"-s", "200", "-e", "trace=" + target.call.name}
	nth := target.call.nth // in its thread, when all went well
	if try%2 == 1 {
		nth = 1 + try/2%(c.count[target.call.name]+6)
	}
	if paths := c.paths(target.call, client, address, try); len(paths) > 0 && try%5 != 4 {
		nth = 1 + try/2%max(c.count[target.call.name+" at "+target.call.at], 1)
		for _, path := range paths {
			args = append(args, "-P", path)
		}
	}
	tracer := attach(c.ctx, c.t, &c.server.process,
		append(args, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", target.call.name, nth))...)
	a := c.way.send(client, address, content)
	if a.err == nil {
		// Now the relay delivers the event.
		await(c.ctx, c.t, "the event is delivered, or the server killed", func() bool {
			return !c.server.alive() || len(waitingEvents(c.t, c.server.data)) == 0
		})
	} else {
		<-c.server.exited
	}
	text, _ := tracer.end(c.t)
	died := !c.server.alive()
	c.server.kill()
	if died {
		hit, ok = c.killedAt(text, nth)
	}
	c.wantKept(a, address)
	c.restart()
	client.kept = nil
	if c.random.IntN(2) == 0 { // the client comes later than the sweep
		c.awaitSweep()
	}
	final := c.way.resume(c, client, address, content)
	c.judge(final, address, content)
	return hit, ok
}

// restart starts the server again after a kill. The outbox has no folder for this minute then, unless an event waits in it, so
// that the next finish has to make one.
func (c *crash) restart() {
	c.t.Helper()
	c.server.kill()
	folders, err := filepath.Glob(filepath.Join(c.server.data, "outbox", "pending", "*"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, folder := range folders {
		if err := os.Remove(folder); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
			c.t.Fatal(err)
		}
	}
	c.server.start(c.ctx, c.t)
	if c.way.small {
		for _, id := range c.server.awaitJournal(c.ctx, c.t) {
			c.judged[id] = true
		}
		await(c.ctx, c.t, "no event waits", func() bool { return len(waitingEvents(c.t, c.server.data)) == 0 })
	}
}

func sum[N int | int64](values func(func(N) bool)) (all N) {
	for n := range values {
		all += n
	}
	return all
}
