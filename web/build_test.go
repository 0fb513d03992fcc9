package web

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// builtPage is a page as npm left it.
type builtPage struct {
	folder  string // in dist
	handler http.Handler
	weight  int // how much of it may cross the wire, in bytes
	says    []string
}

// pages are both. Where one was not built the test is skipped, and in CI fails.
func pages(t *testing.T) map[string]builtPage {
	t.Helper()
	both := map[string]builtPage{
		"upload": {"dist", Handler(Options{}), 160 << 10, []string{`data-downloads="false"`, `data-max-size="0"`, `data-auth="false"`}},
		"operator": {
			"dist/" + operatorFolder, OperatorHandler(OperatorOptions{Host: "box", Version: "v1", Profiling: true}), 48 << 10,
			[]string{"<strong>box</strong>", "<span>v1</span>", `href="debug/flame/cpu"`, `aria-sort=`},
		},
	}
	for _, p := range both {
		if _, err := fs.Stat(dist, p.folder+"/index.html"); err != nil {
			const how = "the pages are not built: make page"
			if os.Getenv("CI") == "true" {
				t.Fatal(how)
			}
			t.Skip(how)
		}
	}
	return both
}

func TestBuildWeight(t *testing.T) {
	for name, p := range pages(t) {
		weight := 0
		err := fs.WalkDir(dist, p.folder, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && name == "upload" && path == "dist/"+operatorFolder {
				return fs.SkipDir
			}
			if err != nil || entry.IsDir() || entry.Name() == ".keep" {
				return err
			}
			target := strings.TrimPrefix(path, p.folder)
			got := do(t, p.handler, http.MethodGet, target, "Accept-Encoding", "gzip")
			size := len(body(t, got))
			if got.StatusCode != http.StatusOK || strings.HasSuffix(path, ".map") {
				t.Errorf("%s: %s", target, got.Status)
			}
			t.Logf("%7d %s", size, target)
			weight += size
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%7d bytes in all, of %d: %s", weight, p.weight, name)
		if weight > p.weight {
			t.Errorf("the %s page weighs %d bytes, more than %d", name, weight, p.weight)
		}
	}
}

// What the policy forbids would be missing from a page, and what it loads must be there, for ever, under its name.
func TestBuiltPagesKeepThePolicy(t *testing.T) {
	for name, p := range pages(t) {
		html := body(t, do(t, p.handler, http.MethodGet, "/"))
		if inline := regexp.MustCompile(`(?i)<style|<script>|\sstyle=|\son\w+=|(src|href)="(http|//)[^"]*\.(js|css)`).FindString(html); inline != "" {
			t.Errorf("the %s page has %q", name, inline)
		}
		links := regexp.MustCompile(`(?:src|href)="(assets/[^"]+)"`).FindAllStringSubmatch(html, -1)
		if len(links) < 3 {
			t.Errorf("the %s page loads %v; want at least a script, a style sheet and an icon", name, links)
		}
		for _, link := range links {
			got := do(t, p.handler, http.MethodGet, "/"+link[1])
			if got.StatusCode != http.StatusOK || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") ||
				!regexp.MustCompile(`-[A-Z0-9]{8}\.\w+$`).MatchString(link[1]) {
				t.Errorf("%s: %s, %q", link[1], got.Status, got.Header.Get("Cache-Control"))
			}
		}
		for _, want := range append(p.says, "<noscript>", `role="status"`) {
			if !strings.Contains(html, want) {
				t.Errorf("the %s page does not have %s", name, want)
			}
		}
	}
}
