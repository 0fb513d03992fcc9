package e2e

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestReadmeUppy bundles the README's Uppy snippet as it stands and uploads a file with it. The server is killed in the middle,
// and the first two HEADs after it hear a balancer's 502, on which a client without the snippet's hook starts over.
func TestReadmeUppy(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	bundler, err := filepath.Abs(filepath.Join("..", "web", "node_modules", ".bin", "esbuild"))
	must(t, err)
	if _, err := os.Stat(bundler); err != nil {
		missing(t, "esbuild", "make page")
	}
	const size = 20_000_000
	path, sum := randomFile(t, random, size)
	server := startPlateau(ctx, t, t.TempDir())
	proxy := startProxy(t, server.addr, nil)
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: proxy.listener.Addr().String()})
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }

	dir := t.TempDir()
	var heads atomic.Int32
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(dir)))
	mux.HandleFunc("/files/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && heads.Add(1) <= 2 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, r)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	serveOn(t, listener, mux)
	origin := listener.Addr().String()
	snippet := strings.ReplaceAll(readmeBlock(t, "js", "uppy"), "127.0.0.1:8080", origin)
	must(t, os.WriteFile(filepath.Join(dir, "app.js"), []byte(snippet), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "index.html"), []byte(`<!doctype html><html lang="en"><title>the README's page</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="out/app.css"><div id="uploads"></div><script type="module" src="out/app.js"></script>`), 0o644))
	bundle := exec.CommandContext(ctx, bundler, "app.js", "--bundle", "--outdir=out", "--log-level=warning")
	bundle.Dir = dir
	bundle.Env = append(os.Environ(), "NODE_PATH="+filepath.Dir(filepath.Dir(bundler)))
	if text, err := bundle.CombinedOutput(); err != nil || len(text) > 0 {
		t.Fatalf("bundle the snippet: %v\n%s", err, text)
	}
	proxy.hold(size / 2)
	page := startBrowser(ctx, t, "").open("http://" + origin + "/")
	page.choose(".uppy-Dashboard-input", path)
	page.click(".uppy-StatusBar-actionBtn--upload")
	await(ctx, t, "half of the file is on its way", func() bool { return proxy.last("PATCH").reached() == size/2 })
	server.kill()
	server.start(ctx, t)
	proxy.release()
	page.waitFor(`document.querySelector('.uppy-StatusBar.is-complete')`)

	if heads.Load() < 3 {
		t.Errorf("%d HEADs were sent, so none after a 502", heads.Load())
	}
	list := records(t, server.uploads())
	if len(list) != 1 {
		t.Fatalf("%d uploads were created, want 1", len(list))
	}
	if got := fileSum(t, filepath.Join(server.uploads(), list[0].ID)); got != sum {
		t.Errorf("SHA-256 of the upload is %s, of the file %s", got, sum)
	}
}
