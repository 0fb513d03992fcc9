package profiling

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	defaultReach = 10 * time.Minute
	maxRows      = 100 // of the page; JSON has all
)

// growths serves what has grown.
type growths struct {
	captures *Captures // nil: none are kept
	pages    *pages
	turns    *Turns
}

func (g *growths) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	query := req.URL.Query()
	since, err := reach(query)
	if err != nil {
		refuse(w, err)
		return
	}
	by := Column(query.Get("sort"))
	switch by {
	case "":
		by = ByBytes
	case ByBytes, ByObjects, ByGoroutines:
	default:
		refuse(w, &refusal{status: http.StatusBadRequest, why: "sort must be bytes, objects or goroutines"})
		return
	}
	if g.captures == nil {
		g.pages.notice(w, http.StatusNotFound, notice{Title: "What has grown is not known", Text: "This server keeps no captures of its memory."})
		return
	}
	done, err := g.turns.waitShortly(req.Context(), "grew")
	if err != nil {
		refuse(w, err)
		return
	}
	c, err := g.captures.Grew(req.Context(), since)
	done()
	switch {
	case errors.Is(err, ErrNoCapture):
		w.Header().Set("Retry-After", "60")
		g.pages.notice(w, http.StatusServiceUnavailable, notice{
			Title: "What has grown is not known yet", Text: "Now is compared with an earlier capture, and none has been taken yet.",
			Links: []link{{"?" + req.URL.RawQuery, "try again", ""}},
		})
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError) // has no effect on a client that has left
		return
	}
	Sort(c.Rows, by)
	if query.Get("format") == "json" {
		writeJSON(w, c)
		return
	}
	page := newGrowthPage(c, by, query)
	g.pages.show(w, http.StatusOK, page.Nonce, "growth", page)
}

// reach reads how far back an address asks to look: ?minutes=, ?since=start, or 10 minutes.
func reach(query url.Values) (time.Duration, error) {
	if text := query.Get("since"); text != "" {
		if text != "start" {
			return 0, &refusal{status: http.StatusBadRequest, why: "since must be start; else give minutes"}
		}
		return SinceStart, nil
	}
	text := query.Get("minutes")
	if text == "" {
		return defaultReach, nil
	}
	minutes, err := strconv.ParseFloat(text, 64)
	if err != nil || !(minutes > 0 && minutes <= 1e6) {
		return 0, &refusal{status: http.StatusBadRequest, why: "minutes must be a number above 0"}
	}
	return time.Duration(minutes * float64(time.Minute)), nil
}

func writeJSON(w http.ResponseWriter, c *Comparison) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	rows := c.Rows
	if rows == nil {
		rows = []Growth{}
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	_ = out.Encode(map[string]any{ // a client that has left needs none
		"from": c.Old.At, "to": c.Now.At, "collected": c.Now.Collected, "summary": c.heading() + " " + c.objectsHeading() + " " + c.goroutinesHeading(),
		"bytes": c.Total.Bytes, "objects": c.Total.Objects, "goroutines": c.Total.Goroutines,
		"goroutinesBlamed": c.GoroutinesBlamed, "growth": rows,
	})
}

// growthPage is what the page's template shows.
type growthPage struct {
	Nonce                        string
	Heading, Objects, Goroutines string
	Total                        Growth
	Collected                    string // how long ago; empty: just now
	Blamed                       bool   // goroutines
	Columns, Reaches             []choice
	Flames                       []link
	Rows                         []growthRow
	Left                         int // rows that are not shown
	JSON                         string
}

type choice struct {
	To, Name string
	Chosen   bool
}

type growthRow struct {
	Growth
	Place string // import path, file and line
}

func newGrowthPage(c *Comparison, by Column, query url.Values) growthPage {
	at := url.Values{}
	for _, name := range []string{"minutes", "since"} {
		if query.Has(name) {
			at.Set(name, query.Get(name))
		}
	}
	if len(at) == 0 {
		at.Set("minutes", strconv.Itoa(int(defaultReach/time.Minute)))
	}
	with := func(name, value string) string {
		q := url.Values{}
		for n := range at {
			q.Set(n, at.Get(n))
		}
		q.Set(name, value)
		return "?" + q.Encode()
	}
	p := growthPage{
		Nonce: rand.Text(), Heading: c.heading(), Objects: c.objectsHeading(), Goroutines: c.goroutinesHeading(), Total: c.Total,
		Blamed: c.GoroutinesBlamed, JSON: with("format", "json"),
		Flames: []link{{"flame/heap?" + at.Encode(), "heap", ""}, {"flame/goroutine?" + at.Encode(), "goroutines", ""}},
	}
	if ago := c.Now.At.Sub(c.Now.Collected); ago >= time.Second && !c.Now.Collected.IsZero() {
		p.Collected = lasting(ago)
	}
	for _, column := range []Column{ByBytes, ByObjects, ByGoroutines} {
		p.Columns = append(p.Columns, choice{with("sort", string(column)), string(column), column == by})
	}
	for _, minutes := range []string{"1", "5", "10", "15", "60"} {
		p.Reaches = append(p.Reaches, choice{"?minutes=" + minutes + "&sort=" + string(by), minutes + " min", at.Get("minutes") == minutes})
	}
	p.Reaches = append(p.Reaches, choice{"?since=start&sort=" + string(by), "since start", at.Has("since")})
	for _, g := range c.Rows[:min(maxRows, len(c.Rows))] {
		p.Rows = append(p.Rows, growthRow{g, whereabouts(g)})
	}
	p.Left = len(c.Rows) - len(p.Rows)
	return p
}

// whereabouts writes where a function is, by its package instead of the folder that it was compiled in.
func whereabouts(g Growth) string {
	if g.File == "" {
		return ""
	}
	return path.Join(packageOf(g.Function), path.Base(g.File)) + ":" + strconv.Itoa(g.Line)
}

// packageOf is the import path of a function's package.
func packageOf(function string) string {
	function, _, _ = strings.Cut(function, "[") // type arguments have paths of their own
	folder, name := path.Split(function)
	name, _, _ = strings.Cut(name, ".")
	return strings.ReplaceAll(folder+name, "%2e", ".")
}
