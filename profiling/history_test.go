package profiling_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"plateau/profiling"
)

// sampler runs a History whose samples are taken by hand. Its series are "value" and "unknown".
type sampler struct {
	*profiling.History
	ticks  chan time.Time
	values sync.Map // time: value
	begin  time.Time
}

// at is a time after that of the first sample.
func (s *sampler) at(seconds int) time.Time { return s.begin.Add(time.Duration(seconds) * time.Second) }

// sample runs a History that keeps so many samples. It has taken one, or is about to.
func sample(t testing.TB, keep int) *sampler {
	t.Helper()
	s := &sampler{ticks: make(chan time.Time), begin: time.Now().Add(time.Hour).Truncate(time.Second)}
	h, err := profiling.NewHistory(profiling.HistoryOptions{
		Series: []profiling.Series{{Name: "value", Read: s.read}, {Name: "unknown", Read: func(time.Time) float64 { return math.NaN() }}},
		Keep:   time.Duration(keep) * time.Second,
		Ticker: func(time.Duration) (<-chan time.Time, func()) { return s.ticks, func() {} },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.History = h
	ctx, stop := context.WithCancel(context.Background())
	var ran sync.WaitGroup
	ran.Go(func() { h.Run(ctx) })
	t.Cleanup(func() { stop(); ran.Wait() })
	return s
}

func (s *sampler) read(at time.Time) float64 {
	value, _ := s.values.LoadOrStore(at, 0.0)
	return value.(float64)
}

// tick begins to take a sample of a value.
func (s *sampler) tick(at time.Time, value float64) {
	s.values.Store(at, value)
	s.ticks <- at
}

type rows struct {
	Series []string     `json:"series"`
	Every  int64        `json:"every_ms"`
	Keep   int64        `json:"keep_ms"`
	Rows   [][]*float64 `json:"rows"`
}

func (r rows) String() string {
	var text strings.Builder
	for _, row := range r.Rows {
		fmt.Fprintf(&text, "%.0f:%v ", *row[0], *row[1])
	}
	return strings.TrimSpace(text.String())
}

func ask(t *testing.T, h http.Handler, query string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/history"+query, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}

func history(t *testing.T, h http.Handler, query string) rows {
	t.Helper()
	rec := ask(t, h, query)
	var got rows
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != http.StatusOK {
		t.Fatalf("%d %v: %.200s", rec.Code, err, rec.Body)
	}
	return got
}

// early is of a clock that was set far back: what was sampled before does not count.
func early(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)) }

func TestHistoryKeepsTheLastSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sample(t, 3)
		synctest.Wait()
		if got := history(t, s, ""); len(got.Rows) != 1 || *got.Rows[0][0] != float64(time.Now().UnixMilli()) {
			t.Errorf("the first sample is not taken at once: %v", got)
		}
		for i, want := range []string{
			"1000:0.5", "1000:0.5 2000:1.5", "1000:0.5 2000:1.5 3000:2.5", "2000:1.5 3000:2.5 4000:3.5", "3000:2.5 4000:3.5 5000:4.5",
		} {
			s.tick(early(float64(i+1)), float64(i)+0.5)
			synctest.Wait()
			if got := history(t, s, "").String(); got != want {
				t.Errorf("after %d: %s, want %s", i+1, got, want)
			}
		}
		got := history(t, s, "")
		if strings.Join(got.Series, " ") != "value unknown" || got.Every != 1000 || got.Keep != 3000 {
			t.Errorf("%+v", got)
		}
		for _, row := range got.Rows {
			if len(row) != 3 || row[2] != nil {
				t.Errorf("what is unknown is %v", row)
			}
		}
		for since, want := range map[string]string{
			"0": "3000:2.5 4000:3.5 5000:4.5", "2999": "3000:2.5 4000:3.5 5000:4.5", "3000": "4000:3.5 5000:4.5",
			"4999": "5000:4.5", "5000": "", "9000000000000": "", "-1": "3000:2.5 4000:3.5 5000:4.5",
		} {
			if got := history(t, s, "?since="+since).String(); got != want {
				t.Errorf("since %s: %s, want %s", since, got, want)
			}
		}
		for _, since := range []string{"x", "1e3", "99999999999999999999"} {
			if got := ask(t, s, "?since="+since); got.Code != http.StatusBadRequest {
				t.Errorf("since %s: %d", since, got.Code)
			}
		}
	})
}

// An answer of several pieces has every sample once, after the ring has turned.
func TestHistoryIsSentInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sample(t, 1000)
		for i := range 2500 {
			s.tick(early(float64(i)), float64(i))
		}
		synctest.Wait()
		got := history(t, s, "")
		if len(got.Rows) != 1000 {
			t.Fatalf("%d rows", len(got.Rows))
		}
		for i, row := range got.Rows {
			if *row[1] != float64(1500+i) {
				t.Fatalf("row %d is %v", i, *row[1])
			}
		}
	})
}

func TestClockThatIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sample(t, 10)
		for i, at := range []float64{100, 99, 41, 102, 42.002, 30, 31} {
			s.tick(early(at), float64(i))
		}
		synctest.Wait()
		if got := history(t, s, "").String(); got != "30000:5 31000:6" {
			t.Errorf("%s", got)
		}
		s.tick(early(29), 7)
		synctest.Wait()
		if got := history(t, s, "").String(); got != "30000:5 31000:6 31001:7" {
			t.Errorf("a little: %s", got)
		}
	})
}

func TestValuesOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sample(t, 10)
		for i, value := range []float64{0, 1, -1.5, 123456, 99999.9, 1.5 * (1 << 40), 1e-9, math.Inf(1), math.Inf(-1), math.MaxFloat64} {
			s.tick(early(float64(i)), value)
		}
		synctest.Wait()
		body := ask(t, s, "").Body.String()
		_, got, _ := strings.Cut(body, `"rows":`)
		const want = `[[0,0,null],[1000,1,null],[2000,-1.5,null],[3000,12346e1,null],[4000,1e+05,null],[5000,16493e8,null],` +
			"[6000,1e-09,null],[7000,null,null],[8000,null,null],[9000,null,null]]}\n"
		if got != want {
			t.Errorf("%s", got)
		}
	})
}

func TestHistoryOptions(t *testing.T) {
	read := func(time.Time) float64 { return 0 }
	one := []profiling.Series{{Name: "a", Read: read}}
	for want, o := range map[string]profiling.HistoryOptions{
		"no series":       {},
		"malformed":       {Series: []profiling.Series{{Name: "Not this", Read: read}}},
		"there twice":     {Series: append(one, one...)},
		"Read is nil":     {Series: []profiling.Series{{Name: "a"}}},
		"Every must be":   {Series: one, Every: time.Microsecond},
		"1 to 86400":      {Series: one, Every: time.Hour, Keep: time.Minute},
		"86400 times as ": {Series: one, Keep: 25 * time.Hour},
		"Every must":      {Series: one, Every: -1},
	} {
		if _, err := profiling.NewHistory(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestMeterSeries(t *testing.T) {
	m := profiling.NewMeter()
	defer func() { _ = m.Close() }()
	runtime.GC() // before the first one nothing is known to live
	var names []string
	for _, s := range m.Series() {
		names = append(names, s.Name)
		if value := s.Read(time.Now()); !(value > 0) {
			t.Errorf("%s: %v", s.Name, value)
		}
	}
	if got := strings.Join(names, " "); got != "resident_bytes heap_in_use_bytes heap_live_bytes heap_goal_bytes goroutines" {
		t.Errorf("%s", got)
	}
}

func TestRate(t *testing.T) {
	var total float64
	rate := profiling.Rate(func() float64 { return total })
	for i, c := range []struct{ at, total, want float64 }{
		{0, 1000, math.NaN()},
		{1, 1500, 500},
		{3, 1500, 0},
		{5, 3500, 1000},
		{5, 4000, math.NaN()}, // no time has passed
		{6, 100, math.NaN()},  // counted anew
		{6.5, 200, 200},
		{7, math.NaN(), math.NaN()},
		{8, 200, math.NaN()},
	} {
		total = c.total
		if got := rate(early(c.at)); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("step %d: %v, want %v", i, got, c.want)
		}
	}
}

// BenchmarkSample is what a second costs a server whose pages are all closed.
func BenchmarkSample(b *testing.B) {
	m := profiling.NewMeter()
	defer func() { _ = m.Close() }()
	finish := new(profiling.Latencies)
	gauge := func(time.Time) float64 { return 1 }
	ticks := make(chan time.Time)
	h, err := profiling.NewHistory(profiling.HistoryOptions{
		Series: append(append(m.Series(), finish.Series("finish")...), profiling.Series{Name: "a", Read: gauge},
			profiling.Series{Name: "b", Read: gauge}, profiling.Series{Name: "c", Read: profiling.Rate(func() float64 { return 1 })}),
		Ticker: func(time.Duration) (<-chan time.Time, func()) { return ticks, func() {} },
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	var ran sync.WaitGroup
	ran.Go(func() { h.Run(ctx) })
	defer func() { stop(); ran.Wait() }()
	b.ReportAllocs()
	at := time.Now()
	for b.Loop() {
		at = at.Add(time.Second)
		finish.Observe(time.Millisecond)
		ticks <- at
	}
}
