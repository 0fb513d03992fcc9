package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func do(t *testing.T, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec.Result()
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// unbuilt is dist as it is in git.
func unbuilt() fstest.MapFS { return fstest.MapFS{".keep": &fstest.MapFile{}} }

// built is dist as npm leaves it.
func built() fstest.MapFS {
	return fstest.MapFS{
		".keep":            &fstest.MapFile{},
		".vite/manifest":   &fstest.MapFile{Data: []byte("{}")},
		"index.html":       &fstest.MapFile{Data: []byte("<title>built</title>")},
		"assets/app.js":    &fstest.MapFile{Data: []byte("export {}")},
		"assets/style.css": &fstest.MapFile{Data: []byte("p {}")},
	}
}

func newTestHandler(t *testing.T, files fstest.MapFS) http.Handler {
	t.Helper()
	return newTestHandlerWith(t, files, Options{Downloads: true})
}

func newTestHandlerWith(t *testing.T, files fstest.MapFS, o Options) http.Handler {
	t.Helper()
	h, err := uploadSite(files, fallback, o).handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestFallbackPage(t *testing.T) {
	h := newTestHandler(t, unbuilt())
	page := do(t, h, http.MethodGet, "/")
	text := body(t, page)
	if page.StatusCode != http.StatusOK || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("/: %s, %s", page.Status, page.Header.Get("Content-Type"))
	}
	for _, want := range []string{"Plateau is running", "/files/", "make run", "Node", "Uploads need none", `lang="en"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	// The policy forbids what stands inline, and what comes from elsewhere.
	if inline := regexp.MustCompile(`(?i)<style|<script|\sstyle=|\son\w+=|src="http|rel="stylesheet" href="http`).FindString(text); inline != "" {
		t.Errorf("the page has %q", inline)
	}
	for _, link := range regexp.MustCompile(`<link [^>]*href="([^":]+)"`).FindAllStringSubmatch(text, -1) {
		if got := do(t, h, http.MethodGet, "/"+link[1]); got.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", link[1], got.Status)
		}
	}
	if css := do(t, h, http.MethodGet, "/fallback.css"); css.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("css is %s", css.Header.Get("Content-Type"))
	}
}

func TestBuiltPage(t *testing.T) {
	h := newTestHandler(t, built())
	if got := do(t, h, http.MethodGet, "/"); body(t, got) != "<title>built</title>" {
		t.Errorf("/: %s", got.Status)
	}
	if got := do(t, h, http.MethodGet, "/assets/app.js"); got.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("js: %s %s", got.Status, got.Header.Get("Content-Type"))
	}
	for _, target := range []string{"/fallback.html", "/fallback.css", "/.keep", "/.vite/manifest", "/assets", "/assets/", "/assets/x", "/x", "//", "/../web.go", "/assets/../index.html"} {
		if got := do(t, h, http.MethodGet, target); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, want 404", target, got.Status)
		}
	}
}

func TestHeadersAndMethods(t *testing.T) {
	const wantPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	h := newTestHandler(t, built())
	for _, target := range []string{"/", "/assets/style.css", "/missing"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			got := do(t, h, method, target)
			if policies := got.Header.Values("Content-Security-Policy"); len(policies) != 1 || policies[0] != wantPolicy {
				t.Errorf("%s %s: policy %q", method, target, policies)
			}
			if got.Header.Get("X-Content-Type-Options") != "nosniff" || got.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s %s: %v", method, target, got.Header)
			}
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		if got := do(t, h, method, "/"); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %s", method, got.Status)
		}
	}
	if got := do(t, h, http.MethodHead, "/"); got.StatusCode != http.StatusOK || body(t, got) != "" || got.ContentLength != 20 {
		t.Errorf("HEAD: %s, length %d", got.Status, got.ContentLength)
	}
}

// Uploads that have another origin than the page must be reachable from it, and nothing else may slip into the policy.
func TestPolicyNamesTheOriginOfUploads(t *testing.T) {
	for origin, want := range map[string]string{
		"":                                 "'self'",
		"https://files.example":            "'self' https://files.example",
		"http://localhost:8080":            "'self' http://localhost:8080",
		"http://10.0.0.1:80":               "'self' http://10.0.0.1:80",
		"https://a_b.xn--e1afmkfd.example": "'self' https://a_b.xn--e1afmkfd.example",
		"http://[::1]:80":                  "'self'",
		"https://*.example":                "'self'",
		"https://*":                        "'self'",
		"https:":                           "'self'",
		"data:":                            "'self'",
		"ftp://files.example":              "'self'",
		"https://files.example/files":      "'self'",
		"https://me@files.example":         "'self'",
		"https://a.example; script-src *":  "'self'",
		"https://a.example https://b":      "'self'",
		"https://a.example,x":              "'self'",
		"https://a.example\n":              "'self'",
		"https://'unsafe-inline'":          "'self'",
	} {
		h := newTestHandlerWith(t, built(), Options{Origin: origin})
		policy := do(t, h, http.MethodGet, "/").Header.Get("Content-Security-Policy")
		if want := "; connect-src " + want + "; base-uri "; !strings.Contains(policy, want) || strings.Count(policy, "; ") != 7 {
			t.Errorf("origin %q: policy %q, want %q in it", origin, policy, want)
		}
	}
}

func TestUnchangedPageIsNotSentAgain(t *testing.T) {
	h := newTestHandler(t, built())
	tag := do(t, h, http.MethodGet, "/").Header.Get("ETag")
	if got := do(t, h, http.MethodGet, "/", "If-None-Match", tag); tag == "" || got.StatusCode != http.StatusNotModified {
		t.Errorf("ETag %q: %s", tag, got.Status)
	}
	if got := do(t, h, http.MethodGet, "/").Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("the page: %q", got)
	}
	if got := do(t, h, http.MethodGet, "/assets/app.js").Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("an asset: %q", got)
	}
	changed := built()
	changed["index.html"].Data = []byte("<title>again</title>")
	if got := do(t, newTestHandler(t, changed), http.MethodGet, "/", "If-None-Match", tag); got.StatusCode != http.StatusOK {
		t.Errorf("a new page: %s", got.Status)
	}
}

func TestOptionsReachThePage(t *testing.T) {
	files := built()
	files["index.html"].Data = []byte(`<html data-downloads="{{.Downloads}}" data-max-size="{{.MaxSize}}" data-auth="{{.Auth}}"><p>`)
	tags := map[string]bool{}
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{}, `<html data-downloads="false" data-max-size="0" data-auth="false"><p>`},
		{Options{Downloads: true, MaxSize: 5 << 40, Auth: true}, `<html data-downloads="true" data-max-size="5497558138880" data-auth="true"><p>`},
	} {
		got := do(t, newTestHandlerWith(t, files, c.options), http.MethodGet, "/")
		if text := body(t, got); text != c.want {
			t.Errorf("%+v: %s", c.options, text)
		}
		tags[got.Header.Get("ETag")] = true
	}
	if len(tags) != 2 {
		t.Errorf("pages with different options have the ETags %v", tags)
	}
	files["index.html"].Data = []byte(`{{.Unknown}}`)
	if _, err := uploadSite(files, fallback, Options{}).handler(); err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("a page that asks for what there is not: %v", err)
	}
}

// TestHandler holds whether the page was built or not.
func TestHandler(t *testing.T) {
	got := do(t, Handler(Options{}), http.MethodGet, "/")
	if text := body(t, got); got.StatusCode != http.StatusOK || !strings.Contains(text, "<title>") {
		t.Errorf("%s\n%s", got.Status, text)
	}
	if got := do(t, Handler(Options{}), http.MethodGet, "/.keep"); got.StatusCode != http.StatusNotFound {
		t.Errorf(".keep: %s", got.Status)
	}
}
