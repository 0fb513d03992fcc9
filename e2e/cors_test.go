package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// corsPage is another origin's page: it uploads with tus-js-client and says how that went.
const corsPage = `<!doctype html><html lang="en"><title>another origin</title><link rel="icon" href="data:,">
<script src="tus.min.js"></script><script>
function upload(size, options) {
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31) % 251)
  return new Promise((resolve) => {
    const upload = new tus.Upload(new File([bytes], 'from afar.bin'), {
      retryDelays: null,
      metadata: { filename: 'from afar.bin' },
      ...options,
      onSuccess: () => resolve({ URL: upload.url }),
      onError: (error) => resolve({ Failed: String(error), Status: error.originalResponse?.getStatus() ?? 0 }),
    })
    upload.start()
  })
}
</script>`

// TestAnotherOrigin uploads from a page of another origin with every option of tus-js-client that adds a header, through real
// preflights: each page has a cache of its own, so it asks for all that it sends.
func TestAnotherOrigin(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	browser := startBrowser(ctx, t, "")
	page := startCorsPage(t)
	const size, chunk = 300_000, 100_000
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i * 31 % 251)
	}
	for _, c := range []struct {
		name    string
		options map[string]any
		asks    string // the headers that the preflights ask for, beside those of the plain upload
		status  int    // of the answer that the page hears in place of a success
	}{
		{name: "plain", asks: "upload-length upload-metadata"},
		{name: "chunks", options: map[string]any{"chunkSize": chunk}},
		{name: "addRequestId", options: map[string]any{"addRequestId": true}, asks: "x-request-id"},
		{name: "overridePatchMethod", options: map[string]any{"overridePatchMethod": true}, asks: "x-http-method-override"},
		{
			// The last PATCH says the length. The upload's first preflight has allowed that already.
			name: "uploadLengthDeferred", options: map[string]any{"uploadLengthDeferred": true, "chunkSize": chunk},
			asks: "upload-defer-length",
		},
		{name: "parallelUploads", options: map[string]any{"parallelUploads": 3}, asks: "upload-concat"},
		{name: "uploadDataDuringCreation", options: map[string]any{"uploadDataDuringCreation": true, "chunkSize": chunk}},
		{name: "Authorization", options: map[string]any{"headers": map[string]any{"Authorization": "Bearer a"}}, asks: "authorization"},
		{name: "other headers", options: map[string]any{"headers": map[string]any{
			"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Requested-With": "a page",
		}}, asks: "traceparent x-requested-with"},
		// The server speaks no draft. It says so, and the page can read it.
		{
			name: "ietf-draft-03", options: map[string]any{"protocol": "ietf-draft-03"},
			asks: "upload-complete upload-draft-interop-version", status: http.StatusPreconditionFailed,
		},
		{
			name: "ietf-draft-05", options: map[string]any{"protocol": "ietf-draft-05"},
			asks: "upload-complete upload-draft-interop-version", status: http.StatusPreconditionFailed,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := startPlateau(ctx, t, t.TempDir())
			proxy := startProxy(t, server.addr, nil)
			all := map[string]any{"endpoint": proxy.files()}
			maps.Copy(all, c.options)
			options, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			tab := browser.with(t).open(page)
			var end struct {
				URL, Failed string
				Status      int
			}
			tab.run(fmt.Sprintf("upload(%d, %s)", size, options), &end)
			said := tab.said()
			tab.close()

			if end.Status != c.status || (c.status == 0) != (end.Failed == "") {
				t.Fatalf("the page heard status %d, want %d: %s\n%s", end.Status, c.status, end.Failed, strings.Join(said, "\n"))
			}
			asked := map[string]bool{}
			for _, e := range proxy.seen(http.MethodOptions) {
				if e.status/100 != 2 {
					t.Errorf("preflight for %v: %d", e.request, e.status)
				}
				for name := range strings.SplitSeq(e.request.Get("Access-Control-Request-Headers"), ",") {
					asked[strings.TrimSpace(name)] = true
				}
			}
			wanted := strings.Fields(c.asks)
			if c.status == 0 {
				wanted = append(wanted, "tus-resumable", "content-type", "upload-offset")
			}
			for _, name := range wanted {
				if !asked[name] {
					t.Errorf("no preflight asked for %s: the test shows nothing. Asked for: %v", name, asked)
				}
			}
			if c.status != 0 {
				return
			}
			if len(said) > 0 {
				t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
			}
			got, err := os.ReadFile(filepath.Join(server.uploads(), idOf(end.URL)))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("the upload differs from what was sent (%d of %d bytes, error %v)", len(got), size, err)
			}
		})
	}
}

// TestForeignOriginIsRefused names one origin that may upload; a page of another one hears nothing.
func TestForeignOriginIsRefused(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	browser := startBrowser(ctx, t, "")
	page := startCorsPage(t)
	for name, c := range map[string]struct {
		origins string
		passes  bool
	}{
		"its own":   {strings.TrimSuffix(page, "/"), true},
		"another's": {"https://example.org", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := startPlateau(ctx, t, t.TempDir(), "--cors-origins", c.origins)
			tab := browser.with(t).open(page)
			var end struct{ Failed string }
			tab.run(fmt.Sprintf("upload(1000, {endpoint: %q})", server.files), &end)
			refused := slices.ContainsFunc(tab.said(), func(line string) bool { return strings.Contains(line, "CORS") })
			if c.passes != (end.Failed == "") || c.passes == refused {
				t.Errorf("passes: %v (%s); the console: %v", end.Failed == "", end.Failed, tab.said())
			}
			if got := len(records(t, server.uploads())); (got == 1) != c.passes {
				t.Errorf("%d uploads were created", got)
			}
		})
	}
}

// startCorsPage serves corsPage on the name localhost, which for a browser is another origin than 127.0.0.1.
func startCorsPage(t *testing.T) string {
	t.Helper()
	bundle := filepath.Join("node", "node_modules", "tus-js-client", "dist", "tus.min.js")
	if _, err := os.Stat(bundle); err != nil {
		missing(t, "tus-js-client", "npm ci --prefix e2e/node")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, corsPage)
	})
	mux.HandleFunc("GET /tus.min.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, bundle) })
	serveOn(t, listener, mux)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return "http://localhost:" + port + "/"
}
