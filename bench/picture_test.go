package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func someChart() chart {
	return chart{
		title: "Memory & <more>", subtitle: "two lines", across: "uploads", up: "MB",
		lines: []line{
			{"first", "90 MB", []float64{0, 500, 1000}, []float64{10, 50, 90}, look{"#d55e00", 3, false}},
			{"a \"second\"", "11 MB", []float64{0, 1000}, []float64{10, 11}, look{"#0072b2", 2, true}},
			{"third", "10 MB", []float64{0, 400}, []float64{10, 10}, look{"#59636e", 2, false}},
		},
	}
}

func TestPictureIsSoundXML(t *testing.T) {
	drawn := someChart().svg()
	d := xml.NewDecoder(strings.NewReader(drawn))
	d.Strict = true
	var words []string
	paths := map[string]int{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.CharData:
			words = append(words, strings.TrimSpace(string(token)))
		case xml.StartElement:
			for _, a := range token.Attr {
				if a.Name.Local == "stroke" {
					paths[a.Value]++
				}
			}
		}
	}
	for _, want := range []string{"Memory & <more>", "two lines", "uploads", "MB", "first", `a "second"`, "third", "90 MB", "0", "80", "1,000"} {
		if !slices.Contains(words, want) {
			t.Errorf("it doesn't say %q: %q", want, words)
		}
	}
	for _, colour := range []string{"#d55e00", "#0072b2", "#59636e"} {
		if paths[colour] != 2 { // the line, and the sample beside its name
			t.Errorf("%d strokes of %s", paths[colour], colour)
		}
	}
	if strings.Count(drawn, "stroke-dasharray") != 2 || strings.Count(drawn, "<circle") != 1 {
		t.Error("one line is dashed and one ends early, which isn't to be seen")
	}
	if drawn != someChart().svg() {
		t.Error("the same chart gave another picture")
	}
}

func TestPictureStaysInItsFrame(t *testing.T) {
	drawn := someChart().svg()
	first := regexp.MustCompile(`<path d="(M[^"]*L[^"]*)" fill="none" stroke="#d55e00"`).FindStringSubmatch(drawn)
	if first == nil {
		t.Fatal("the first line is missing")
	}
	var got []string
	for point := range strings.FieldsFuncSeq(first[1], func(r rune) bool { return r == 'M' || r == 'L' }) {
		got = append(got, point)
		var x, y float64
		if _, err := fmt.Sscan(point, &x, &y); err != nil {
			t.Fatal(err)
		}
		if x < plotLeft || x > plotRight || y < plotTop || y > plotFloor {
			t.Errorf("%s is outside", point)
		}
	}
	// 1,000 uploads at the right edge, the largest value a little below the top.
	if len(got) != 3 || !strings.HasPrefix(got[0], "68.0 ") || !strings.HasPrefix(got[2], "668.0 103.") {
		t.Errorf("the points are %q", got)
	}
}

func TestNamesDontOverlap(t *testing.T) {
	for _, test := range []struct{ places, want []float64 }{
		{[]float64{10, 50, 90}, []float64{10, 50, 90}},
		{[]float64{90, 89, 88}, []float64{90, 80, 70}},
		{[]float64{100, 100, 50}, []float64{100, 90, 50}},
		{[]float64{3, 2, 1}, []float64{20, 10, 0}},
		{nil, nil},
	} {
		if got := spreadOut(test.places, 10, 0, 100); !slices.Equal(got, test.want) {
			t.Errorf("%g: %g, want %g", test.places, got, test.want)
		}
	}
}

func TestTicks(t *testing.T) {
	for most, want := range map[float64]string{
		8_000: "0 1000 2000 3000 4000 5000 6000 7000 8000", 92: "0 20 40 60 80", 1: "0 0.2 0.4 0.6 0.8 1", 950: "0 200 400 600 800",
		300: "0 50 100 150 200 250 300",
	} {
		var got []string
		for _, tick := range (scale{most}).ticks() {
			got = append(got, strconv.FormatFloat(tick, 'g', 4, 64))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("to %g: %s, want %s", most, got, want)
		}
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 32104: "32,104", 1234567: "1,234,567", 0.2: "0.2", 1234.5: "1,234.5"} {
		if got := thousands(v); got != want {
			t.Errorf("%g: %s, want %s", v, got, want)
		}
	}
}
