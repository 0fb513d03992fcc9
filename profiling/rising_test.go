package profiling_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"plateau/profiling"
)

// collected is a heap as it is seen: only a garbage collection changes the figure. Where nothing happens, one comes each two
// minutes.
func collected(random *rand.Rand, atMost time.Duration, heap func(at time.Duration) float64) func(at time.Duration) profiling.Figures {
	var next time.Duration
	var seen float64
	return func(at time.Duration) profiling.Figures {
		if at >= next {
			seen = max(heap(at), mb)
			next = at + time.Duration(random.Int64N(int64(atMost)))
		}
		return live(seen)
	}
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestRising draws what the memory of servers looks like, over many hours. The slope allowed is 64 MiB an hour.
func TestRising(t *testing.T) {
	const hour, minute, slope, window = time.Hour, time.Minute, 64.0, time.Hour
	random := seeded(t)
	noise := func(of float64) float64 { return of * random.Float64() }
	since := func(at, begin time.Duration, perHour float64) float64 { return max(0, (at-begin).Hours()) * perHour }
	const never = -1
	for _, c := range []struct {
		name    string
		leaks   time.Duration                  // from when on
		collect time.Duration                  // the longest time between two collections
		heap    func(at time.Duration) float64 // MiB
	}{
		{"flat", never, 2 * minute, func(time.Duration) float64 { return 40 }},
		{"noise", never, 2 * minute, func(time.Duration) float64 { return 60 + 10*random.NormFloat64() }},
		{"much noise under load", never, minute / 2, func(time.Duration) float64 { return 40 + noise(200) }},
		{"a sawtooth of two minutes", never, minute / 2, func(at time.Duration) float64 { return 40 + 100*math.Mod(at.Minutes(), 2) }},
		{"a sawtooth of ten minutes", never, 2 * minute, func(at time.Duration) float64 { return 40 + 20*math.Mod(at.Minutes(), 10) }},
		{"waves of two hours", never, 2 * minute, func(at time.Duration) float64 { return 40 + 20*math.Sin(math.Pi*at.Hours()) }},
		{"bursts that rise for 20 minutes and fall for 20", never, 2 * minute, func(at time.Duration) float64 {
			return 20 + 30*max(0, 20-math.Abs(math.Mod(at.Minutes(), 120)-60))
		}},
		{"one step up", never, 2 * minute, func(at time.Duration) float64 {
			return 40 + 500*float64(min(1, int(at/(2*hour)))) + noise(5)
		}},
		{"two steps within a window", never, 2 * minute, func(at time.Duration) float64 {
			return 40 + 200*float64(min(1, int(at/(2*hour)))) + 200*float64(min(1, int(at/(2*hour+40*minute))))
		}},
		{"a start that fills caches", never, 2 * minute, func(at time.Duration) float64 { return 200 * (1 - math.Exp(-at.Minutes()/8)) }},
		{"a fall", never, 2 * minute, func(at time.Duration) float64 { return 1000 - 100*at.Hours() + noise(5) }},
		{"a leak of half the slope", never, 2 * minute, func(at time.Duration) float64 { return 40 + since(at, 0, slope/2) + noise(5) }},

		{"a leak from the start", 0, 2 * minute, func(at time.Duration) float64 { return 20 + since(at, 0, 2*slope) }},
		{"a leak later", 3 * hour, 2 * minute, func(at time.Duration) float64 { return 20 + since(at, 3*hour, 2*slope) + noise(5) }},
		{"a leak beneath bursts", 3 * hour, minute / 2, func(at time.Duration) float64 {
			return 20 + since(at, 3*hour, 2*slope) + noise(300)*float64(random.IntN(3)/2)
		}},
		{"a leak like a rocket", 2 * hour, 2 * minute, func(at time.Duration) float64 { return 20 + since(at, 2*hour, 50*slope) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			shape := collected(random, c.collect, func(at time.Duration) float64 { return c.heap(at) * mb })
			const length = 8 * hour
			got := watch(t, length, profiling.WatchdogOptions{Slope: slope * mb}, shape)
			if c.leaks == never {
				if len(got.captures) > 0 {
					t.Errorf("alarms: %v: %s", got.captures, got.log)
				}
				return
			}
			if len(got.captures) == 0 || slices.ContainsFunc(got.captures, func(c capture) bool { return c.cause != "heap-rising" }) {
				t.Fatalf("%v", got.captures)
			}
			const little = 2*window/12 + 2*minute // the spans at both ends, and a garbage collection
			first := got.captures[0].at
			if first < c.leaks || first > c.leaks+window+little {
				t.Errorf("the leak begins at %s, the alarm at %s", c.leaks, first)
			}
			if n, want := len(got.captures), int((length-1-first)/(30*minute))+1; n < want-1 || n > want { // it may end in between
				t.Errorf("%d captures, want %d: %v", n, want, got.captures)
			}
			if want := 2 * slope * mb; got.state.Heap < want*0.7 || !slices.Equal(got.state.Alarms, []string{"heap-rising"}) {
				t.Errorf("it rises by %.1f MiB an hour: %+v", got.state.Heap/mb, got.state)
			}
		})
	}
}

func TestGoroutinesRise(t *testing.T) {
	random := seeded(t)
	for name, c := range map[string]struct {
		number func(at time.Duration) float64
		alarms bool
	}{
		"a leaked writer for each of 500 uploads an hour": {func(at time.Duration) float64 { return 20 + 2000*at.Hours() + 200*random.Float64() }, true},
		"connections that come and go":                    {func(time.Duration) float64 { return 20 + 5000*random.Float64() }, false},
		"connections that slowly become more":             {func(at time.Duration) float64 { return 20 + 400*at.Hours() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := watch(t, 4*time.Hour, profiling.WatchdogOptions{Slope: 64 * mb}, func(at time.Duration) profiling.Figures {
				f := live(40 * mb)
				f.Goroutines = int64(c.number(at))
				return f
			})
			if alarms := slices.Contains(got.captured, "goroutines-rising"); alarms != c.alarms {
				t.Errorf("%v: %s", got.captures, got.log)
			}
		})
	}
}

func TestResidentMemoryRises(t *testing.T) {
	for name, c := range map[string]struct {
		shape  func(at time.Duration) profiling.Figures
		alarms bool
	}{
		"it stays after a peak": {func(at time.Duration) profiling.Figures {
			f := live(20 * mb)
			if at > time.Hour && at < time.Hour+5*time.Minute {
				f = live(500 * mb)
			} else if at > time.Hour {
				f.Resident = 1100 * mb
			}
			return f
		}, false},
		"each peak adds pages, below what the heap has needed": {func(at time.Duration) profiling.Figures {
			f := live(20 * mb)
			if at < time.Minute {
				f = live(1000 * mb)
			}
			f.Resident = int64(100*mb + 150*mb*at.Hours())
			return f
		}, false},
		"nothing explains it": {func(at time.Duration) profiling.Figures {
			f := live(20 * mb)
			f.Resident += int64(150 * mb * at.Hours())
			return f
		}, true},
		"the heap explains it": {func(at time.Duration) profiling.Figures {
			f := live(float64(20*mb + 150*mb*at.Hours()))
			f.Resident += int64(300 * mb * at.Hours())
			return f
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := watch(t, 6*time.Hour, profiling.WatchdogOptions{Slope: 64 * mb}, c.shape)
			if alarms := slices.Contains(got.captured, "resident-rising"); alarms != c.alarms {
				t.Errorf("%v: %s", got.captures, got.log)
			}
		})
	}
}

func TestShortWindow(t *testing.T) {
	o := profiling.WatchdogOptions{Slope: 64 * mb, Window: time.Minute}
	leak := func(at time.Duration) profiling.Figures { return live(float64(20*mb + 60*mb*at.Minutes())) }
	got := watch(t, 2*time.Minute, o, leak)
	if len(got.captures) != 1 || got.captures[0].at > 70*time.Second {
		t.Errorf("%v", got.captures)
	}
	if got.state.Heap < 3500*mb || got.state.Heap > 3700*mb || got.state.Over < 50*time.Second {
		t.Errorf("%+v", got.state)
	}
	random := seeded(t)
	flat := collected(random, time.Second, func(time.Duration) float64 { return 20*mb + 20*mb*random.Float64() })
	if got := watch(t, 30*time.Minute, o, flat); len(got.captures) != 0 {
		t.Errorf("%v: %s", got.captures, got.log)
	}
}

// TestSleepingMachine: the clock goes on, and there are no readings.
func TestSleepingMachine(t *testing.T) {
	var slept bool
	got := watch(t, 10*time.Hour, profiling.WatchdogOptions{Slope: 64 * mb}, func(at time.Duration) profiling.Figures {
		if at > 3*time.Hour && !slept {
			slept = true
			time.Sleep(5 * time.Hour)
			return live(500 * mb)
		}
		if slept {
			return live(500 * mb)
		}
		return live(40 * mb)
	})
	if len(got.captures) != 0 {
		t.Errorf("%v: %s", got.captures, got.log)
	}
}
