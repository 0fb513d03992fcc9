package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// both is dist with both pages.
func both() fstest.MapFS {
	files := built()
	files["operator/index.html"] = &fstest.MapFile{Data: []byte(`<title>{{.Host}} {{.Version}} {{.Profiling}} {{.Flight}}</title>`)}
	files["operator/assets/plots.js"] = &fstest.MapFile{Data: []byte("export {}")}
	return files
}

func operator(t *testing.T, files fstest.MapFS, o OperatorOptions) http.Handler {
	t.Helper()
	h, err := operatorSite(sub(files, operatorFolder), o).handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestNeitherPageServesTheOther(t *testing.T) {
	upload, operator := newTestHandler(t, both()), operator(t, both(), OperatorOptions{})
	for target, want := range map[string][2]int{
		"/":                         {200, 200},
		"/assets/app.js":            {200, 404},
		"/assets/plots.js":          {404, 200},
		"/operator/":                {404, 404},
		"/operator":                 {404, 404},
		"/operator/index.html":      {404, 404},
		"/operator/assets/plots.js": {404, 404},
		"/fallback.html":            {404, 404},
		"/operator.html":            {404, 404},
	} {
		for i, h := range []http.Handler{upload, operator} {
			if got := do(t, h, http.MethodGet, target); got.StatusCode != want[i] {
				t.Errorf("%s on page %d: %s, want %d", target, i, got.Status, want[i])
			}
		}
	}
	// Nor where neither was built.
	upload, operator = newTestHandler(t, unbuilt()), operatorUnbuilt(t)
	if got := do(t, upload, http.MethodGet, "/operator.html"); got.StatusCode != http.StatusNotFound {
		t.Errorf("the upload page: %s", got.Status)
	}
	if got := do(t, operator, http.MethodGet, "/fallback.html"); got.StatusCode != http.StatusNotFound {
		t.Errorf("the operator's: %s", got.Status)
	}
}

func operatorUnbuilt(t *testing.T) http.Handler {
	t.Helper()
	return operator(t, unbuilt(), OperatorOptions{Host: "<box>", Version: "v1", Profiling: true})
}

func TestOperatorOptionsReachThePage(t *testing.T) {
	got := do(t, operator(t, both(), OperatorOptions{Host: "<box>", Version: "v1", Profiling: true}), http.MethodGet, "/")
	if text := body(t, got); text != "<title>&lt;box&gt; v1 true false</title>" {
		t.Errorf("%s", text)
	}
	for _, header := range []string{"default-src 'none'; script-src 'self'; style-src 'self';", "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"} {
		if policy := got.Header.Get("Content-Security-Policy"); !strings.Contains(policy, header) {
			t.Errorf("policy %q", policy)
		}
	}
}

func TestOperatorFallback(t *testing.T) {
	got := do(t, operatorUnbuilt(t), http.MethodGet, "/")
	text := body(t, got)
	for _, want := range []string{"Plateau is running", "&lt;box&gt;", "make run", `href="metrics"`, `href="debug/pprof/"`, `lang="en"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if off := body(t, do(t, operator(t, unbuilt(), OperatorOptions{}), http.MethodGet, "/")); strings.Contains(off, "pprof") || strings.Contains(off, "flight") {
		t.Errorf("what is off is linked: %s", off)
	}
	if inline := regexp.MustCompile(`(?i)<style|<script|\sstyle=|\son\w+=|src="http`).FindString(text); inline != "" {
		t.Errorf("the page has %q", inline)
	}
	if css := do(t, operatorUnbuilt(t), http.MethodGet, "/fallback.css"); css.StatusCode != http.StatusOK {
		t.Errorf("css: %s", css.Status)
	}
}

// TestOperatorHandler holds whether the page was built or not.
func TestOperatorHandler(t *testing.T) {
	h := OperatorHandler(OperatorOptions{Host: "box"})
	got := do(t, h, http.MethodGet, "/")
	if text := body(t, got); got.StatusCode != http.StatusOK || !strings.Contains(text, "box") {
		t.Errorf("%s\n%s", got.Status, text)
	}
	if got := do(t, h, http.MethodPost, "/"); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", got.Status)
	}
}
