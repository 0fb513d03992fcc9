package profiling

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// SinceStart asks [Captures.Grew] for the first capture of all.
const SinceStart = time.Duration(math.MaxInt64)

// ErrNoCapture says that nothing was captured yet that now could be compared with.
var ErrNoCapture = errors.New("no earlier capture has been taken yet")

// Growth says by how much a function has grown: what it has allocated and is still in use, and the goroutines that are in it.
// What shrank is negative.
//
// The function is the nearest of our own in the stack, else the nearest that is not of the standard library, else
// [StandardLibrary]. A goroutine's stack does not reach back to who started it: where none of our own is in it, Route is its
// pprof label "route", if it has one.
type Growth struct {
	Function   string `json:"function"`       // with its package's import path
	File       string `json:"file,omitempty"` // where most of it grew, as the compiler knew it
	Line       int    `json:"line,omitempty"`
	Own        bool   `json:"own"`
	Route      string `json:"route,omitempty"`
	Bytes      int64  `json:"bytes"`
	Objects    int64  `json:"objects"`
	Goroutines int64  `json:"goroutines"`
}

// String is for a log line.
func (g Growth) String() string {
	name := g.Function
	if g.Route != "" {
		name += " (" + g.Route + ")"
	}
	var parts []string
	if g.Bytes != 0 {
		parts = append(parts, signed(g.Bytes, size))
	}
	if g.Objects != 0 {
		parts = append(parts, signed(g.Objects, count)+" objects")
	}
	if g.Goroutines != 0 {
		parts = append(parts, signed(g.Goroutines, count)+" goroutines")
	}
	return name + " " + cmp.Or(strings.Join(parts, ", "), "±0")
}

func (g Growth) nameless() bool { return g.Function == StandardLibrary && g.Route == "" }

// Column is one of the figures of [Growth].
type Column string

// The columns.
const (
	ByBytes      Column = "bytes"
	ByObjects    Column = "objects"
	ByGoroutines Column = "goroutines"
)

func (c Column) of(g Growth) int64 {
	switch c {
	case ByObjects:
		return g.Objects
	case ByGoroutines:
		return g.Goroutines
	default:
		return g.Bytes
	}
}

// ownShare is the part of the greatest growth from which on a function of our own comes before those of libraries.
const ownShare = 10

// Sort puts what grew most by a column first. Functions of our own that grew by a tenth of the greatest growth or more come before
// all others: what our code makes a library allocate in goroutines of its own is blamed on the library, often in a dozen places,
// and the one place that can be changed would be lost among them. What names nobody, [StandardLibrary] without a route, is last:
// it may be most of all and would only be in the way.
func Sort(rows []Growth, by Column) {
	var most int64
	for _, g := range rows {
		if !g.nameless() {
			most = max(most, by.of(g))
		}
	}
	place := func(g Growth) int {
		switch {
		case g.Own && by.of(g) > 0 && by.of(g) >= most/ownShare:
			return 0
		case !g.nameless():
			return 1
		}
		return 2
	}
	slices.SortFunc(rows, func(a, b Growth) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), by.compare(a, b))
	})
}

// compare orders by a column, the greatest growth first.
func (c Column) compare(a, b Growth) int {
	return cmp.Or(
		cmp.Compare(c.of(b), c.of(a)), cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Goroutines, a.Goroutines),
		cmp.Compare(a.Function, b.Function), cmp.Compare(a.Route, b.Route))
}

// Comparison is what has grown from one capture to another.
type Comparison struct {
	Old, Now *Capture
	Rows     []Growth // sorted by bytes; a function that neither grew nor shrank is not among them
	Total    Growth   // Function is empty
	// GoroutinesBlamed is false if one of the captures has too many goroutines to walk: then no row has any, but Total has.
	GoroutinesBlamed bool
}

// Since is the time between the captures.
func (c *Comparison) Since() time.Duration { return c.Now.At.Sub(c.Old.At) }

// Top returns up to n rows that grew, in the order of [Sort]. c is not changed.
func (c *Comparison) Top(n int, by Column) []Growth {
	rows := c.grown(by)
	Sort(rows, by)
	return rows[:min(n, len(rows))]
}

// Growers says for a log line which functions grew most: the first n by each column, each once.
func (c *Comparison) Growers(n int) []string {
	var all []string
	for _, by := range []Column{ByBytes, ByObjects, ByGoroutines} {
		for _, g := range c.Top(n, by) {
			if said := g.String(); !slices.Contains(all, said) {
				all = append(all, said)
			}
		}
	}
	return all
}

// grown returns the rows that grew, in no order.
func (c *Comparison) grown(by Column) []Growth {
	return slices.DeleteFunc(slices.Clone(c.Rows), func(g Growth) bool { return by.of(g) <= 0 })
}

// Grew takes a capture and compares it with the one that was taken so long ago, or nearest to that; [SinceStart]: the first.
// One comparison is made at a time, others wait until ctx ends. The error is ErrNoCapture, that of ctx, or of a profile that
// could not be made or read.
func (c *Captures) Grew(ctx context.Context, since time.Duration) (*Comparison, error) {
	select {
	case c.comparing <- struct{}{}:
		defer func() { <-c.comparing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for another comparison: %w", context.Cause(ctx))
	}
	old := c.before(c.opts.Now(), since)
	if old == nil {
		return nil, ErrNoCapture
	}
	now, err := c.Take(ctx)
	if err != nil {
		return nil, err
	}
	return Compare(old, now, c.opts.Module)
}

// Compare says what has grown from one capture to another. Functions of the module, or of a main package, are our own.
func Compare(old, now *Capture, module string) (*Comparison, error) {
	c := &Comparison{Old: old, Now: now, GoroutinesBlamed: old.Goroutine != nil && now.Goroutine != nil}
	b := blame{module: module, sums: map[blamed]*sum{}}
	for _, part := range []struct {
		what string
		data []byte
		add  func([]byte, int64) error
		sign int64
	}{
		{"earlier heap", old.Heap, b.heap, -1},
		{"present heap", now.Heap, b.heap, 1},
		{"earlier goroutine", old.Goroutine, b.goroutines, -1},
		{"present goroutine", now.Goroutine, b.goroutines, 1},
	} {
		if part.data == nil || !c.GoroutinesBlamed && strings.HasSuffix(part.what, "goroutine") {
			continue
		}
		if err := part.add(part.data, part.sign); err != nil {
			return nil, fmt.Errorf("reading the %s profile: %w", part.what, err)
		}
	}
	c.Rows = b.rows()
	Sort(c.Rows, ByBytes)
	for _, r := range c.Rows {
		c.Total.Bytes += r.Bytes
		c.Total.Objects += r.Objects
	}
	c.Total.Goroutines = int64(now.Goroutines - old.Goroutines)
	return c, nil
}
