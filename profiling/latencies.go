package profiling

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	// Durations from 2^minPower to 2^maxPower ns (1 µs to 18 min) fall into buckets, 16 for each power of two. So a quantile is
	// off by 3 % at most. Shorter ones count as the shortest, longer ones as the longest.
	minPower   = 10
	maxPower   = 40
	splitBits  = 4
	allBuckets = (maxPower - minPower) << splitBits

	// recentSamples is over how many samples quantiles are taken: one alone holds few durations when little is done.
	recentSamples = 10
)

// Latencies tells how long something took of late: the zero value is ready. Observe may be called by any number of goroutines
// and takes some nanoseconds. It takes 24 KB, whatever it is told.
type Latencies struct {
	fresh [allBuckets]atomic.Uint32 // since the last sample

	// What follows belongs to the goroutine that takes samples.
	recent  [recentSamples][allBuckets]uint32
	sum     [allBuckets]uint32 // of recent
	at      int                // the oldest of recent
	sampled time.Time
}

// Observe counts one duration.
func (l *Latencies) Observe(d time.Duration) { l.fresh[bucket(d)].Add(1) }

// Series returns the median and the 99th percentile of the last ten samples for a [History]: name_p50_seconds and
// name_p99_seconds. They are unknown while nothing has been observed. One history may have them, once.
func (l *Latencies) Series(name string) []Series {
	quantile := func(suffix string, q float64) Series {
		return Series{Name: name + suffix, Read: func(at time.Time) float64 {
			if !at.Equal(l.sampled) {
				l.sample()
				l.sampled = at
			}
			return l.quantile(q)
		}}
	}
	return []Series{quantile("_p50_seconds", 0.5), quantile("_p99_seconds", 0.99)}
}

// sample takes what is fresh in the place of what is oldest.
func (l *Latencies) sample() {
	oldest := &l.recent[l.at]
	for i := range l.fresh {
		var n uint32
		if l.fresh[i].Load() > 0 { // most are not
			n = l.fresh[i].Swap(0)
		}
		l.sum[i] += n - oldest[i]
		oldest[i] = n
	}
	l.at = (l.at + 1) % recentSamples
}

// quantile returns seconds: the middle of the bucket that the duration fell into than which so large a part was not longer.
func (l *Latencies) quantile(q float64) float64 {
	var all uint64
	for _, n := range l.sum {
		all += uint64(n)
	}
	if all == 0 {
		return math.NaN()
	}
	rank := max(1, uint64(math.Ceil(q*float64(all))))
	for i, n := range l.sum {
		if rank <= uint64(n) {
			return middle(i).Seconds()
		}
		rank -= uint64(n)
	}
	return math.NaN() // not reached: the ranks end at all
}

func bucket(d time.Duration) int {
	ns := uint64(min(max(d, 1<<minPower), 1<<maxPower-1))
	power := bits.Len64(ns) - 1
	within := int(ns>>(power-splitBits)) & (1<<splitBits - 1)
	return (power-minPower)<<splitBits | within
}

func middle(bucket int) time.Duration {
	power, within := bucket>>splitBits+minPower, bucket&(1<<splitBits-1)
	width := time.Duration(1) << (power - splitBits)
	return 1<<power + time.Duration(within)*width + width/2
}
