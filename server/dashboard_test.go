package server_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDashboard holds ops/dashboard.json against what a server shows, and finds a place for each metric of ours on it.
func TestDashboard(t *testing.T) {
	data, err := os.ReadFile("../ops/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	type target struct {
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
	}
	var board struct {
		Title         string `json:"title"`
		SchemaVersion int    `json:"schemaVersion"`
		Panels        []struct {
			ID          int      `json:"id"`
			Type        string   `json:"type"`
			Title       string   `json:"title"`
			Description string   `json:"description"`
			Targets     []target `json:"targets"`
		} `json:"panels"`
		Annotations struct {
			List []struct {
				Name string `json:"name"`
				Expr string `json:"expr"`
			} `json:"list"`
		} `json:"annotations"`
		Templating struct {
			List []struct {
				Name       string `json:"name"`
				Definition string `json:"definition"`
			} `json:"list"`
		} `json:"templating"`
	}
	if err := json.Unmarshal(data, &board); err != nil {
		t.Fatal(err)
	}
	if board.Title == "" || board.SchemaVersion < 39 {
		t.Errorf("%q, schema %d", board.Title, board.SchemaVersion)
	}
	all := shown(t)
	var used []string
	ids := make(map[int]bool)
	for _, p := range board.Panels {
		if ids[p.ID] || p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("panel %d, %s: its number is another's, or it shows or explains nothing", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, q := range p.Targets {
			names, usable := checkExpr(t, all, p.Title, q.Expr)
			used = append(used, names...)
			for _, label := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.LegendFormat, -1) {
				if !slices.Contains(usable, label[1]) {
					t.Errorf("%s: its legend tells a label %s", p.Title, label[1])
				}
			}
		}
	}
	for _, a := range board.Annotations.List {
		checkExpr(t, all, a.Name, a.Expr)
	}
	for _, v := range board.Templating.List {
		if query := regexp.MustCompile(`^label_values\((.*), \w+\)$`).FindStringSubmatch(v.Definition); query != nil {
			checkExpr(t, all, v.Name, query[1])
		}
	}
	for name := range all {
		ours := strings.HasPrefix(name, "plateau_") || strings.HasPrefix(name, "tusd_")
		if !ours || name == "tusd_errors_total" { // plateau_errors_total says that, and more
			continue
		}
		family := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		if !slices.ContainsFunc(used, func(u string) bool { return strings.HasPrefix(u, family) }) {
			t.Errorf("no panel shows %s", name)
		}
	}
}
