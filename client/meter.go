package client

import (
	"fmt"
	"time"

	"github.com/vbauerster/mpb/v8/decor"
)

const (
	meterStep   = 500 * time.Millisecond
	meterWindow = 10 * time.Second
)

// meter tells the rate of an upload over its last seconds.
type meter struct {
	samples []sample // at least meterStep apart, none older than meterWindow before the last but the first
	last    sample
}

type sample struct {
	at     time.Time
	offset int64
}

// reset begins anew: what lies before says nothing about what comes.
func (m *meter) reset(at time.Time, offset int64) {
	m.last = sample{at, offset}
	m.samples = append(m.samples[:0], m.last)
}

func (m *meter) moved(at time.Time, offset int64) {
	m.last = sample{at, offset}
	if n := len(m.samples); n == 0 || at.Sub(m.samples[n-1].at) >= meterStep {
		m.samples = append(m.samples, m.last)
	}
	for len(m.samples) > 1 && at.Sub(m.samples[1].at) >= meterWindow {
		m.samples = m.samples[1:]
	}
}

// rate is in bytes a second, as of now; 0 while nothing is known.
func (m *meter) rate(now time.Time) float64 {
	if len(m.samples) == 0 {
		return 0
	}
	first := m.samples[0]
	elapsed := now.Sub(first.at)
	if elapsed < meterStep {
		return 0
	}
	return float64(m.last.offset-first.offset) / elapsed.Seconds()
}

// pace is the rate and what is left at that rate, in words; empty while nothing is known.
func (m *meter) pace(now time.Time, size int64) string {
	rate := m.rate(now)
	if rate < 1 {
		return ""
	}
	left := time.Duration(float64(size-m.last.offset) / rate * float64(time.Second))
	return fmt.Sprintf("%s/s, %s left", sizeText(int64(rate)), left.Round(time.Second))
}

// sizeText writes a size for people.
func sizeText(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("% .1f", decor.SizeB1024(n))
}

// percent is rounded down: 100 means all of it.
func percent(offset, size int64) int64 {
	if size == 0 {
		return 100
	}
	return int64(float64(offset) / float64(size) * 100)
}
