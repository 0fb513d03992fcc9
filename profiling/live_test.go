package profiling_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plateau/profiling"
)

// broadcast is a Live of a sampler, served.
type broadcast struct {
	*sampler
	url      string
	server   *httptest.Server
	stop     func() // ends Run, and returns when it has ended
	asked    atomic.Int32
	uploads  func() []profiling.UploadInFlight
	warnings func() []profiling.Warning
}

func serveLive(t testing.TB, change ...func(*broadcast)) *broadcast {
	t.Helper()
	b := &broadcast{
		sampler:  sample(t, 600),
		uploads:  func() []profiling.UploadInFlight { return nil },
		warnings: func() []profiling.Warning { return nil },
	}
	for _, f := range change {
		f(b)
	}
	l, err := profiling.NewLive(profiling.LiveOptions{
		History:  b.History,
		Uploads:  func() []profiling.UploadInFlight { b.asked.Add(1); return b.uploads() },
		Warnings: func() []profiling.Warning { return b.warnings() },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ran sync.WaitGroup
	ran.Go(func() { l.Run(ctx) })
	b.stop = func() { cancel(); ran.Wait() }
	t.Cleanup(b.stop)
	b.server = httptest.NewServer(l.Handler())
	t.Cleanup(b.server.Close)
	t.Cleanup(b.stop) // before the server, which waits for its clients
	b.url = b.server.URL
	return b
}

// listener is a page.
type listener struct {
	t     testing.TB
	leave func()
	resp  *http.Response
	lines *bufio.Scanner
}

type heard struct{ id, name, data string }

func (b *broadcast) listen(t testing.TB, query string, header ...string) *listener {
	t.Helper()
	ctx, leave := context.WithTimeout(context.Background(), patience)
	t.Cleanup(leave)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/api/live"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return &listener{t, leave, resp, lines}
}

// next returns the next event; its name is empty at the end.
func (l *listener) next() (e heard) {
	for l.lines.Scan() {
		field, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if e.name != "" {
				return e
			}
		}
	}
	return heard{}
}

// until returns the next event of a name.
func (l *listener) until(name string) heard {
	l.t.Helper()
	for {
		switch e := l.next(); e.name {
		case name:
			return e
		case "":
			l.t.Fatalf("the stream ended before %s: %v", name, l.lines.Err())
		}
	}
}

// rows returns the rows of the next event of them.
func (l *listener) rows() (rows [][]*float64) {
	l.t.Helper()
	e := l.until("rows")
	if err := json.Unmarshal([]byte(e.data), &rows); err != nil || len(rows) == 0 || e.id != fmt.Sprintf("%.0f", *rows[len(rows)-1][0]) {
		l.t.Fatalf("%v: %+v", err, e)
	}
	return rows
}

// tick takes a sample and waits until it is heard: of samples that come fast, several may be heard at once.
func (l *listener) tick(b *broadcast, at int) {
	l.t.Helper()
	b.tick(b.at(at), float64(at))
	for id := strconv.FormatInt(b.at(at).UnixMilli(), 10); l.until("rows").id != id; {
	}
}

func TestAllPagesHearTheSame(t *testing.T) {
	b := serveLive(t)
	b.tick(b.at(1), 1)
	var pages []*listener
	for range 5 {
		p := b.listen(t, "")
		if got := p.resp.Header; p.resp.StatusCode != http.StatusOK || got.Get("Content-Type") != "text/event-stream" || got.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s %v", p.resp.Status, got)
		}
		pages = append(pages, p)
	}
	for _, p := range pages { // wait till each has joined: what was sampled before comes first
		if e := p.until("rows"); !strings.Contains(e.data, ",0,null]") {
			t.Errorf("%+v", e)
		}
	}
	b.tick(b.at(2), 2)
	b.tick(b.at(3), 3)
	for i, p := range pages {
		for value, last := 0, 1; value < 3; {
			for _, row := range p.rows() { // those that were sampled while the page came may come twice
				value = int(*row[1])
				if value > last+1 || *row[0] != float64(b.at(value).UnixMilli()) {
					t.Errorf("page %d hears %d at %.0f after %d", i, value, *row[0], last)
				}
				last = max(last, value)
			}
		}
	}
}

// A page that comes again goes on from what it heard last.
func TestGapIsFilled(t *testing.T) {
	b := serveLive(t)
	for i := 1; i <= 300; i++ {
		b.tick(b.at(i), float64(i))
	}
	history := func(p *listener) (values []int) {
		for len(values) == 0 || values[len(values)-1] < 300 {
			for _, row := range p.rows() {
				values = append(values, int(*row[1]))
			}
		}
		return values
	}
	for name, p := range map[string]*listener{
		"Last-Event-ID": b.listen(t, "?since=0", "Last-Event-ID", strconv.FormatInt(b.at(20).UnixMilli(), 10)),
		"since":         b.listen(t, "?since="+strconv.FormatInt(b.at(20).UnixMilli(), 10)),
	} {
		if got := history(p); len(got) < 280 || got[0] != 21 || got[279] != 300 {
			t.Errorf("%s: %d rows, from %d", name, len(got), got[0])
		}
	}
	if p := b.listen(t, "?since=x"); p.resp.StatusCode != http.StatusBadRequest {
		t.Errorf("since x: %s", p.resp.Status)
	}
}

func TestUploadsAndWarnings(t *testing.T) {
	begin := time.UnixMilli(1_700_000_000_000)
	var level atomic.Value
	level.Store(profiling.LevelWarning)
	b := serveLive(t, func(b *broadcast) {
		b.uploads = func() (all []profiling.UploadInFlight) {
			for i := range 250 { // the youngest first
				all = append(all, profiling.UploadInFlight{
					ID: fmt.Sprintf("u%03d", 250-i), Owner: "a\nb", Client: "10.0.0.1", Offset: 5, Size: -1, Rate: 1234.56,
					Since: begin.Add(time.Duration(250-i) * time.Second),
				})
			}
			all[249].Rate = math.NaN()
			return all
		}
		b.warnings = func() []profiling.Warning {
			return []profiling.Warning{{level.Load().(profiling.Level), "The disk is nearly full."}}
		}
	})
	b.tick(b.at(1), 1)
	b.tick(b.at(2), 2)
	if n := b.asked.Load(); n != 0 {
		t.Errorf("uploads were asked for %d times while no page was open", n)
	}
	p, pace := b.listen(t, ""), b.listen(t, "")
	p.until("rows")
	pace.until("rows")
	b.tick(b.at(3), 3)
	var got struct {
		Total   int
		Uploads []map[string]any
	}
	if err := json.Unmarshal([]byte(p.until("uploads").data), &got); err != nil {
		t.Fatal(err)
	}
	if got.Total != 250 || len(got.Uploads) != 100 || got.Uploads[99]["id"] != "u100" {
		t.Errorf("%d of %d", len(got.Uploads), got.Total)
	}
	want := map[string]any{"id": "u001", "owner": "a\nb", "client": "10.0.0.1", "offset": 5.0, "size": -1.0, "rate": nil, "since": 1_700_000_001_000.0}
	if fmt.Sprint(got.Uploads[0]) != fmt.Sprint(want) || got.Uploads[1]["rate"] != 1235.0 {
		t.Errorf("%v\n%v", got.Uploads[0], want)
	}
	const text = `[{"level":%q,"text":"The disk is nearly full."}]`
	if e := p.until("warnings"); e.data != fmt.Sprintf(text, "warning") {
		t.Errorf("%s", e.data)
	}
	for i := range 6 { // the same warnings are not said again
		pace.tick(b, 4+i)
	}
	level.Store(profiling.LevelAlarm)
	pace.tick(b, 10)
	pace.tick(b, 11)
	if e := p.until("warnings"); e.data != fmt.Sprintf(text, "alarm") {
		t.Errorf("%s", e.data)
	}
}

func TestNothingToTell(t *testing.T) {
	b := serveLive(t)
	p := b.listen(t, "")
	p.until("rows")
	b.tick(b.at(1), 1)
	if e := p.until("uploads"); e.data != `{"total":0,"uploads":[]}` {
		t.Errorf("%s", e.data)
	}
	if e := p.until("warnings"); e.data != "[]" {
		t.Errorf("%s", e.data)
	}
}

func TestLiveMethodsAndPaths(t *testing.T) {
	b := serveLive(t)
	for _, path := range []string{"/api/live", "/api/history"} {
		if got := request(t, http.MethodPost, b.url+path, nil); got.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", path, got.status)
		}
	}
	if got := get(t, b.url+"/api/history"); got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("history: %d %v", got.status, got.header)
	}
	for _, path := range []string{"/api/", "/api/live/x", "/"} {
		if got := get(t, b.url+path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}

func TestLiveOptions(t *testing.T) {
	if _, err := profiling.NewLive(profiling.LiveOptions{Pages: -1}); err == nil || !strings.Contains(err.Error(), "History is nil") ||
		!strings.Contains(err.Error(), "Pages is negative") {
		t.Errorf("%v", err)
	}
}
