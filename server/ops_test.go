package server_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"plateau/config"
	"plateau/server/policy"
)

// series are the metrics that a server shows: name, label, value.
type series map[string]map[string]map[string]bool

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? [^ ]+$`)
	labelPair  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)
)

// shown is what /metrics of servers show after a little of everything, and what Prometheus adds.
func shown(t *testing.T) series {
	t.Helper()
	p := run(t)
	location := p.create("Upload-Length: 5")
	p.patch(location, 0, "12345")
	p.do("HEAD", location, "")
	p.do("GET", location, "")
	p.do("DELETE", location, "")
	p.do("HEAD", location, "")
	broken := p.upload("12345", "Upload-Length: 10")
	record := filepath.Join(p.dir, "uploads", idOf(broken)+".info")
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(record, 0o700); err != nil {
		t.Fatal(err)
	}
	p.do("PATCH", broken, "67890", offsetStream, "Upload-Offset: 5") // 500, ERR_STORAGE_FAILED
	all := series{"up": {}}
	until(t, "the last request is counted", func() bool {
		return p.Running() == 0 && strings.Contains(p.admin("/metrics").body, `plateau_errors_total{code="ERR_STORAGE_FAILED"}`)
	})
	bucket := run(t, s3Away(t))
	asked := newPolicyServer(t, func(policy.Question) string { return `{"allow": true}` })
	_, traced := collect(t)
	limited := run(t, traced, func(c *config.Config) {
		c.LimitAddressConnections, c.LimitOwnerUploads, c.LimitCreations = 9, 9, 1
		c.QuotaBytes, c.PolicyURL = 1<<30, asked.URL
	})
	for limited.do("POST", "/files/", "", "Upload-Length: 5").status == 201 {
	}
	until(t, "the refusal is counted", func() bool { return limited.Running() == 0 })
	for line := range strings.Lines(p.admin("/metrics").body + bucket.admin("/metrics").body + limited.admin("/metrics").body) {
		m := sampleLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue // a comment
		}
		if all[m[1]] == nil {
			all[m[1]] = make(map[string]map[string]bool)
		}
		for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
			if all[m[1]][pair[1]] == nil {
				all[m[1]][pair[1]] = make(map[string]bool)
			}
			all[m[1]][pair[1]][pair[2]] = true
		}
	}
	return all
}

// errorCodes are all codes that error answers may have: some of them take a full disk.
func errorCodes(t *testing.T) map[string]bool {
	t.Helper()
	codes := make(map[string]bool)
	for _, pattern := range []string{"../store/*.go", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, code := range regexp.MustCompile(`"(ERR_[A-Z_]+)"`).FindAllStringSubmatch(string(text), -1) {
				codes[code[1]] = true
			}
		}
	}
	return codes
}

// checkExpr reports what of an expression the server doesn't show, and returns the names and labels that it uses.
func checkExpr(t *testing.T, all series, where, text string) (names, usable []string) {
	t.Helper()
	for variable, value := range map[string]string{"$__rate_interval": "5m", "$__range": "1h"} {
		text = strings.ReplaceAll(text, variable, value)
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %v in %s", where, err, text)
		return nil, nil
	}
	usable = []string{"job", "instance"} // Prometheus adds these
	var grouped []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.AggregateExpr:
			grouped = append(grouped, n.Grouping...)
		case *parser.BinaryExpr:
			if n.VectorMatching != nil {
				grouped = append(grouped, n.VectorMatching.MatchingLabels...)
			}
		case *parser.VectorSelector:
			known, ok := all[n.Name]
			if !ok {
				t.Errorf("%s: no metric is named %s", where, n.Name)
			}
			names = append(names, n.Name)
			usable = append(usable, slices.Collect(maps.Keys(known))...)
			for _, m := range n.LabelMatchers {
				checkMatcher(t, known, where, m)
			}
		}
		return nil
	})
	for _, label := range grouped {
		if !slices.Contains(usable, label) {
			t.Errorf("%s: none of its metrics has a label %s", where, label)
		}
	}
	return names, usable
}

func checkMatcher(t *testing.T, known map[string]map[string]bool, where string, m *labels.Matcher) {
	t.Helper()
	if m.Name == "__name__" || m.Name == "job" || m.Name == "instance" {
		return
	}
	values, ok := known[m.Name]
	if !ok {
		t.Errorf("%s: the metric has no label %s", where, m.Name)
	}
	switch m.Type {
	case labels.MatchEqual, labels.MatchRegexp:
		for value := range values {
			if m.Matches(value) {
				return
			}
		}
		if m.Type == labels.MatchEqual && errorCodes(t)[m.Value] {
			return
		}
		t.Errorf("%s: nothing has %s", where, m)
	}
}

type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// TestAlerts holds ops/alerts.yml against what a server shows: a rule about a metric that isn't there never fires.
func TestAlerts(t *testing.T) {
	data, err := os.ReadFile("../ops/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(data, &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	all := shown(t)
	var alerts []string
	for _, group := range file.Groups {
		for _, r := range group.Rules {
			alerts = append(alerts, r.Alert)
			_, usable := checkExpr(t, all, r.Alert, r.Expr)
			if _, err := time.ParseDuration(r.For); r.For != "" && err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
			if s := r.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s: severity %q", r.Alert, s)
			}
			for _, name := range []string{"summary", "description", "action"} {
				text := r.Annotations[name]
				if text == "" {
					t.Errorf("%s has no %s", r.Alert, name)
				}
				for _, label := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
					if !slices.Contains(usable, label[1]) {
						t.Errorf("%s: its %s tells a label %s", r.Alert, name, label[1])
					}
				}
			}
			if !strings.Contains(r.Expr, `job="plateau"`) {
				t.Errorf("%s looks at other jobs too", r.Alert)
			}
		}
	}
	if sorted := slices.Sorted(slices.Values(alerts)); len(slices.Compact(sorted)) != len(alerts) || len(alerts) < 14 {
		t.Errorf("alerts: %v", alerts)
	}
}
