package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// TestBehindProxies puts the README's nginx and HAProxy before the server. While the server is away a proxy answers 502 or 503,
// and tus-js-client throws an upload away when a HEAD hears that; so the examples turn it into 423.
func TestBehindProxies(t *testing.T) {
	for _, f := range fronts() {
		t.Run(f.name, func(t *testing.T) {
			t.Run("goes on", func(t *testing.T) {
				t.Parallel()
				goesOnBehind(t, f)
			})
			t.Run("from zero without", func(t *testing.T) {
				t.Parallel()
				fromZeroBehind(t, f)
			})
			t.Run("the README's client without", func(t *testing.T) {
				t.Parallel()
				readmeNodeBehind(t, f)
			})
			t.Run("only HEAD is changed", func(t *testing.T) {
				t.Parallel()
				onlyHeadIsChanged(t, f)
			})
		})
	}
}

const behindSize = 30_000_000

// goesOnBehind uploads a file with tus-js-client as it comes while the server is killed, stopped in order, and killed again.
func goesOnBehind(t *testing.T, f front) {
	ctx, random := bounded(t), seeded(t)
	path, sum := randomFile(t, random, behindSize)
	server := startPlateau(ctx, t, t.TempDir(), "--trusted-proxies", "127.0.0.1")
	proxy := startProxy(t, f.before(ctx, t, server.addr, true), nil)
	proxy.hold(0)
	client := startClient(ctx, t, job{Files: []string{path}, Endpoint: proxy.files(), Options: patient()})
	points := killPoints(random, behindSize, 3)
	for i, point := range points {
		proxy.hold(point)
		await(ctx, t, "the upload has come to the next point", func() bool {
			if client.ended() {
				t.Fatal("the client has ended")
			}
			last := proxy.last(http.MethodPatch)
			return last.status == 0 && last.reached() == point && dataSize(server.uploads(), idOf(last.path)) == point
		})
		already := len(client.answers(t, http.MethodHead, http.StatusLocked))
		if i == 1 {
			terminate(ctx, t, server)
		} else {
			server.kill()
		}
		await(ctx, t, "a HEAD has heard 423", func() bool {
			return len(client.answers(t, http.MethodHead, http.StatusLocked)) > already
		})
		server.start(ctx, t)
	}
	proxy.release()
	client.wait(ctx, t)
	wantOne(t, server, proxy, sum)
	client.offsetsNeverFall(t)
	for _, h := range client.answers(t, http.MethodHead, http.StatusLocked) {
		if h.RetryAfter == "" {
			t.Error("a HEAD heard 423 without Retry-After")
		}
	}

	// The server believes the proxy who the client is.
	direct := newTus(ctx, proxy.files())
	direct.do(http.MethodGet, "/files/"+strings.Repeat("0", 32), headers{"X-Forwarded-For": "203.0.113.7"}, nil)
	await(ctx, t, "the log names the client's address", func() bool {
		return strings.Contains(server.log.String(), `"client":"203.0.113.7"`)
	})
}

// fromZeroBehind shows that the trick is needed: without it the same client creates another upload.
func fromZeroBehind(t *testing.T, f front) {
	ctx, random := bounded(t), seeded(t)
	path, sum := randomFile(t, random, behindSize)
	server := startPlateau(ctx, t, t.TempDir())
	proxy := startProxy(t, f.before(ctx, t, server.addr, false), nil)
	client := startClient(ctx, t, job{Files: []string{path}, Endpoint: proxy.files()})
	awayOnce(ctx, t, server, proxy, client.ended)
	client.wait(ctx, t)
	all := records(t, server.uploads())
	whole := 0
	for _, r := range all {
		if fileSum(t, filepath.Join(server.uploads(), r.ID)) == sum {
			whole++
		}
	}
	if len(all) != 2 || whole != 1 {
		t.Errorf("%d uploads, %d of them whole, want 2 and 1: the client should have started from zero", len(all), whole)
	}
}

// readmeNodeBehind lets the README's program for tus-js-client do without the trick.
func readmeNodeBehind(t *testing.T, f front) {
	ctx, random := bounded(t), seeded(t)
	folder := t.TempDir()
	sum := video(t, random, folder)
	server := startPlateau(ctx, t, t.TempDir())
	proxy := startProxy(t, f.before(ctx, t, server.addr, false), nil)
	e := readmeNode(ctx, t, folder, proxy.listener.Addr().String())
	awayOnce(ctx, t, server, proxy, e.ended)
	e.wait(ctx, t)
	wantOne(t, server, proxy, sum)
}

// awayOnce kills the server in the middle of an upload and starts it again when a HEAD has heard a 5xx.
func awayOnce(ctx context.Context, t *testing.T, server *plateau, proxy *proxy, ended func() bool) {
	t.Helper()
	const point = exampleSize / 3
	proxy.hold(point)
	await(ctx, t, "the upload has come to the point of the kill", func() bool {
		return !ended() && dataSize(server.uploads(), idOf(proxy.last(http.MethodPatch).path)) == point
	})
	server.kill()
	await(ctx, t, "a HEAD has heard a 5xx", func() bool { return proxy.last(http.MethodHead).status >= http.StatusInternalServerError })
	server.start(ctx, t)
	proxy.release()
}

// onlyHeadIsChanged looks at what becomes of a 502, 503 and 504 that comes from behind the proxy.
func onlyHeadIsChanged(t *testing.T, f front) {
	ctx := bounded(t)
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		var status int
		_, _ = fmt.Sscan(r.Header.Get("X-Answer"), &status)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "ERR_SOMETHING: because")
	}))
	t.Cleanup(behind.Close)
	c := newTus(ctx, "http://"+f.before(ctx, t, behind.Listener.Addr().String(), true)+"/files/")
	for _, status := range []int{200, 404, 410, 423, 500, 502, 503, 504} {
		for _, r := range []struct{ method, address string }{
			{http.MethodHead, "/files/x"},
			{http.MethodPatch, "/files/x"},
			{http.MethodPost, "/files/"},
			{http.MethodGet, "/files/x"},
			{http.MethodDelete, "/files/x"},
			{http.MethodHead, "/readyz"},
			{http.MethodPost, "/files"},
			{http.MethodOptions, "/files"},
		} {
			a := c.do(r.method, r.address, headers{"X-Answer": fmt.Sprint(status)}, nil)
			want, text, later := status, "ERR_SOMETHING: because", "7"
			if r.method == http.MethodHead {
				text = ""
				if r.address == "/files/x" && status >= 502 {
					want, later = http.StatusLocked, "1"
				}
			}
			if a.err != nil || a.status != want || a.body != text || a.header.Get("Retry-After") != later {
				t.Errorf("%s %s, answered %d: heard %v with Retry-After %q, want %d with %q",
					r.method, r.address, status, a, a.header.Get("Retry-After"), want, later)
			}
		}
	}
}
