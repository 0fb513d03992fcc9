package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestRememberedFileIsDroppedOrForgotten comes back to uploads that the browser could not keep. One file is simply dropped on the page
// again and goes on; the other is removed from the list, and from the server.
func TestRememberedFileIsDroppedOrForgotten(t *testing.T) {
	t.Parallel()
	const held = 2_000_000
	ctx, dir := bounded(t), t.TempDir()
	s := startSite(ctx, t)
	s.proxy.hold(held)
	p := s.open(startBrowser(ctx, t, ""))
	var paths, ids []string
	for _, name := range []string{"dropped.bin", "forgotten.bin"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, largeSize); err != nil {
			t.Fatal(err)
		}
		p.add(path)
		id := s.upload(name).ID
		s.awaitSize(id, held)
		paths, ids = append(paths, path), append(ids, id)
	}
	p.remembers(0, ids...)
	p.reload()
	p.waitReady()
	p.waitFor(`document.querySelectorAll('.uppy-Dashboard-Item.is-ghost').length === 2`)
	p.waitWords(`/choose them again/i`)

	p.click(item("forgotten.bin") + " .uppy-Dashboard-Item-action--remove")
	p.waitFor(fmt.Sprintf(`!document.querySelector(%q)`, item("forgotten.bin")))
	await(ctx, t, "the server has forgotten it too", func() bool { return dataSize(s.server.uploads(), ids[1]) < 0 })
	p.drop(".uppy-Dashboard", paths[0])
	s.awaitOn(ids[0], held)
	s.wantCreated(2)
	if n := len(s.proxy.seen("DELETE")); n != 1 {
		t.Errorf("%d DELETEs, want 1", n)
	}
}

// TestRetryAfterFailure has a server refuse an upload for good in its middle. The person tries again once the server has been told
// better, and the upload goes on where it was.
func TestRetryAfterFailure(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "again.bin", 3_000_000)
	s := startSite(ctx, t)
	between := startBetween(t, "")
	between.to(s.proxy.listener.Addr().String())
	s.url = "http://" + between.addr + "/"
	s.proxy.hold(1_000_000)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	id := s.upload("again.bin").ID
	s.awaitSize(id, 1_000_000)
	between.answers(func(r *http.Request) int {
		if r.Method == http.MethodHead {
			return http.StatusForbidden
		}
		return 0
	})
	s.proxy.cut()
	p.waitState("error")
	p.waitWords(`/again\.bin|let you in/i`)
	between.answers(nil)
	s.proxy.release()
	p.click(".uppy-StatusBar-actionBtn--retry")
	p.waitFinished("again.bin")
	p.waitState("done")
	s.wantUploads(1)
	s.wantWhole(id, sum)
	s.offsetsNeverFall()
}

// TestUploadIsGone has the server lose an upload while it is away: what was sent is gone, and only then the page begins anew.
func TestUploadIsGone(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "anew.bin", 3_000_000)
	s := startSite(ctx, t)
	s.proxy.hold(1_000_000)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	id := s.upload("anew.bin").ID
	s.awaitSize(id, 1_000_000)
	s.server.kill()
	for _, name := range []string{id, id + ".info"} {
		if err := os.Remove(filepath.Join(s.server.uploads(), name)); err != nil {
			t.Fatal(err)
		}
	}
	s.proxy.release()
	s.server.start(ctx, t)
	p.waitFinished("anew.bin")
	p.waitState("done")
	s.wantWhole(s.upload("anew.bin").ID, sum)
	s.wantCreated(2)
}

// TestChosenOffline chooses files while there is no network, one of them twice. They go up once the network is back, each once.
func TestChosenOffline(t *testing.T) {
	t.Parallel()
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	s := startSite(ctx, t)
	p := s.open(startBrowser(ctx, t, ""))
	p.offline(true)
	p.waitState("offline")
	var names []string
	sums := map[string]string{}
	for i := range 3 {
		name := fmt.Sprintf("later %d.bin", i)
		path, sum := source(t, random, dir, name, 100_000)
		names, sums[name] = append(names, name), sum
		p.add(path)
		if i == 1 {
			p.add(path)
			p.waitFor(`/later 1\.bin.*in the list already/i.test(document.body.innerText)`)
		}
	}
	p.waitFor(`document.querySelectorAll('.uppy-Dashboard-Item').length === 3`)
	p.waitWords(`/offline/i`)
	p.offline(false)
	back := time.Now()
	p.waitFinished(names...)
	p.waitState("done")
	t.Logf("all were finished %v after the network came back", time.Since(back))
	s.wantUploads(3)
	for _, name := range names {
		s.wantWhole(s.upload(name).ID, sums[name])
	}
}

// TestCancelledWhileResuming cancels an upload in the moment in which it is about to go on: the page reads the file before it asks
// the server. Nothing is asked any more, and no new upload appears.
func TestCancelledWhileResuming(t *testing.T) {
	t.Parallel()
	ctx, random := bounded(t), seeded(t)
	path, _ := source(t, random, t.TempDir(), "cancelled.bin", 3_000_000)
	s := startSite(ctx, t)
	s.proxy.hold(1_000_000)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	id := s.upload("cancelled.bin").ID
	s.awaitSize(id, 1_000_000)
	pause := pauseButton("cancelled.bin")
	p.click(pause)
	p.waitFor(labelled(pause, "Resume"))
	p.run(`
		const read = Blob.prototype.arrayBuffer
		Blob.prototype.arrayBuffer = function () {
			return new Promise((resolve) => (document.documentElement.goOn = resolve)).then(() => read.call(this))
		}
	`, nil)
	p.click(pause)
	p.waitFor(`!!document.documentElement.goOn`)
	p.click(item("cancelled.bin") + " .uppy-Dashboard-Item-action--remove")
	await(ctx, t, "the cancelled upload is gone", func() bool { return dataSize(s.server.uploads(), id) < 0 })
	p.run(`document.documentElement.goOn()`, nil)
	quiet(t, time.Second)
	s.wantCreated(1)
	if list := records(t, s.server.uploads()); len(list) != 0 {
		t.Errorf("an upload that nobody wants is left: %v", list)
	}
}

// TestReloadAtTheEnd reloads the page in the moment in which the last file is done. Nothing is uploaded a second time.
func TestReloadAtTheEnd(t *testing.T) {
	t.Parallel()
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	s := startSite(ctx, t)
	p := s.open(startBrowser(ctx, t, ""))
	const rounds, files = 4, 5
	for round := range rounds {
		var paths, names []string
		for i := range files {
			name := fmt.Sprintf("round %d file %d.bin", round, i)
			path, _ := source(t, random, dir, name, int64(i)*5_000)
			paths, names = append(paths, path), append(names, name)
		}
		p.add(paths...)
		p.waitFinished(names...)
		p.reload()
		p.waitReady()
	}
	const n = rounds * files
	quiet(t, time.Second)
	s.wantUploads(n)
	if got := p.text(`document.querySelectorAll('#finished li[data-name]').length`); got != fmt.Sprint(n) {
		t.Errorf("%s files are listed, want %d", got, n)
	}
}
