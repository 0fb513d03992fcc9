package profiling_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"plateau/profiling"
)

// stack is a sample of a profile made by hand: functions from the innermost outward.
type stack struct {
	calls  []string
	route  string
	values []int64
}

// made writes a profile. Each function has a file and line of its own.
func made(t *testing.T, types []string, stacks []stack) []byte {
	t.Helper()
	p := &profile.Profile{}
	for _, name := range types {
		p.SampleType = append(p.SampleType, &profile.ValueType{Type: name, Unit: "count"})
	}
	locations := map[string]*profile.Location{}
	for _, s := range stacks {
		sample := &profile.Sample{Value: s.values}
		if s.route != "" {
			sample.Label = map[string][]string{"route": {s.route}}
		}
		for _, name := range s.calls {
			if locations[name] == nil {
				id := uint64(len(locations) + 1)
				f := &profile.Function{ID: id, Name: name, Filename: "/build/" + name + ".go"}
				l := &profile.Location{ID: id, Line: []profile.Line{{Function: f, Line: int64(id)}}}
				p.Function, p.Location = append(p.Function, f), append(p.Location, l)
				locations[name] = l
			}
			sample.Location = append(sample.Location, locations[name])
		}
		p.Sample = append(p.Sample, sample)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func at(t *testing.T, minute int, heap, goroutines []stack) *profiling.Capture {
	t.Helper()
	c := &profiling.Capture{
		At:        time.Date(2026, 11, 29, 12, minute, 0, 0, time.UTC),
		Heap:      made(t, []string{"alloc_objects", "alloc_space", "inuse_objects", "inuse_space"}, heap),
		Goroutine: made(t, []string{"goroutine"}, goroutines),
	}
	for _, g := range goroutines {
		c.Goroutines += int(g.values[0])
	}
	return c
}

func held(objects, bytes int64, calls ...string) stack {
	return stack{calls: calls, values: []int64{objects * 9, bytes * 9, objects, bytes}}
}

func TestWhoIsBlamed(t *testing.T) {
	const (
		conn  = "github.com/segmentio/kafka-go.(*conn).run"
		read  = "plateau/server.(*body).Read"
		flush = "plateau/hooks.(*Kafka).send.func1"
	)
	old := at(t, 0, []stack{
		held(10, 1000, "bytes.growSlice", read, "plateau/server.(*Server).patch", "net/http.(*conn).serve"),
		held(1, 70_000, "bufio.NewReader", "net/http.(*conn).serve"),
		held(4, 400, "plateau/store/disk.open"),
		held(3, 30, "github.com/labstack/echo/v5.(*Echo).Start", "main.main"),
		held(5, 55, "plateau/server.steady"),
	}, []stack{
		{calls: []string{"runtime.gopark", conn}, values: []int64{2}},
		{calls: []string{"runtime.gopark", flush}, values: []int64{50}},
	})
	now := at(t, 10, []stack{
		held(30, 3000, "bytes.growSlice", read, "plateau/server.(*Server).patch", "net/http.(*conn).serve"),
		held(9, 900, "io.ReadAll", read),
		held(2, 9_000_000, "bufio.NewReader", "net/http.(*conn).serve"),
		held(1, 100, "plateau/store/disk.open"),
		held(4, 40, "github.com/labstack/echo/v5.(*Echo).Start", "main.main"),
		held(7, 700, "gopkg.in/yaml%2ev3.Marshal", "fmt.Fprint"),
		held(6, 66, "slices.Sort[go.shape.github.com/x/y.T]", "plateauish/x.f"),
		held(1, 1_000_000, "compress/flate.NewWriter", "runtime/pprof.(*Profile).WriteTo", "plateau/profiling.snapshot"),
		held(5, 55, "plateau/server.steady"),
	}, []stack{
		{calls: []string{"runtime.gopark", conn}, values: []int64{1000}},
		{calls: []string{"runtime.gopark", conn}, route: "POST /upload", values: []int64{40}},
		{calls: []string{"runtime.gopark", "time.Sleep"}, route: "PATCH /files/", values: []int64{7}},
		{calls: []string{"runtime.gopark", flush}, route: "ignored where our own function tells", values: []int64{20}},
		{calls: []string{"runtime/pprof.writeGoroutine", "runtime/pprof.(*Profile).WriteTo", "plateau/profiling.snapshot"}, values: []int64{1}},
	})
	grew, err := profiling.Compare(old, now, "plateau")
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		function, route            string
		own                        bool
		bytes, objects, goroutines int64
	}
	want := []row{
		{read, "", true, 2900, 29, 0},
		{"gopkg.in/yaml%2ev3.Marshal", "", false, 700, 7, 0},
		{"main.main", "", true, 10, 1, 0},
		{conn, "", false, 0, 0, 998},
		{conn, "POST /upload", false, 0, 0, 40},
		{profiling.StandardLibrary, "PATCH /files/", false, 0, 0, 7},
		{flush, "", true, 0, 0, -30},
		{"plateau/store/disk.open", "", true, -300, -3, 0},
		{profiling.StandardLibrary, "", false, 8_930_066, 7, 0}, // most of all, and in nobody's way
	}
	var got []row
	for _, g := range grew.Rows {
		got = append(got, row{g.Function, g.Route, g.Own, g.Bytes, g.Objects, g.Goroutines})
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	if grew.Rows[0].File != "/build/"+read+".go" || grew.Rows[0].Line == 0 {
		t.Errorf("where: %s:%d", grew.Rows[0].File, grew.Rows[0].Line)
	}
	if total := grew.Total; total.Bytes != 2900+700+10-300+8_930_066 || total.Goroutines != int64(now.Goroutines-old.Goroutines) {
		t.Errorf("together %+v", total)
	}
	if top := grew.Top(2, profiling.ByGoroutines); len(top) != 2 || top[0].Function != conn || top[1].Route != "POST /upload" {
		t.Errorf("by goroutines: %v", top)
	}
	if top := grew.Top(1, profiling.ByObjects); len(top) != 1 || top[0].String() != read+" +2.9 KB, +29 objects" {
		t.Errorf("by objects: %v", top)
	}
	// The other way round everything has the other sign.
	back, err := profiling.Compare(now, old, "plateau")
	if err != nil {
		t.Fatal(err)
	}
	if top := back.Top(1, profiling.ByBytes); len(top) != 1 || top[0].Function != "plateau/store/disk.open" || back.Total.Bytes != -grew.Total.Bytes {
		t.Errorf("backwards: %v, %+v", top, back.Total)
	}
}

// TestOurOwnComeFirst: what a library allocates in goroutines of its own names the library. A function of ours that grew too, by a tenth of
// that at least, comes before it, one that hardly grew does not, and whoever reads the heading hears who really grew most.
func TestOurOwnComeFirst(t *testing.T) {
	const opens, library = "plateau/hooks.(*Kafka).open", "github.com/segmentio/kafka-go"
	old := at(t, 0, nil, nil)
	now := at(t, 10, []stack{
		held(50, 11_000_000, library+"/protocol.NewConn", library+".(*connGroup).connect"),
		held(9, 5_000_000, library+".makeLayout"),
		held(40, 1_200_000, library+".NewWriter", opens),
		held(4, 1_099_999, "plateau/store/disk.(*blockPool).get"),
		held(99, 80_000_000, "bufio.NewReader"),
	}, []stack{
		{calls: []string{library + ".(*conn).run"}, values: []int64{400}},
		{calls: []string{"plateau/server.run"}, values: []int64{1}},
	})
	grew, err := profiling.Compare(old, now, "plateau")
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[profiling.Column][]string{
		profiling.ByBytes: {
			opens, library + "/protocol.NewConn", library + ".makeLayout", "plateau/store/disk.(*blockPool).get", profiling.StandardLibrary,
		},
		profiling.ByObjects:    {opens, library + "/protocol.NewConn", library + ".makeLayout"},
		profiling.ByGoroutines: {library + ".(*conn).run", "plateau/server.run"},
	} {
		var got []string
		for _, g := range grew.Top(len(want), column) {
			got = append(got, g.Function)
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %s: %v, want %v", column, got, want)
		}
	}
	if got, want := grew.Growers(1), []string{opens + " +1.2 MB, +40 objects", library + ".(*conn).run +400 goroutines"}; !slices.Equal(got, want) {
		t.Errorf("the growers are %q, want %q", got, want)
	}
}

func TestAProfileThatIsNone(t *testing.T) {
	good := at(t, 0, []stack{held(1, 1, "main.main")}, []stack{{calls: []string{"main.main"}, values: []int64{1}}})
	for name, bad := range map[string]*profiling.Capture{
		"heap":       {Heap: []byte("x"), Goroutine: good.Goroutine},
		"swapped":    {Heap: good.Goroutine, Goroutine: good.Heap},
		"goroutines": {Heap: good.Heap, Goroutine: []byte("x")},
	} {
		if _, err := profiling.Compare(good, bad, "plateau"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestGrowersAreNamedOnce(t *testing.T) {
	c := &profiling.Comparison{Rows: []profiling.Growth{
		{Function: "both", Bytes: 3000, Goroutines: 20},
		{Function: "bytes", Bytes: 2000},
		{Function: "little", Bytes: 1000},
		{Function: "goroutines", Goroutines: 10},
		{Function: "shrunk", Bytes: -5000, Goroutines: -50},
	}}
	want := []string{"both +3.0 KB, +20 goroutines", "bytes +2.0 KB", "goroutines +10 goroutines"}
	if got := c.Growers(2); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := (&profiling.Comparison{}).Growers(3); len(got) != 0 {
		t.Errorf("nothing grew: %q", got)
	}
}
