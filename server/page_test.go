package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"plateau/config"
)

// The page learns its options from the server, where the page was built; the fallback needs none. Either is served with its
// policy, also on HEAD and compressed.
func TestPage(t *testing.T) {
	p := run(t, func(cfg *config.Config) { cfg.Downloads, cfg.MaxSize = "false", 12345 })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") || !resp.Uncompressed {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
	page := string(text)
	if strings.Contains(page, "built without the upload page") {
		t.Log("the page is not built, so its options are not looked at: make page")
		return
	}
	if !strings.Contains(page, `data-downloads="false" data-max-size="12345" data-auth="false"`) {
		t.Errorf("the page's options:\n%.300s", page)
	}
}

// The policy lets the page speak with the origin that uploads are addressed by, which need not be its own.
func TestPagePolicyNamesTheBaseURL(t *testing.T) {
	for base, want := range map[string]string{
		"":                                "connect-src 'self';",
		"https://files.example:8443/deep": "connect-src 'self' https://files.example:8443;",
	} {
		p := run(t, func(cfg *config.Config) { cfg.BaseURL = base })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := p.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("base %q: policy %q, want %q in it", base, policy, want)
		}
	}
}
