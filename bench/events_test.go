package main

import (
	"math"
	"testing"
	"time"
)

func TestDelays(t *testing.T) {
	begin := time.Now()
	answered := times{at: map[string]time.Time{"a": begin, "b": begin}}
	arrived := times{at: map[string]time.Time{"a": begin.Add(time.Second)}}
	if _, err := delays(&answered, &arrived); err == nil {
		t.Error("an event that is missing went unnoticed")
	}
	arrived.at["b"] = begin.Add(-time.Second)
	if got, err := delays(&answered, &arrived); err != nil || len(got) != 2 || got[0]+got[1] != 0 {
		t.Errorf("delays %v, error %v", got, err)
	}
	arrived.at["c"] = begin
	if _, err := delays(&answered, &arrived); err == nil {
		t.Error("an event of an upload that nobody made went unnoticed")
	}
}

func TestTimesKeepTheFirst(t *testing.T) {
	var seen times
	seen.note("a")
	first := seen.at["a"]
	seen.note("a")
	if seen.count() != 1 || seen.at["a"] != first {
		t.Error("a duplicate changed the time")
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	for q, want := range map[float64]float64{0: 1, .25: 1, .5: 2, .75: 3, .99: 4, 1: 4} {
		if got := quantile(values, q); got != want {
			t.Errorf("%g of them: %g, want %g", q, got, want)
		}
	}
	if !math.IsNaN(quantile(nil, .5)) {
		t.Error("none have a quantile")
	}
}
