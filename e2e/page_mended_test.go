package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPageLeavesAConnection uploads more files at once than a browser has connections to one server, from two tabs. A third tab
// opens all the same.
func TestPageLeavesAConnection(t *testing.T) {
	t.Parallel()
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	s := startSite(ctx, t)
	s.proxy.hold(100_000)
	p := s.open(startBrowser(ctx, t, ""))
	var paths []string
	for i := range 9 {
		path, _ := source(t, random, dir, fmt.Sprintf("%d.bin", i), 1_000_000)
		paths = append(paths, path)
	}
	running := func(n int) func() bool { return func() bool { return len(s.proxy.seen("PATCH")) == n } }
	p.add(paths[:6]...)
	await(ctx, t, "four uploads run", running(4))
	second := p.tab(s.url)
	second.waitReady()
	second.add(paths[6:]...)
	await(ctx, t, "one of the second tab runs beside them", running(5))
	third := p.tab(s.url)
	third.waitReady()
	if !running(5)() {
		t.Errorf("%d uploads run at once, want 5", len(s.proxy.seen("PATCH")))
	}
	s.proxy.release()
	p.waitFinished("5.bin")
	second.waitFinished("8.bin")
	s.wantUploads(9)
}

// TestRememberedFileThatFailed reloads the page after a file has failed that the browser could not keep. It is to be chosen again,
// and goes on where it was. When its content has changed meanwhile, it is another file; the remembered one is there until a person
// removes it.
func TestRememberedFileThatFailed(t *testing.T) {
	t.Parallel()
	ctx, dir := bounded(t), t.TempDir()
	path := filepath.Join(dir, "large.bin")
	if err := os.WriteFile(path, []byte("large"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, largeSize); err != nil {
		t.Fatal(err)
	}
	s := startSite(ctx, t)
	between := startBetween(t, "")
	between.to(s.server.addr)
	s.url = "http://" + between.addr + "/"
	refuse := func(status int) {
		between.answers(func(r *http.Request) int {
			if r.Method == http.MethodPatch || r.Method == http.MethodHead {
				return status
			}
			return 0
		})
	}
	refuse(http.StatusForbidden)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	p.waitState("error")
	id := s.upload("large.bin").ID
	p.remembers(0, id, "does not let you in")
	p.look("refused")

	const remembered = `/remembers where large\.bin stopped: choose it again/`
	p.reload()
	p.waitReady()
	p.waitWords(remembered)
	p.waitFor(`!document.querySelector('.uppy-StatusBar-actionBtn--retry')`)
	p.look("remembered")
	heads := between.count(http.MethodHead)
	refuse(http.StatusServiceUnavailable)
	p.add(path)
	p.waitState("waiting") // for the server, and no longer for the file
	await(ctx, t, "the file goes on where it was", func() bool { return between.count(http.MethodHead) > heads })

	p.reload()
	p.waitReady()
	p.waitWords(remembered)
	if err := os.Truncate(path, 1_000_000); err != nil {
		t.Fatal(err)
	}
	between.answers(nil)
	p.add(path)
	p.waitFinished("large.bin")
	p.waitWords(`/remove it if it has changed/`) // a file of the same name may be another: nothing is thrown away unasked
	if list := records(t, s.server.uploads()); len(list) != 2 {
		t.Errorf("%d uploads, want the remembered one and the new one", len(list))
	}
	p.run(`[...document.querySelectorAll('.uppy-Dashboard-Item')].find((e) => e.querySelector('.uppy-Dashboard-Item-reSelect')).querySelector('.uppy-Dashboard-Item-action--remove').click()`, nil)
	p.waitState("done")
	await(ctx, t, "the old upload is gone", func() bool {
		list := records(t, s.server.uploads())
		return len(list) == 1 && list[0].ID != id
	})
}

// TestPageWithFullStorage fills the page's storage while it is open. That costs the memory of a crash, not the upload.
func TestPageWithFullStorage(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "fits.bin", 100_000)
	s := startSite(ctx, t)
	p := s.open(startBrowser(ctx, t, ""))
	p.run(`(() => {
		let n = 0
		for (let text = 'x'.repeat(1 << 20); text; ) {
			try { localStorage.setItem('fill' + n++, text) } catch { text = text.slice(text.length / 2 + 1) }
		}
	})()`, nil)
	p.add(path)
	p.waitFinished("fits.bin")
	p.waitState("done")
	s.wantUploads(1)
	s.wantWhole(s.upload("fits.bin").ID, sum)
	if n := len(s.proxy.seen("HEAD")); n != 0 {
		t.Errorf("%d HEAD requests, want none", n)
	}
}

// TestPageUnderAnotherName opens the page under another name than the one that --base-url gives to uploads.
func TestPageUnderAnotherName(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "named.bin", 100_000)
	between := startBetween(t, "")
	_, port, err := net.SplitHostPort(between.addr)
	if err != nil {
		t.Fatal(err)
	}
	s := startSite(ctx, t, "--base-url", "http://localhost:"+port)
	between.to(s.server.addr)
	s.url = "http://" + between.addr + "/"
	p := s.open(startBrowser(ctx, t, "", "--host-resolver-rules=MAP localhost 127.0.0.1"))
	p.add(path)
	p.waitFinished("named.bin")
	s.wantWhole(s.upload("named.bin").ID, sum)
	if said := p.said(); len(said) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
	}
}

// TestSecondTabWithoutLocks closes the tab that keeps uploads where the browser has no locks. The second tab takes its place, goes on
// with what it left, and loses nothing that is chosen in it at that moment.
func TestSecondTabWithoutLocks(t *testing.T) {
	t.Parallel()
	const held = 1_000_000
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "left.bin", 3_000_000)
	s := startSite(ctx, t)
	s.proxy.hold(held)
	s.url = strings.Replace(s.url, "127.0.0.1", "plateau.test", 1)
	b := startBrowser(ctx, t, t.TempDir(), "--host-resolver-rules=MAP plateau.test 127.0.0.1")
	one := s.open(b)
	if locks := one.text(`navigator.locks`); locks != "undefined" {
		t.Fatalf("navigator.locks is %s", locks)
	}
	one.add(path)
	id := s.upload("left.bin").ID
	s.awaitSize(id, held)
	one.remembers(1, id)
	two := s.open(b)
	two.waitWords(`/running in another tab/`)
	two.run(`(() => {
		const real = IDBIndex.prototype.getAll
		IDBIndex.prototype.getAll = function (...rest) {
			IDBIndex.prototype.getAll = real
			const chosen = new DataTransfer()
			chosen.items.add(new File([new Uint8Array(2_000_000)], 'mine.bin'))
			const input = document.querySelector('input[type=file]')
			input.files = chosen.files
			input.dispatchEvent(new Event('change', { bubbles: true }))
			return real.apply(this, rest)
		}
	})()`, nil)
	one.close()
	s.awaitOn(id, held)
	two.waitState("uploading")
	s.proxy.release()
	two.waitFinished("left.bin", "mine.bin")
	s.wantWhole(id, sum)
	s.wantUploads(2)
}

// TestUploadIsForgotten has a server forget at once what it creates, as two servers without a common store do. The page gives up.
func TestUploadIsForgotten(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	path, _ := source(t, random, t.TempDir(), "lost.bin", 10_000)
	s := startSite(ctx, t)
	between := startBetween(t, "")
	between.to(s.server.addr)
	between.answers(func(r *http.Request) int {
		if r.Method == http.MethodPost {
			return 0
		}
		return http.StatusNotFound
	})
	s.url = "http://" + between.addr + "/"
	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	p.waitState("error")
	p.waitWords(`/lost\.bin was not uploaded\. The server does not take it/`)
	if posts := between.count(http.MethodPost); posts != 4 {
		t.Errorf("%d uploads were begun, want 4", posts)
	}

	// What runs and is gone from the server is cancelled without an exception.
	between.answers(func(r *http.Request) int {
		switch r.Method {
		case http.MethodPost:
			return 0
		case http.MethodDelete:
			return http.StatusNotFound
		}
		return http.StatusServiceUnavailable
	})
	p.click(".uppy-Dashboard-Item-action--remove")
	p.waitState("idle")
	p.add(path)
	p.waitState("waiting")
	before := strings.Count(strings.Join(p.said(), "\n"), "404")
	p.click(".uppy-Dashboard-Item-action--remove")
	p.waitState("idle")
	await(ctx, t, "the answer to DELETE has come", func() bool { return strings.Count(strings.Join(p.said(), "\n"), "404") > before })
	p.run(`new Promise((resolve) => setTimeout(resolve, 100))`, nil) // an exception would be told of after the answer
	for _, said := range p.said() {
		if strings.HasPrefix(said, "exception") {
			t.Error(said)
		}
	}
}

// TestPageWithoutSiteData opens the page where a person has blocked what sites store. It knows of no other tab, and uploads.
func TestPageWithoutSiteData(t *testing.T) {
	t.Parallel()
	ctx, random, profile := bounded(t), seeded(t), t.TempDir()
	path, sum := source(t, random, t.TempDir(), "blocked.bin", 10_000)
	if err := os.Mkdir(filepath.Join(profile, "Default"), 0o755); err != nil {
		t.Fatal(err)
	}
	const blocked = `{"profile": {"default_content_setting_values": {"cookies": 2}}}`
	if err := os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(blocked), 0o644); err != nil {
		t.Fatal(err)
	}
	s := startSite(ctx, t)
	p := s.open(startBrowser(ctx, t, profile))
	if storage := p.text(`(() => { try { return localStorage } catch { return 'blocked' } })()`); storage != "blocked" {
		t.Fatalf("localStorage is %s", storage)
	}
	p.waitState("idle")
	p.add(path)
	p.waitFinished("blocked.bin")
	p.waitState("done")
	s.wantWhole(s.upload("blocked.bin").ID, sum)
	if said := p.said(); len(said) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
	}
}

// TestFinishedListByKeyboard takes a line off the list by keyboard. The focus goes to the next one, and from the last to the one
// before it.
func TestFinishedListByKeyboard(t *testing.T) {
	t.Parallel()
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	s := startSite(ctx, t)
	p := s.open(startBrowser(ctx, t, ""))
	for _, name := range []string{"d.bin", "c.bin", "b.bin", "a.bin"} { // the newest comes first
		path, _ := source(t, random, dir, name, 100)
		p.add(path)
		p.waitFinished(name)
	}
	const focused = `document.activeElement.closest('#finished li')?.dataset.name`
	p.run(`document.querySelector('#finished li[data-name="b.bin"] button.remove').focus()`, nil)
	for _, want := range []string{"c.bin", "d.bin", "a.bin"} {
		p.press("Enter")
		p.waitFor(fmt.Sprintf("%s === %q", focused, want))
	}
}
