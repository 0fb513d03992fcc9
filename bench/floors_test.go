package main

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestCheckComparesMediansOfPairedRatios(t *testing.T) {
	all := results{}
	for _, round := range []struct{ tusd, none, fsync float64 }{{100, 200, 80}, {50, 100, 46}, {1000, 1000, 1000}} {
		all.add(tusd, figures{"d.16": round.tusd})
		all.add(plateauNone, figures{"d.16": round.none})
		all.add(plateauFsync, figures{"d.16": round.fsync})
	}
	all.add(plateauNone, figures{"a.end": 37, "a.rise": -3})
	checked := check(all, floors())
	got := map[string]bool{}
	for _, v := range checked {
		got[v.key+" "+v.server] = v.met
	}
	want := map[string]bool{
		"d.16 plateau none": true, "d.16 plateau finish": true, "a.end plateau none": false, "a.rise plateau none": true,
	}
	if len(got) != len(want) || len(checked) != len(want) {
		t.Errorf("checked %v, want %v", got, want)
	}
	for key, met := range want {
		if got[key] != met {
			t.Errorf("%s: met is %t, want %t", key, got[key], met)
		}
	}
	if allMet(checked) || !strings.Contains(verdicts(checked), "NOT met") {
		t.Error("a floor that is not met went unnoticed")
	}
}

func TestCheckComparesServersOnS3(t *testing.T) {
	all := results{}
	all.add(tusd, figures{"k.create": 1000})
	all.add(tusdS3, figures{"k.create": 100, "l.create": 4})
	all.add(plateauS3, figures{"k.create": 150, "l.create": 2})
	for short, want := range map[bool][]bool{true: {true, true}, false: {false, true}} {
		var got []bool
		for _, v := range check(all, floorsOnS3(short)) {
			got = append(got, v.met)
		}
		if !slices.Equal(got, want) {
			t.Errorf("short %t: %v, want %v", short, got, want)
		}
	}
}

func TestAFigureThatIsNotANumberMeetsNoFloor(t *testing.T) {
	all := results{}
	all.add(plateauNone, figures{"a.rise": math.NaN()})
	if checked := check(all, floors()); len(checked) != 1 || allMet(checked) {
		t.Errorf("checked %+v", checked)
	}
}

func TestEveryFloorHasARowInTheTable(t *testing.T) {
	for _, f := range slices.Concat(floors(), floorsOnS3(false), floorsOfGuards(false)) {
		if !slices.ContainsFunc(rows(), func(r row) bool { return r.key == f.key }) {
			t.Errorf("no row for %s", f.key)
		}
	}
}

func TestOrderIsReversedEverySecondRound(t *testing.T) {
	b := &bench{servers: []server{{name: tusd}, {name: plateauNone}, {name: plateauFsync}}}
	for round, want := range [][]string{{tusd, plateauFsync}, {plateauFsync, tusd}, {tusd, plateauFsync}} {
		var got []string
		for _, s := range b.order(scenario{servers: []string{tusd, plateauFsync}}, round) {
			got = append(got, s.name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("round %d: %v, want %v", round, got, want)
		}
	}
}
