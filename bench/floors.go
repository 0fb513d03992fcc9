package main

import (
	"fmt"
)

// floor is a promise about a figure: the least that Plateau has to reach.
type floor struct {
	key     string // of the figure
	server  string
	against bool // the value is the ratio to tusd's figure; otherwise the figure itself
	atMost  bool // otherwise at least
	limit   float64
	what    string
}

// maxRise is what "no rise" of memory means, in MB: two measurements of a heap that stays as it is differ by less, and a leak
// of 50 bytes an upload makes more.
const maxRise = 1

func floors() []floor {
	return []floor{
		{"a.end", plateauNone, false, true, 32, "memory after 40,000 uploads, MB"},
		{"a.end", plateauFsync, false, true, 32, "memory after 40,000 uploads, MB"},
		{"a.rise", plateauNone, false, true, maxRise, "rise over the second half, MB"},
		{"a.rise", plateauFsync, false, true, maxRise, "rise over the second half, MB"},
		{"b.each", plateauFsync, false, true, 36, "memory of an idle upload, KB"},
		{"b.each", plateauFsync, true, true, 0.55, "memory of an idle upload, ratio"},
		{"c.cpu", plateauNone, true, true, 0.55, "CPU time a GB, ratio"},
		{"c.cpu", plateauFsync, true, true, 0.55, "CPU time a GB, ratio"},
		{"c.rate", plateauNone, true, false, 1.5, "throughput, ratio"},
		{"c.rate", plateauFsync, true, false, 1.2, "throughput, ratio"},
		{"d.16", plateauNone, true, false, 1.7, "creation-with-upload, 16 connections, ratio"},
		{"d.64", plateauNone, true, false, 1.7, "creation-with-upload, 64 connections, ratio"},
		{"d.16", plateauFsync, true, false, 0.5, "creation-with-upload, 16 connections, ratio"},
		{"d.64", plateauFsync, true, false, 0.6, "creation-with-upload, 64 connections, ratio"},
	}
}

// verdict is a floor and what was measured.
type verdict struct {
	floor
	value float64
	met   bool
}

// check compares the medians with the floors of all figures that were taken.
func check(all results) []verdict {
	var checked []verdict
	for _, f := range floors() {
		values := all[f.key][f.server]
		if f.against {
			values = ratios(values, all[f.key][tusd])
		}
		if len(values) == 0 {
			continue
		}
		value := median(values)
		met := value >= f.limit
		if f.atMost {
			met = value <= f.limit
		}
		checked = append(checked, verdict{f, value, met})
	}
	return checked
}

// allMet is false if any floor is not met.
func allMet(checked []verdict) bool {
	for _, v := range checked {
		if !v.met {
			return false
		}
	}
	return true
}

func verdicts(checked []verdict) string {
	lines := [][]string{{"", "server", "figure", "floor", "measured", ""}}
	for _, v := range checked {
		bound, word := "≥", "NOT met"
		if v.atMost {
			bound = "≤"
		}
		if v.met {
			word = "met"
		}
		lines = append(lines, []string{v.key[:1], v.server, v.what, fmt.Sprintf("%s %g", bound, v.limit), fmt.Sprintf("%.2f", v.value), word})
	}
	return markdown(lines)
}
