package profiling

import (
	"math"
	"time"
)

// Series returns the meter's figures for a [History], which is then the only one that may read the meter. One reading serves
// all series of a sample.
func (m *Meter) Series() []Series {
	var (
		figures Figures
		read    time.Time
	)
	figure := func(name string, of func(Figures) int64) Series {
		return Series{Name: name, Read: func(at time.Time) float64 {
			if !at.Equal(read) {
				figures, read = m.Read(), at
			}
			return float64(of(figures))
		}}
	}
	return []Series{
		figure("resident_bytes", func(f Figures) int64 { return f.Resident }),
		figure("heap_in_use_bytes", func(f Figures) int64 { return f.HeapInUse }),
		figure("heap_live_bytes", func(f Figures) int64 { return f.HeapLive }),
		figure("heap_goal_bytes", func(f Figures) int64 { return f.HeapGoal }),
		figure("goroutines", func(f Figures) int64 { return f.Goroutines }),
	}
}

// Rate makes a series' Read of a total that only grows: how much it grew a second since the last sample. The first time, and
// when the total has shrunk, that is unknown.
func Rate(total func() float64) func(at time.Time) float64 {
	last, then := math.NaN(), time.Time{}
	return func(at time.Time) float64 {
		now := total()
		grown, seconds := now-last, at.Sub(then).Seconds()
		last, then = now, at
		if !(grown >= 0 && seconds > 0) {
			return math.NaN()
		}
		return grown / seconds
	}
}
