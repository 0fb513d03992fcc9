package main

import (
	"fmt"
	"strings"
)

// floor is a promise about a figure: the least that Plateau has to reach.
type floor struct {
	key     string // of the figure
	server  string
	against bool // the value is the ratio to the peer's figure; otherwise the figure itself
	atMost  bool // otherwise at least
	limit   float64
	what    string
}

// maxRise is what "no rise" of memory means, in MB: two measurements of a heap that stays as it is differ by less, and a leak
// of 50 bytes an upload makes more.
const maxRise = 1

func floors() []floor {
	return []floor{
		{"a.end", plateauNone, false, true, 36, "memory after 40,000 uploads, MB"},
		{"a.end", plateauFsync, false, true, 36, "memory after 40,000 uploads, MB"},
		{"a.rise", plateauNone, false, true, maxRise, "rise over the second half, MB"},
		{"a.rise", plateauFsync, false, true, maxRise, "rise over the second half, MB"},
		{"b.each", plateauFsync, false, true, 36, "memory of an idle upload, KB"},
		{"b.each", plateauFsync, true, true, 0.55, "memory of an idle upload, ratio"},
		{"c.cpu", plateauNone, true, true, 0.55, "CPU time a GB, ratio"},
		{"c.cpu", plateauFsync, true, true, 0.55, "CPU time a GB, ratio"},
		{"c.rate", plateauNone, true, false, 1.5, "throughput, ratio"},
		{"c.rate", plateauFsync, true, false, 1.2, "throughput, ratio"},
		// Plateau makes, sends and removes an event for each, tusd none: without events it was 1.7.
		{"d.16", plateauNone, true, false, 1.3, "creation-with-upload, 16 connections, ratio"},
		{"d.64", plateauNone, true, false, 1.3, "creation-with-upload, 64 connections, ratio"},
		{"d.16", plateauFsync, true, false, 0.9, "creation-with-upload, 16 connections, ratio"},
		{"d.64", plateauFsync, true, false, 0.9, "creation-with-upload, 64 connections, ratio"},
		{"f.p99", plateauFsync, false, true, 20, "answered to event read at 1,000 uploads/s, p99, ms"},
		{"g.ready", plateauFsync, false, true, 1000, "start over a million events, ms"},
		// 50,000 is the goal. The relay does so many alone; here Kafka and this program have the same two processors.
		{"g.rate", plateauFsync, false, false, 30_000, "waiting events delivered a second"},
		{"i.cpu", plateauNone, false, true, 1.4, "CPU time of a form, of that by tus"},
		{"i.cpu", plateauFsync, false, true, 1.4, "CPU time of a form, of that by tus"},
		{"h.rate", plateauNone, false, false, 0.97, "throughput while watched, of that without"},
		{"h.rate", plateauFsync, false, false, 0.97, "throughput while watched, of that without"},
		{"h.cpu", plateauNone, false, true, 1.03, "CPU time while watched, of that without"},
		{"h.cpu", plateauFsync, false, true, 1.03, "CPU time while watched, of that without"},
		{"g.rise", plateauFsync, false, true, maxRise, "rise over the second half of a drain, MB"},
	}
}

// peerOf is the server to whose figures those of ours are compared.
func peerOf(server string) string {
	if server == plateauS3 {
		return tusdS3
	}
	return tusd
}

// verdict is a floor and what was measured.
type verdict struct {
	floor
	value float64
	met   bool
}

// check compares the medians with the limits of all figures that were taken.
func check(all results, limits []floor) []verdict {
	var checked []verdict
	for _, f := range limits {
		values := all[f.key][f.server]
		if f.against {
			values = ratios(values, all[f.key][peerOf(f.server)])
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

// scenario is the letter that a key begins with, nothing if it has none.
func (f floor) scenario() string {
	letter, _, ok := strings.Cut(f.key, ".")
	if !ok {
		return ""
	}
	return letter
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
	lines := [][]string{{"", "server", "figure", "limit", "measured", ""}}
	for _, v := range checked {
		bound, word := "≥", "NOT met"
		if v.atMost {
			bound = "≤"
		}
		if v.met {
			word = "met"
		}
		lines = append(lines, []string{v.scenario(), v.server, v.what, fmt.Sprintf("%s %g", bound, v.limit), fmt.Sprintf("%.2f", v.value), word})
	}
	return markdown(lines)
}
