package profiling

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{
		0: "±0", 1: "+1 bytes", 999: "+999 bytes", 1000: "+1.0 KB", 9_949: "+9.9 KB", 9_960: "+10 KB", 999_499: "+999 KB",
		999_500: "+1.0 MB", -11_400_000: "−11 MB", 3_000_000_000: "+3.0 GB", 5e15: "+5000 TB",
	} {
		if got := signed(n, size); got != want {
			t.Errorf("%d bytes: %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{7: "+7", 999: "+999", 1000: "+1,000", -1234567: "−1,234,567"} {
		if got := signed(n, count); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0 seconds", time.Second: "1 second", 54 * time.Second: "54 seconds", 62 * time.Second: "1 minute", 95 * time.Second: "2 minutes",
		10*time.Minute + 20*time.Second: "10 minutes", 3 * time.Hour: "3 hours", 72 * time.Hour: "3 days",
	} {
		if got := lasting(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

func TestHeadings(t *testing.T) {
	start := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	c := &Comparison{Old: &Capture{At: start}, Now: &Capture{At: start.Add(10 * time.Minute)}, GoroutinesBlamed: true}
	for want, rows := range map[string][]Growth{
		"In the last 10 minutes live heap stayed the same. The number of goroutines stayed the same.": nil,
		"In the last 10 minutes live heap grew by 12 MB; most by plateau/server.(*X).y, +11 MB. The number of goroutines stayed the same.": {
			{Function: "plateau/server.(*X).y", Own: true, Bytes: 11e6}, {Function: "a.b/c.d", Bytes: 1e6},
		},
		"In the last 10 minutes live heap grew by 23 MB; most by a.b/c.d, +22 MB; of our own functions, most by plateau/x.y, +1.0 MB. " +
			"The number of goroutines grew by 3,995; most by a.b/c.d (POST /upload), +4,000.": {
			{Function: "plateau/x.y", Own: true, Bytes: 1e6, Goroutines: -5},
			{Function: "a.b/c.d", Bytes: 22e6},
			{Function: "a.b/c.d", Route: "POST /upload", Goroutines: 4000},
		},
		"In the last 10 minutes live heap shrank by 2.0 MB; most growth by x/y.z, +1.0 MB. The number of goroutines shrank by 7.": {
			{Function: "x/y.z", Bytes: 1e6}, {Function: "plateau/x.y", Own: true, Bytes: -3e6, Goroutines: -7},
		},
		"In the last 10 minutes live heap grew by 5.0 KB. The number of goroutines stayed the same.": {{Function: StandardLibrary, Bytes: 5000}},
	} {
		c.Rows, c.Total = rows, Growth{}
		for _, g := range rows {
			c.Total.Bytes += g.Bytes
			c.Total.Goroutines += g.Goroutines
		}
		if got := c.heading() + " " + c.goroutinesHeading(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	c.Now.At = start.Add(62 * time.Second)
	if got := c.heading(); !strings.HasPrefix(got, "In the last minute ") {
		t.Error(got)
	}
}

func TestWhereAFunctionIs(t *testing.T) {
	for function, want := range map[string]string{
		"plateau/server.(*body).Read":                        "plateau/server/body.go:7",
		"gopkg.in/yaml%2ev3.Marshal":                         "gopkg.in/yaml.v3/body.go:7",
		"main.main.func1":                                    "main/body.go:7",
		"slices.Sort[go.shape.github.com/x/y.T]":             "slices/body.go:7",
		"github.com/vbauerster/mpb/v8.(*Progress).serve":     "github.com/vbauerster/mpb/v8/body.go:7",
		"plateau/store/disk.(*Store[...]).NewUpload.func2.1": "plateau/store/disk/body.go:7",
	} {
		if got := whereabouts(Growth{Function: function, File: "/build/x/body.go", Line: 7}); got != want {
			t.Errorf("%s: %s, want %s", function, got, want)
		}
	}
	if got := whereabouts(Growth{Function: StandardLibrary}); got != "" {
		t.Error(got)
	}
}

// TestAPageOfManyRows: the page has the first hundred and says how many more there are.
func TestAPageOfManyRows(t *testing.T) {
	c := &Comparison{Old: &Capture{}, Now: &Capture{}}
	for i := range 130 {
		c.Rows = append(c.Rows, Growth{Function: "<script>", Bytes: int64(i) + 1})
	}
	page := newGrowthPage(c, ByObjects, url.Values{"since": {"start"}})
	var b strings.Builder
	if err := newPages().templates.ExecuteTemplate(&b, "growth", page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"30 more functions changed less", "&lt;script&gt;", "?since=start&amp;sort=bytes", "flame/heap?since=start"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := strings.Count(b.String(), "<tr>"); n != 100+2 {
		t.Errorf("%d rows", n)
	}
}
