package limits_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plateau/server/limits"
)

// begin is where the clock of a test stands at first.
var begin = time.Unix(1_000_000_000, 0)

func newRate(t testing.TB, o limits.RateOptions) *limits.Rate {
	t.Helper()
	r, err := limits.NewRate(o, begin)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRate(t *testing.T) {
	r := newRate(t, limits.RateOptions{PerSecond: 4, Burst: 3})
	const one, two limits.Key = 1, 2
	now := begin
	for i := range 3 {
		if wait := r.Take(one, now); wait != 0 {
			t.Fatalf("number %d of the burst waits %s", i, wait)
		}
	}
	if wait := r.Take(one, now); wait != 250*time.Millisecond {
		t.Errorf("the next waits %s", wait)
	}
	if wait := r.Take(two, now); wait != 0 {
		t.Errorf("another client waits %s", wait)
	}
	// Being refused costs nothing.
	now = now.Add(200 * time.Millisecond)
	if wait := r.Take(one, now); wait != 50*time.Millisecond {
		t.Errorf("200 ms later it waits %s", wait)
	}
	now = now.Add(50 * time.Millisecond)
	if wait := r.Take(one, now); wait != 0 {
		t.Errorf("after its wait it waits %s", wait)
	}
	// However long the rest was, a burst is a burst.
	now = now.Add(time.Hour)
	taken := 0
	for r.Take(one, now) == 0 {
		taken++
	}
	if taken != 3 {
		t.Errorf("after an hour %d at once", taken)
	}
}

func TestRateBurstIsASecond(t *testing.T) {
	r := newRate(t, limits.RateOptions{PerSecond: 7})
	taken := 0
	for r.Take(1, begin) == 0 {
		taken++
	}
	if taken != 7 {
		t.Errorf("%d at once", taken)
	}
}

// What can't be done in part goes ahead of its time, and is waited for afterwards.
func TestOverdraw(t *testing.T) {
	r := newRate(t, limits.RateOptions{PerSecond: 2, Debt: 10})
	taken := 0
	for r.Overdraw(1, begin) == 0 {
		taken++
	}
	if taken != 12 {
		t.Errorf("%d at once, want a burst of 2 and a debt of 10", taken)
	}
	if wait := r.Overdraw(1, begin); wait != time.Second/2 {
		t.Errorf("the next one waits %s", wait)
	}
	if wait := r.Take(1, begin); wait != 11*time.Second/2 {
		t.Errorf("what isn't lent waits %s", wait)
	}
	if wait := r.Take(1, begin.Add(11*time.Second/2)); wait != 0 {
		t.Errorf("when the debt is paid it waits %s", wait)
	}
}

func TestRateOptions(t *testing.T) {
	_, err := limits.NewRate(limits.RateOptions{PerSecond: 0, Burst: -1, Debt: -1}, begin)
	for _, name := range []string{"PerSecond", "Burst", "Debt"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
	// The extremes don't overflow.
	r := newRate(t, limits.RateOptions{PerSecond: 1, Burst: 1e9, Debt: 1e9})
	for range 1000 {
		if wait := r.Overdraw(1, begin.Add(100*365*24*time.Hour)); wait != 0 {
			t.Fatal(wait)
		}
	}
}

// modelBucket is a token bucket as textbooks have it, in exact numbers: tokens times PerSecond times 1e9.
type modelBucket struct {
	tokens int64
	at     time.Time
}

// Random clients at random times, against textbook buckets that are never forgotten.
func TestRateModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		rates := []int{1, 2, 4, 5, 8, 10, 20, 50, 100, 1000} // whose interval is a whole number of nanoseconds
		o := limits.RateOptions{PerSecond: rates[random.IntN(len(rates))], Burst: 1 + random.IntN(20), Debt: random.IntN(30)}
		r := newRate(t, o)
		interval := int64(time.Second) / int64(o.PerSecond)
		most := int64(o.Burst) * interval
		model := map[limits.Key]modelBucket{}
		now := begin
		for step := range 20_000 {
			now = now.Add(time.Duration(random.Int64N(interval)))
			client := limits.Key(1 + random.IntN(1000))
			if random.IntN(3) > 0 {
				client = limits.Key(1 + random.IntN(3))
			}
			b, known := model[client]
			if !known {
				b = modelBucket{most, now}
			}
			b.tokens, b.at = min(most, b.tokens+int64(now.Sub(b.at))), now
			least, take := int64(0), r.Take
			if random.IntN(4) == 0 {
				least, take = -int64(o.Debt)*interval, r.Overdraw
			}
			want := time.Duration(0)
			if b.tokens-interval >= least {
				b.tokens -= interval
			} else {
				want = time.Duration(least + interval - b.tokens)
			}
			model[client] = b
			if wait := take(client, now); wait != want {
				t.Fatalf("%+v, step %d, client %d: waits %s, want %s", o, step, client, wait, want)
			}
		}
	}
}

// A million clients at once: the table stays as large as it is, nobody is refused for the others' sake, and a client that goes on
// all the time while they come has hardly more than its share.
func TestRateFlood(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := newRate(t, limits.RateOptions{PerSecond: 10})
	before := live()
	const clients, honest = 1_000_000, limits.Key(77)
	now, taken := begin, 0
	for i := range clients {
		now = now.Add(time.Microsecond)
		if wait := r.Take(limits.Key(random.Uint64()|1<<32), now); wait != 0 {
			t.Fatalf("client %d, which had not begun any, waits %s", i, wait)
		}
		if i%1000 == 0 && r.Take(honest, now) == 0 {
			taken++
		}
	}
	grew := live() - before
	t.Logf("%d clients in a second: %d bytes more, and one that tried %d times got %d (its share: 19)", clients, grew, clients/1000, taken)
	if grew > 64<<10 {
		t.Errorf("%d bytes more", grew)
	}
	if taken < 19 || taken > 25 { // ten at once, and one in each tenth of the second
		t.Errorf("the one got %d, and its share is 19", taken)
	}
	runtime.KeepAlive(r)
}

// As many as there is room for, nobody forgotten: twenty thousand clients, each by turns, each held to its share.
func TestRateRoom(t *testing.T) {
	keys := limits.NewKeys()
	r := newRate(t, limits.RateOptions{PerSecond: 1})
	const clients = 20_000
	for i := range clients {
		r.Take(keys.Name(fmt.Sprint(i)), begin)
	}
	free := 0
	for i := range clients {
		if r.Take(keys.Name(fmt.Sprint(i)), begin) == 0 {
			free++
		}
	}
	t.Logf("%d of %d were forgotten", free, clients)
	if free > clients/50 {
		t.Errorf("%d of %d clients were forgotten though there was room", free, clients)
	}
}

func TestRateTogether(t *testing.T) {
	r := newRate(t, limits.RateOptions{PerSecond: 100})
	var running sync.WaitGroup
	var taken atomic.Int64
	for range 8 {
		running.Go(func() {
			for range 1000 {
				if r.Take(1, begin) == 0 {
					taken.Add(1)
				}
			}
		})
	}
	running.Wait()
	if taken.Load() != 100 {
		t.Errorf("%d at once", taken.Load())
	}
}

// live is the memory in use, in bytes.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkRate(b *testing.B) {
	r := newRate(b, limits.RateOptions{PerSecond: 1_000_000})
	keys := limits.NewKeys()
	b.ReportAllocs()
	for b.Loop() {
		r.Take(keys.Name("somebody"), time.Now())
	}
}
