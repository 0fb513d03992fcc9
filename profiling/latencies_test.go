package profiling_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"plateau/profiling"
)

// quantiles takes a sample.
func quantiles(l *profiling.Latencies) func(at time.Time) (p50, p99 float64) {
	series := l.Series("finish")
	return func(at time.Time) (float64, float64) { return series[0].Read(at), series[1].Read(at) }
}

func TestQuantilesAreNearTheExactOnes(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range 200 {
		l := new(profiling.Latencies)
		exact := make([]float64, 1+r.IntN(3000))
		scale := math.Exp(r.Float64()*12 + 8) // 3 µs to 0.5 s
		for i := range exact {
			d := time.Duration(max(scale*math.Exp(r.NormFloat64()), 1024))
			exact[i] = d.Seconds()
			l.Observe(d)
		}
		slices.Sort(exact)
		p50, p99 := quantiles(l)(early(float64(round)))
		for q, got := range map[float64]float64{0.5: p50, 0.99: p99} {
			want := exact[max(0, int(math.Ceil(q*float64(len(exact))))-1)]
			if math.Abs(got/want-1) > 0.032 {
				t.Errorf("round %d, %d durations: quantile %v is %v, want %v", round, len(exact), q, got, want)
			}
		}
	}
}

func TestQuantilesAreOfTheLastTenSamples(t *testing.T) {
	l := new(profiling.Latencies)
	if names := l.Series("finish"); names[0].Name != "finish_p50_seconds" || names[1].Name != "finish_p99_seconds" {
		t.Errorf("%v", names)
	}
	read := quantiles(l)
	near := func(a, b float64) bool { return math.Abs(a/b-1) < 0.04 }
	if p50, p99 := read(early(0)); !math.IsNaN(p50) || !math.IsNaN(p99) {
		t.Errorf("of nothing: %v %v", p50, p99)
	}
	l.Observe(time.Second)
	for i := 1; i <= 10; i++ {
		if p50, p99 := read(early(float64(i))); !near(p50, 1) || !near(p99, 1) {
			t.Errorf("sample %d: %v %v", i, p50, p99)
		}
	}
	if p50, _ := read(early(11)); !math.IsNaN(p50) {
		t.Errorf("after ten more: %v", p50)
	}
	for range 98 {
		l.Observe(time.Millisecond)
	}
	l.Observe(time.Minute)
	l.Observe(time.Minute)
	if p50, p99 := read(early(12)); !near(p50, 0.001) || !near(p99, 60) {
		t.Errorf("%v %v", p50, p99)
	}
}

func TestLatenciesOutOfRange(t *testing.T) {
	for d, want := range map[time.Duration]float64{
		-time.Second: 1e-6, 0: 1e-6, 1: 1e-6, time.Microsecond: 1e-6, time.Hour: 1099, math.MaxInt64: 1099, math.MinInt64: 1e-6,
	} {
		l := new(profiling.Latencies)
		l.Observe(d)
		if p50, _ := quantiles(l)(early(1)); math.Abs(p50/want-1) > 0.07 {
			t.Errorf("%v counts as %v s, want %v", d, p50, want)
		}
	}
}

func TestNoObservationIsLost(t *testing.T) {
	l := new(profiling.Latencies)
	read := quantiles(l)
	var observed sync.WaitGroup
	for i := range 4 {
		observed.Go(func() {
			for range 1000 {
				l.Observe(time.Duration(1+i) * time.Second) // a quarter each: the median is 2 s
			}
		})
	}
	for i := range 5 { // meanwhile; all of it is of the last ten samples
		read(early(float64(i)))
	}
	observed.Wait()
	if p50, p99 := read(early(9)); math.Abs(p50/2-1) > 0.04 || math.Abs(p99/4-1) > 0.04 {
		t.Errorf("%v %v", p50, p99)
	}
}

func BenchmarkObserve(b *testing.B) {
	l := new(profiling.Latencies)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Observe(time.Millisecond)
		}
	})
}

func BenchmarkQuantiles(b *testing.B) {
	l := new(profiling.Latencies)
	read := quantiles(l)
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		l.Observe(time.Millisecond)
		read(at)
	}
}
