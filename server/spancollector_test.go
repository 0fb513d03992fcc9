package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"plateau/config"
	"plateau/server/tracing/tracingtest"
)

// collect returns a collector, and the setting that has spans sent to it.
func collect(t *testing.T) (*tracingtest.Collector, func(*config.Config)) {
	t.Helper()
	c := tracingtest.New()
	t.Cleanup(func() {
		c.Close()
		if err := c.Problems(); err != nil {
			t.Error(err)
		}
	})
	return c, func(cfg *config.Config) { cfg.OTelEndpoint = c.URL }
}

// only returns the one span that is right.
func only(t *testing.T, c *tracingtest.Collector, name string, right func(tracingtest.Span) bool) tracingtest.Span {
	t.Helper()
	found := slices.DeleteFunc(c.Named(name), func(s tracingtest.Span) bool { return !right(s) })
	if len(found) != 1 {
		t.Fatalf("%d spans %q, not one; all are\n%s", len(found), name, tree(c))
	}
	return found[0]
}

// tree is all spans, a line each.
func tree(c *tracingtest.Collector) string {
	var b strings.Builder
	for _, s := range c.Spans() {
		fmt.Fprintf(&b, "%s %s < %s %q links %v failed %v %v\n", s.Trace, s.ID, s.Parent, s.Name, s.Links, s.Failed, s.Attributes)
	}
	return b.String()
}

// of tells the spans of one upload.
func of(location string) func(tracingtest.Span) bool {
	return func(s tracingtest.Span) bool { return s.Attributes["plateau.upload.id"] == idOf(location) }
}

// below tells the children of a span.
func below(parent tracingtest.Span) func(tracingtest.Span) bool {
	return func(s tracingtest.Span) bool { return s.Trace == parent.Trace && s.Parent == parent.ID }
}

// traceparentOf is what is carried on from a span.
func traceparentOf(s tracingtest.Span) string { return "00-" + s.Trace + "-" + s.ID + "-01" }

// carried is the traceparent in an upload's record.
func (p *plateau) carried(location string) string {
	p.t.Helper()
	var info struct{ Storage map[string]string }
	if err := json.Unmarshal([]byte(p.data(idOf(location)+".info")), &info); err != nil {
		p.t.Fatal(err)
	}
	return info.Storage["Trace"]
}

const (
	clientTrace = "0af7651916cd43dd8448eb211c80319c"
	clientSpan  = "b7ad6b7169203331"
	patchTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
)
