package web

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// maxWeight is how much of the page may cross the wire, in bytes.
const maxWeight = 160 << 10

// page is the built page's HTML. Where it was not built the test is skipped, and in CI fails.
func page(t *testing.T) string {
	t.Helper()
	if _, err := fs.Stat(dist, "dist/index.html"); err != nil {
		const how = "the page is not built: make page"
		if os.Getenv("CI") == "true" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	return body(t, do(t, Handler(Options{}), http.MethodGet, "/"))
}

func TestBuildWeight(t *testing.T) {
	page(t)
	h := Handler(Options{})
	weight := 0
	err := fs.WalkDir(dist, "dist", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == ".keep" {
			return err
		}
		target := strings.TrimPrefix(path, "dist")
		got := do(t, h, http.MethodGet, target, "Accept-Encoding", "gzip")
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
	t.Logf("%7d bytes in all, of %d", weight, maxWeight)
	if weight > maxWeight {
		t.Errorf("the page weighs %d bytes, more than %d", weight, maxWeight)
	}
}

// What the policy forbids would be missing from the page, and what it loads must be there, for ever, under its name.
func TestBuiltPageKeepsThePolicy(t *testing.T) {
	html := page(t)
	if inline := regexp.MustCompile(`(?i)<style|<script>|\sstyle=|\son\w+=|(src|href)="(http|//)[^"]*\.(js|css)`).FindString(html); inline != "" {
		t.Errorf("the page has %q", inline)
	}
	links := regexp.MustCompile(`(?:src|href)="(assets/[^"]+)"`).FindAllStringSubmatch(html, -1)
	if len(links) < 3 {
		t.Errorf("the page loads %v; want at least a script, a style sheet and an icon", links)
	}
	for _, link := range links {
		got := do(t, Handler(Options{}), http.MethodGet, "/"+link[1])
		if got.StatusCode != http.StatusOK || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") ||
			!regexp.MustCompile(`-[A-Z0-9]{8}\.\w+$`).MatchString(link[1]) {
			t.Errorf("%s: %s, %q", link[1], got.Status, got.Header.Get("Cache-Control"))
		}
	}
	for _, want := range []string{`data-downloads="false"`, `data-max-size="0"`, "<noscript>", `role="status"`} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not have %s", want)
		}
	}
}
