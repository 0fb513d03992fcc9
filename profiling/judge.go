package profiling

import (
	"fmt"
	"time"
)

// The causes of alarms.
const (
	causeHeap             = "heap"
	causeGoroutines       = "goroutines"
	causeHeapRising       = "heap-rising"
	causeGoroutinesRising = "goroutines-rising"
	causeResidentRising   = "resident-rising"
)

// WatchdogCauses are all causes of a [Watchdog]'s alarms, as they stand in its log, its state and the names of its captures.
func WatchdogCauses() []string {
	return []string{causeHeap, causeGoroutines, causeHeapRising, causeGoroutinesRising, causeResidentRising}
}

// CauseInWords says for people what is alarming. What is no cause comes back as it is.
func CauseInWords(cause string) string {
	switch cause {
	case causeHeap:
		return "the live heap is too large"
	case causeGoroutines:
		return "there are too many goroutines"
	case causeHeapRising:
		return "the live heap rises for good"
	case causeGoroutinesRising:
		return "the number of goroutines rises for good"
	case causeResidentRising:
		return "resident memory rises for good, and the live heap does not explain it"
	default:
		return cause
	}
}

const (
	// goroutinesPerHour is the rise of goroutines that counts: a Kafka writer that leaks has four, so that is 250 of them. A
	// server whose open connections rise by some hundreds an hour stays below it.
	goroutinesPerHour = 1000

	// leastRise and leastGoroutines are what a figure must rise by within the window, however short that is.
	leastRise       = 1 << 20
	leastGoroutines = 100

	// runtimeShare and programShare are what resident memory has beside heap and stacks: the collector's own tables, the
	// program and its libraries.
	runtimeShare = 1.1
	programShare = 64 << 20
)

// judge decides from the readings what is alarming. It belongs to a Watchdog, which guards it.
type judge struct {
	opts                       WatchdogOptions
	now                        Figures
	heap, goroutines, resident trend
	ceiling                    float64 // the most that heap and stacks may have filled so far
	active                     map[string]bool
}

// alarm is what is too high, or rises for good.
type alarm struct{ cause, figure string }

func newJudge(opts WatchdogOptions) judge {
	return judge{
		opts:       opts,
		heap:       newTrend(opts.Window),
		goroutines: newTrend(opts.Window),
		resident:   newTrend(opts.Window),
		active:     make(map[string]bool),
	}
}

// see takes a reading, made so long after the start.
func (j *judge) see(at time.Duration, f Figures) {
	j.now = f
	j.heap.add(at, float64(f.HeapLive))
	j.goroutines.add(at, float64(f.Goroutines))
	j.resident.add(at, float64(f.Resident))
	j.ceiling = max(j.ceiling, float64(max(f.HeapGoal, f.HeapInUse))+float64(f.Stacks))
}

// calm ends all alarms.
func (j *judge) calm() { clear(j.active) }

// alarms returns those that last now. Live heap and goroutines are judged first: these are what leaks.
func (j *judge) alarms() []alarm {
	var all []alarm
	alarming := func(cause string, begins, lasts bool, format string, values ...any) {
		if !begins && !(j.active[cause] && lasts) {
			delete(j.active, cause)
			return
		}
		j.active[cause] = true
		all = append(all, alarm{cause, fmt.Sprintf(format, values...)})
	}
	above := func(cause string, value, level int64, format string, values ...any) {
		alarming(cause, level > 0 && value > level, level > 0 && float64(value) > 0.9*float64(level), format, values...)
	}
	above(causeHeap, j.now.HeapLive, j.opts.Heap, "live heap %s, above %s", mib(j.now.HeapLive), mib(j.opts.Heap))
	above(causeGoroutines, j.now.Goroutines, j.opts.Goroutines, "%d goroutines, above %d", j.now.Goroutines, j.opts.Goroutines)
	if j.opts.Slope == 0 {
		return all
	}
	slope := float64(j.opts.Slope)
	heap, _ := j.heap.perHour()
	alarming(causeHeapRising, j.heap.climbs(slope, leastRise), heap > slope/2,
		"live heap rises by %s an hour, now %s", mib(int64(heap)), mib(j.now.HeapLive))
	goroutines, _ := j.goroutines.perHour()
	alarming(causeGoroutinesRising, j.goroutines.climbs(goroutinesPerHour, leastGoroutines), goroutines > goroutinesPerHour/2,
		"goroutines rise by %.0f an hour, now %d", goroutines, j.now.Goroutines)
	resident, _ := j.resident.perHour()
	alarming(causeResidentRising, j.unexplained() && j.resident.climbs(slope, leastRise), j.unexplained() && resident > slope/2,
		"resident memory rises by %s an hour, now %s, and the live heap, which rises by %s, does not explain it",
		mib(int64(resident)), mib(j.now.Resident), mib(int64(heap)))
	return all
}

// unexplained reports whether there is resident memory that neither the heap has needed nor its rise explains. Resident
// memory does not fall when memory is freed, and the heap uses up to twice what lives before it is collected: so up to the
// most that it may have filled since the start, resident memory tells nothing.
func (j *judge) unexplained() bool {
	heap, _ := j.heap.perHour()
	return heap < float64(j.opts.Slope)/2 && float64(j.now.Resident) > runtimeShare*j.ceiling+programShare
}

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
