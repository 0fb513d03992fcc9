package profiling

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// trend tells a figure that rises for good from one that goes up and down, or up once.
//
// The window is cut into spans, and of each span only the lowest reading is kept: what a burst takes is given back, and what
// lies between two garbage collections is not leaked. The slope is the median of those between each two lows (Theil and
// Sen's estimate), which a fifth of wild values does not move, as it would move least squares. But noise, or one large step,
// has a slope too, now and then. So a figure climbs only if also
//
//   - the lowest of each quarter of the window is higher than that of the quarter before: a step lifts one quarter over its
//     neighbour, never three, and a burst that rises for less than half the window doesn't either;
//   - of nearly each two lows the later is the higher (Kendall's tau), which tells a rise from noise.
type trend struct {
	span  time.Duration
	lows  []low // of full spans within the window, oldest first; at most spansInWindow
	open  low   // the span that is not over
	first int64 // the first span that is known
	begun bool
}

// low is the lowest reading of a span.
type low struct {
	span  int64 // the number of the span, counted from the start
	value float64
}

const (
	quarters       = 4
	spansInQuarter = 3
	spansInWindow  = quarters * spansInQuarter

	// leastOrder of twelve lows comes of noise alone once in 20,000 times.
	leastOrder = 0.78
)

// newTrend returns a trend over a window.
func newTrend(window time.Duration) trend {
	return trend{span: window / spansInWindow, lows: make([]low, 0, spansInWindow+1)}
}

// add takes a reading, made so long after the start.
func (t *trend) add(at time.Duration, value float64) {
	span := int64(at / t.span)
	switch {
	case !t.begun:
		t.begun, t.first, t.open = true, span, low{span, value}
	case span <= t.open.span:
		t.open.value = min(t.open.value, value)
	default:
		t.lows = append(t.lows, t.open)
		t.open = low{span, value}
		t.lows = slices.DeleteFunc(t.lows, func(l low) bool { return l.span < span-spansInWindow })
	}
}

// full reports whether the window is: from then on climbs can tell.
func (t *trend) full() bool { return t.open.span-t.first >= spansInWindow }

// perHour is the slope, and over how long it was seen; 0 for both if that is less than a quarter of the window.
func (t *trend) perHour() (slope float64, over time.Duration) {
	if len(t.lows) <= spansInQuarter {
		return 0, 0
	}
	slopes := make([]float64, 0, spansInWindow*(spansInWindow-1)/2)
	for i, a := range t.lows {
		for _, b := range t.lows[i+1:] {
			slopes = append(slopes, (b.value-a.value)/(time.Duration(b.span-a.span)*t.span).Hours())
		}
	}
	slices.Sort(slopes)
	middle := len(slopes) / 2
	slope = slopes[middle]
	if len(slopes)%2 == 0 {
		slope = (slopes[middle-1] + slopes[middle]) / 2
	}
	return slope, time.Duration(t.open.span-t.lows[0].span) * t.span
}

// climbs reports whether the figure has risen all through the window, by perHour or more, and by least or more.
func (t *trend) climbs(perHour, least float64) bool {
	slope, _ := t.perHour()
	window := (t.span * spansInWindow).Hours()
	if !t.full() || slope < max(perHour, least/window) || t.order() < leastOrder {
		return false
	}
	var lowest [quarters]float64
	for q := range lowest {
		lowest[q] = math.Inf(1)
	}
	for _, l := range t.lows {
		q := (l.span - (t.open.span - spansInWindow)) / spansInQuarter
		lowest[q] = min(lowest[q], l.value)
	}
	step := perHour * window / quarters / 2 // half of what the least slope that counts makes
	for q := 1; q < quarters; q++ {
		if math.IsInf(lowest[q], 1) || !(lowest[q]-lowest[q-1] >= step) {
			return false // there is no reading of that quarter, or it does not rise
		}
	}
	return true
}

// order is 1 if each low is above all before it, 0 if there is no order in them, and -1 if each is below.
func (t *trend) order() float64 {
	sum, pairs := 0, 0
	for i, a := range t.lows {
		for _, b := range t.lows[i+1:] {
			sum += cmp.Compare(b.value, a.value)
			pairs++
		}
	}
	return float64(sum) / float64(max(pairs, 1))
}
