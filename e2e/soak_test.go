package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// What may differ between the second third and the last, in bytes. On two busy cores medians of resident memory differed by
// 0.6 MB at most, and live heaps at rest by 0.15 MB.
const (
	residentMargin = 2 << 20
	liveMargin     = 512 << 10
	// A server keeps a capture of its memory each minute, for an hour.
	captureSize = 64 << 10
)

// soakClients is how many upload at once, each without a pause.
const soakClients = 12

// TestSoak keeps a server at full speed with all that clients do, and what they should not, while Kafka goes away and comes back
// again and again. What it promises: memory is the same in the last third as in the one before; at rest, after each third, there
// are the same goroutines, descriptors and connections, and no goroutine has leaked; and of each upload whose success was heard,
// and of no other, the event is in Kafka. CI takes three minutes, PLATEAU_E2E=full half an hour.
func TestSoak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a process's memory, descriptors and connections are read from /proc, which only Linux has")
	}
	warmUp, third := troubles, 2*troubles
	if fullWanted() {
		warmUp, third = 5*troubles, 25*troubles
	}
	_, err := binaries.soaked() // which takes its time where nothing of it has been built yet
	must(t, err)
	s := startSoak(boundedBy(t, warmUp+4*third+3*time.Minute), t)
	s.spend("warm-up", warmUp)
	for _, name := range []string{"first third", "second third", "last third"} {
		s.spend(name, third)
	}
	t.Logf("what was seen:\n%s", s.table())
	s.wantFlat()
	terminate(s.ctx, t, s.server)
}

// soak is one run.
type soak struct {
	ctx     context.Context
	t       *testing.T
	server  *plateau
	kafka   *fakeKafka
	random  *rand.Rand
	ledger  *ledger
	periods []period
}

// period is a time under load and the rest that followed.
type period struct {
	name   string
	spent  time.Duration
	memory soakMemory
	atRest rest
	live   int64          // of the heap at rest, in bytes
	leaked string         // as the profile of leaked goroutines has it
	done   map[string]int // by kind
	asked  int            // requests so far
	events events
}

func startSoak(ctx context.Context, t *testing.T) *soak {
	t.Helper()
	s := &soak{ctx: ctx, t: t, random: seeded(t), kafka: startFakeKafka(t), ledger: newLedger()}
	s.server = startBuilt(ctx, t, binaries.soaked, t.TempDir(), "--kafka-brokers", s.kafka.addr, "--kafka-topic", fakeTopic,
		"--digest", "sha256", "--journal-size", "8MiB", // which is full again and again
		"--expire-after", "1m", "--delete-finished-after", "1m")
	if !raceWanted() { // what the race detector says must not be forgotten
		s.server.log.forget(1 << 20)
	}
	return s
}

// spend is a period under load, with what Kafka does meanwhile, and the rest after it.
func (s *soak) spend(name string, load time.Duration) {
	s.t.Helper()
	begin := time.Now()
	over, end := context.WithTimeout(s.ctx, load)
	defer end()
	var beside sync.WaitGroup
	var used soakMemory
	beside.Go(func() { s.kafka.comeAndGo(over) })
	beside.Go(func() { used = s.server.watchMemory(over, s.t) })
	all := s.startClients()
	beside.Go(func() { all.busy.Wait(); end() }) // they stop by themselves when something has failed
	<-over.Done()
	all.end()
	beside.Wait()
	p := period{name: name, spent: time.Since(begin), memory: used}
	if all.lost.Load() > 0 {
		s.t.Errorf("%s: %d requests were not answered", name, all.lost.Load())
	}
	p.atRest = s.awaitRest()
	p.asked = s.server.requests(s.ctx, s.t)
	p.leaked = s.server.leaked(s.ctx, s.t)
	p.live = s.server.liveHeap(s.ctx, s.t)
	p.done, p.events = s.ledger.settle(s.ctx, s.t, s.kafka)
	wantNoneDead(s.t, s.server.data)
	s.periods = append(s.periods, p)
	if s.t.Failed() {
		s.t.Fatalf("%s: what was seen until then:\n%s", name, s.table())
	}
}

// wantFlat compares the memory of the last two thirds. Garbage, and the events that wait while Kafka is away, raise it for
// moments; the median passes over these, and a leak raises it for good. A small one shows sooner in the live heap at rest, of
// which no garbage is a part.
func (s *soak) wantFlat() {
	s.t.Helper()
	if raceWanted() {
		return // it would be the race detector's own
	}
	before, last := s.periods[len(s.periods)-2], s.periods[len(s.periods)-1]
	if grown := last.memory.median() - before.memory.median(); max(grown, -grown) > residentMargin {
		s.t.Errorf("resident memory has changed by %.2f MB from the second third to the last", mb(grown))
	}
	captures := captureSize * int64(1+last.spent/time.Minute)
	if grown := last.live - before.live; grown > liveMargin+captures {
		s.t.Errorf("at rest the live heap is larger by %.2f MB than after the second third", mb(grown))
	}
}

// table is what was seen, in columns.
func (s *soak) table() string {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, of func(p period) string) {
		fmt.Fprint(columns, name, "\t")
		for _, p := range s.periods {
			fmt.Fprint(columns, of(p), "\t")
		}
		fmt.Fprintln(columns)
	}
	number := func(of func(p period) int) func(period) string {
		return func(p period) string { return fmt.Sprint(of(p)) }
	}
	row("", func(p period) string { return p.name })
	row("seconds", func(p period) string { return fmt.Sprintf("%.0f", p.spent.Seconds()) })
	row("memory, MB: median", func(p period) string { return fmt.Sprintf("%.2f", mb(p.memory.median())) })
	row("lowest", func(p period) string { return fmt.Sprintf("%.2f", mb(p.memory.at(0))) })
	row("highest", func(p period) string { return fmt.Sprintf("%.2f", mb(p.memory.at(1))) })
	row("at rest: live heap, MB", func(p period) string { return fmt.Sprintf("%.2f", mb(p.live)) })
	row("goroutines", number(func(p period) int { return p.atRest.goroutines }))
	row("descriptors", number(func(p period) int { return p.atRest.descriptors }))
	row("connections", number(func(p period) int { return p.atRest.connections }))
	row("and to Kafka", number(func(p period) int { return p.atRest.toKafka }))
	row("leaked goroutines", func(p period) string { return p.leaked })
	for _, name := range soakKindNames() {
		row(name, number(func(p period) int { return p.done[name] }))
	}
	row("requests so far", number(func(p period) int { return p.asked }))
	row("successes heard", number(func(p period) int { return p.events.heard }))
	row("their events", number(func(p period) int { return p.events.arrived }))
	row("arrived again", number(func(p period) int { return p.events.again }))
	_ = columns.Flush() // which a strings.Builder does not refuse
	return text.String()
}
