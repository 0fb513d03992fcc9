package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestComingBack leaves the page in the middle of three uploads, each in another way, and comes back. The small file and the
// mid-size one go on by themselves, the one that is too large for the browser to keep after it has been chosen again, each at
// its offset. Nothing is created anew.
func TestComingBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		leave func(s *site, b *browser, p *page) *page
	}{
		{"reload", func(_ *site, b *browser, p *page) *page {
			p.reload()
			return p
		}},
		{"close the tab", func(s *site, b *browser, p *page) *page {
			p.close()
			return s.open(b)
		}},
		{"close the browser", func(s *site, b *browser, _ *page) *page {
			b.quit()
			return s.open(startBrowser(s.ctx, s.t, b.profile))
		}},
		{"kill the browser", func(s *site, b *browser, _ *page) *page {
			b.kill()
			return s.open(startBrowser(s.ctx, s.t, b.profile))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const held = 3_000_000
			ctx, random, dir := bounded(t), seeded(t), t.TempDir()
			small, smallSum := source(t, random, dir, "small.bin", 5_000_000)
			middle, middleSum := source(t, random, dir, "middle.bin", 40_000_000)
			large := filepath.Join(dir, "large.bin")
			// A hole: it costs nothing until it is sent.
			if err := os.WriteFile(large, []byte("large"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(large, largeSize); err != nil {
				t.Fatal(err)
			}
			s := startSite(ctx, t)
			s.proxy.hold(held)
			b := startBrowser(ctx, t, t.TempDir())
			p := s.open(b)
			p.add(small, middle, large)
			names := []string{"small.bin", "middle.bin", "large.bin"}
			ids := map[string]string{}
			for _, name := range names {
				ids[name] = s.upload(name).ID
				s.awaitSize(ids[name], held)
			}
			p.remembers(2, ids["small.bin"], ids["middle.bin"], ids["large.bin"])

			p = c.leave(s, b, p)
			p.waitReady()
			s.awaitOn(ids["small.bin"], held)
			s.awaitOn(ids["middle.bin"], held)

			// The page says what it needs, and that is all it needs.
			p.waitFor(fmt.Sprintf(`document.querySelector(%q)`, item("large.bin")+".is-ghost"))
			p.waitFor(`/large\.bin[^]*choose it again/i.test(document.body.innerText)`)
			p.click(item("large.bin") + " .uppy-Dashboard-Item-reSelect")
			p.choose(fileInput, large)
			s.awaitOn(ids["large.bin"], held)
			if fullWanted() {
				s.proxy.release()
				p.waitFinished(names...)
				p.waitState("done")
				s.wantWhole(ids["large.bin"], fileSum(t, large))
			} else {
				p.click(item("large.bin") + " .uppy-Dashboard-Item-action--remove")
				await(ctx, t, "the large upload is cancelled", func() bool { return dataSize(s.server.uploads(), ids["large.bin"]) < 0 })
				s.proxy.release()
				p.waitFinished("small.bin", "middle.bin")
			}
			s.wantWhole(ids["small.bin"], smallSum)
			s.wantWhole(ids["middle.bin"], middleSum)
			s.wantCreated(3)
			s.offsetsNeverFall()
			for _, e := range s.proxy.seen("PATCH") {
				if e.status == 204 && e.start != 0 && e.start != held {
					t.Errorf("%s was sent on from %d", e.path, e.start)
				}
			}
		})
	}
}

// largeSize is more than the page has the browser keep: 1 GiB.
const largeSize = 1<<30 + 50_000_000

// TestSecondTab opens a second tab while the first one uploads. It says so and leaves the first alone, and takes over once the
// first is gone.
func TestSecondTab(t *testing.T) {
	t.Parallel()
	const size, held = 8_000_000, 3_000_000
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	path, sum := source(t, random, dir, "first.bin", size)
	other, otherSum := source(t, random, dir, "second.bin", 100_000)
	s := startSite(ctx, t)
	s.proxy.hold(held)
	first := s.open(startBrowser(ctx, t, ""))
	first.add(path)
	id := s.upload("first.bin").ID
	s.awaitSize(id, held)
	first.remembers(1, id)

	second := first.tab(s.url)
	second.waitReady()
	second.waitState("elsewhere")
	second.look("elsewhere")
	second.waitWords(`/another tab/i`)
	if n := second.text(`document.querySelectorAll('.uppy-Dashboard-Item').length`); n != "0" {
		t.Errorf("the second tab shows %s files of the first", n)
	}
	// It can be used all the same.
	second.add(other)
	second.waitFinished("second.bin")
	s.wantWhole(s.upload("second.bin").ID, otherSum)
	first.waitFinished("second.bin")
	if n := len(s.proxy.seen("PATCH")); n != 2 {
		t.Errorf("%d PATCHes, want one from each tab", n)
	}

	// With the first tab gone, the second takes over what it left, by itself.
	first.close()
	s.awaitOn(id, held)
	s.proxy.release()
	second.waitFinished("first.bin", "second.bin")
	s.wantWhole(id, sum)
	s.wantUploads(2)
	s.offsetsNeverFall()
}
