package main

import (
	"math"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		given := slices.Clone(test.values)
		if got := median(given); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
		}
		if !slices.Equal(given, test.values) {
			t.Errorf("median changed the order of its values: %v", given)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v, want NaN", got)
	}
}

func TestRatiosArePairedWithinEachRound(t *testing.T) {
	// The machine is half as fast in the second round. Ratios of the medians would say 2.5.
	got := ratios([]float64{300, 100, 200}, []float64{100, 50, 100})
	if want := []float64{3, 2, 2}; !slices.Equal(got, want) {
		t.Errorf("ratios = %v, want %v", got, want)
	}
	if got := ratios([]float64{1, 2}, []float64{2}); !slices.Equal(got, []float64{0.5}) {
		t.Errorf("ratios of unequal lengths = %v, want [0.5]", got)
	}
}

func TestSlope(t *testing.T) {
	x := []float64{20, 22, 24, 26}
	if got := slope(x, []float64{5, 11, 17, 23}); math.Abs(got-3) > 1e-9 {
		t.Errorf("slope of a line = %v, want 3", got)
	}
	if got := slope(x, []float64{8, 8, 8, 8}); got != 0 {
		t.Errorf("slope of a constant = %v, want 0", got)
	}
	// By hand: means 23 and 2; sum of products -2, of squares 20.
	if got := slope(x, []float64{2, 3, 1, 2}); math.Abs(got+0.1) > 1e-9 {
		t.Errorf("slope = %v, want -0.1", got)
	}
	if got := slope([]float64{3}, []float64{1}); !math.IsNaN(got) {
		t.Errorf("slope of one point = %v, want NaN", got)
	}
}
