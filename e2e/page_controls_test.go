package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPauseResumeCancel pauses one upload and cancels another. What is paused stays where it is and goes on there; what is
// cancelled is removed from the server with one request.
func TestPauseResumeCancel(t *testing.T) {
	t.Parallel()
	const size, held = 8_000_000, 2_000_000
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	paused, sum := source(t, random, dir, "paused.bin", size)
	cancelled, _ := source(t, random, dir, "cancelled.bin", size)
	s := startSite(ctx, t)
	s.proxy.hold(held)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(paused, cancelled)
	kept, dropped := s.upload("paused.bin").ID, s.upload("cancelled.bin").ID
	s.awaitSize(kept, held)
	s.awaitSize(dropped, held)

	p.click(item("cancelled.bin") + " .uppy-Dashboard-Item-action--remove")
	await(ctx, t, "the cancelled upload is gone", func() bool { return dataSize(s.server.uploads(), dropped) < 0 })
	await(ctx, t, "the DELETE is answered", func() bool { return s.proxy.last("DELETE").status != 0 })
	if list := s.proxy.seen("DELETE"); len(list) != 1 || idOf(list[0].path) != dropped || list[0].status != 204 {
		t.Errorf("DELETE: %v, want one with 204", statuses(list))
	}
	if list := records(t, s.server.uploads()); len(list) != 1 || list[0].ID != kept {
		t.Errorf("in the folder are %v", list)
	}
	p.waitFor(fmt.Sprintf(`!document.querySelector(%q)`, item("cancelled.bin")))

	pause := pauseButton("paused.bin")
	p.click(pause)
	p.waitFor(labelled(pause, "Resume"))
	before := len(s.proxy.seen(""))
	quiet(t, time.Second)
	if got := len(s.proxy.seen("")); got != before {
		t.Errorf("paused, the page sent %d requests", got-before)
	}
	// It stays paused over a reload.
	p.remembers(1, kept)
	before = len(s.proxy.seen("PATCH"))
	p.reload()
	p.waitReady()
	p.waitFor(labelled(pause, "Resume"))
	quiet(t, time.Second)
	if got := len(s.proxy.seen("PATCH")); got != before {
		t.Errorf("paused, the page sent %d PATCHes after a reload", got-before)
	}
	p.click(pause)
	s.awaitOn(kept, held)
	s.proxy.release()
	p.waitFinished("paused.bin")
	p.waitState("done")
	s.wantCreated(2)
	s.wantWhole(kept, sum)
	s.offsetsNeverFall()
	// A request that was broken off may still hear that another has taken its place, before the browser has let go of it.
	said := slices.DeleteFunc(p.said(), func(line string) bool { return strings.Contains(line, "423 (Locked)") })
	if len(said) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
	}
}

// pauseButton is the selector of the button that pauses a file's upload, and lets it go on.
func pauseButton(name string) string {
	return item(name) + " button.uppy-Dashboard-Item-progressIndicator"
}

// labelled is an expression that is true when an element's label begins with a word.
func labelled(selector, word string) string {
	return fmt.Sprintf(`document.querySelector(%q)?.ariaLabel.startsWith(%q)`, selector, word)
}

// TestKeyboardOnly chooses a file, pauses it, lets it go on, cancels it, uploads another and copies its address with Tab and Enter
// alone. What has the focus can be seen.
func TestKeyboardOnly(t *testing.T) {
	t.Parallel()
	const size, held = 8_000_000, 2_000_000
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	path, _ := source(t, random, dir, "keys.bin", size)
	other, sum := source(t, random, dir, "more keys.bin", 1_000_000)
	s := startSite(ctx, t)
	s.proxy.hold(held)
	p := s.open(startBrowser(ctx, t, ""))
	p.do("grant", args{"permissions": []string{"clipboard-read", "clipboard-write"}}, nil)

	p.tabTo(`.uppy-Dashboard-browse:first-of-type`)
	p.pick("Enter", path)
	id := s.upload("keys.bin").ID
	s.awaitSize(id, held)
	pause := pauseButton("keys.bin")
	p.tabTo(pause)
	p.press("Enter")
	p.waitFor(labelled(pause, "Resume"))
	p.press("Enter")
	p.waitFor(labelled(pause, "Pause"))
	p.tabTo(item("keys.bin") + " .uppy-Dashboard-Item-action--remove")
	p.press("Enter")
	await(ctx, t, "the cancelled upload is gone", func() bool { return dataSize(s.server.uploads(), id) < 0 })

	p.tabTo(`.uppy-Dashboard-browse:first-of-type`)
	p.pick("Enter", other)
	p.waitFinished("more keys.bin")
	s.wantWhole(s.upload("more keys.bin").ID, sum)
	p.tabTo(`#finished li[data-name="more keys.bin"] button.copy`)
	p.press("Enter")
	p.waitFor(`navigator.clipboard.readText().then((text) => text === document.querySelector('#finished li a[href]').href)`)
	p.tabTo(`#finished li[data-name="more keys.bin"] button.remove`)
	p.press("Enter")
	p.waitFor(`!document.querySelector('#finished li[data-name]')`)
}

// tabTo presses Tab until an element has the focus, and wants that to be seen.
func (p *page) tabTo(selector string) {
	p.b.t.Helper()
	p.waitFor(fmt.Sprintf(`document.querySelector(%q)`, selector))
	for range 60 {
		p.press("Tab")
		if p.text(fmt.Sprintf(`document.activeElement?.matches(%q)`, selector)) != "true" {
			continue
		}
		seen := p.text(`(() => {
			const style = getComputedStyle(document.activeElement)
			return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none'
		})()`)
		if seen != "true" {
			p.b.t.Errorf("%s has the focus, which cannot be seen", selector)
		}
		return
	}
	p.b.t.Fatalf("Tab does not reach %s", selector)
}
