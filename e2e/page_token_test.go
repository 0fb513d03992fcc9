package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPageAsksForTheToken gives the page a wrong token and then the right one, by keyboard alone. The page shows and does nothing
// before, says plainly what is wrong, asks no more after that, not even after a reload, and hands out addresses that need none.
func TestPageAsksForTheToken(t *testing.T) {
	t.Parallel()
	const ada = "plt_ada-0123456789abcdef"
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	path, sum := source(t, random, dir, "Report for Ada.bin", 2_000_000)
	s := startSite(ctx, t, newTokensFile(t, map[string]string{ada: "ada@example.org"}).flags()...)
	p := s.openAsked(startBrowser(ctx, t, ""))
	p.do("grant", args{"permissions": []string{"clipboard-read", "clipboard-write"}}, nil)

	p.waitWords(`/asks for a token/i`)
	if box := p.text(`document.querySelectorAll('.uppy-Dashboard, #finished:not([hidden]), #account:not([hidden])').length`); box != "0" {
		t.Error("the page shows more than the question")
	}
	for _, e := range s.proxy.seen("") {
		if e.status/100 != 2 {
			t.Errorf("%s %s: %d, but the page and its parts need no token", e.method, e.path, e.status)
		}
	}
	for wrong, words := range map[string]string{"two words": `/no spaces/i`, "plt_of-nobody": `/not accept/i`} {
		p.paste(wrong) // the field has the focus, and what was wrong in it is selected
		p.press("Enter")
		p.waitFor(words + `.test(document.querySelector('#token .problem').innerText)`)
		p.wantPlainWords()
	}
	p.lookAsked("refused")
	p.paste(" Bearer " + ada + " ")
	p.press("Enter")
	p.waitReady()
	if text := p.text(`document.querySelector('#account').innerText`); !strings.Contains(text, "ada@example.org") {
		t.Errorf("the page says %q of who is signed in", text)
	}

	p.add(path)
	p.waitFinished("Report for Ada.bin")
	p.waitState("done")
	id := s.upload("Report for Ada.bin").ID
	s.wantWhole(id, sum)
	p.reload()
	p.waitReady()
	p.waitFinished("Report for Ada.bin")
	if asks := p.text(`!document.querySelector('#token').hidden`); asks != "false" {
		t.Error("the page asks again after a reload")
	}
	p.look("signed-in")

	const line = `#finished li[data-name="Report for Ada.bin"] `
	p.tabTo(line + "button.name")
	name, got := p.download(line + "button.name")
	if name != "Report for Ada.bin" || fileSum(t, got) != sum {
		t.Errorf("the browser downloaded %s, which is not what was uploaded", name)
	}
	p.tabTo(line + "button.copy")
	p.press("Enter")
	p.waitFor(`navigator.clipboard.readText().then((text) => text.includes('/files/` + id + `'))`)
	p.waitFor(fmt.Sprintf(`/copied.*until.*\d/i.test(document.querySelector(%q).innerText)`, line+".note"))
	p.look("copied")
	var copied string
	p.run(`navigator.clipboard.readText()`, &copied)
	s.wantSigned(copied, sum)
	s.wantNowhere(p, ada)

	// What is gone is said to be.
	if status := s.asks(http.MethodDelete, "/files/"+id, ada); status != http.StatusNoContent {
		t.Fatalf("DELETE: %d", status)
	}
	p.click(line + "button.name")
	p.waitFor(fmt.Sprintf(`/no longer has/i.test(document.querySelector(%q).innerText)`, line+".note"))
	p.wantPlainWords()

	// Whoever signs out leaves nothing to see.
	p.click("#account button")
	p.waitAsked()
	if left := p.text(`document.body.innerText + JSON.stringify({ ...sessionStorage })`); strings.Contains(left, "Report") || strings.Contains(left, ada) {
		t.Errorf("signed out, the page has %s", left)
	}
}

// TestTokenRunsOutInMidUpload lets the token end while an upload is in its middle, because it is withdrawn or because its time is over,
// and has the page ask the server again. The page says what it needs and sends nothing more; files that are added meanwhile wait, too.
// With a new token everything goes on by itself, the upload at its offset.
func TestTokenRunsOutInMidUpload(t *testing.T) {
	t.Parallel()
	const size, held = 8_000_000, 3_000_000
	for _, c := range []struct {
		name string
		// start gives the server's flags, and what gives a token: the second time another, and the first ends at once or soon.
		start func(t *testing.T) (flags []string, token func() string)
		// ended waits for the token's end, and has the page ask again.
		ended func(s *site, p *page, awaitEnd func())
		heard int // by the request that the page asks with
	}{
		{"withdrawn", withdrawn, cutAfter, http.StatusUnauthorized},
		{"expired", expired, cutAfter, http.StatusUnauthorized},
		{"expired while paused", expired, pausedMeanwhile, http.StatusLocked},
		{"expired, and the page is reloaded", expired, func(s *site, p *page, awaitEnd func()) {
			awaitEnd()
			p.reload()
			p.waitReady()
		}, http.StatusUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, random, dir := bounded(t), seeded(t), t.TempDir()
			path, sum := source(t, random, dir, "long.bin", size)
			flags, token := c.start(t)
			s := startSite(ctx, t, flags...)
			s.proxy.hold(held)
			p := s.openAsked(startBrowser(ctx, t, ""))
			first := token()
			p.signIn(first)
			p.add(path)
			id := s.upload("long.bin").ID
			s.awaitSize(id, held)
			p.remembers(1, id)
			second := token()
			c.ended(s, p, func() { s.awaitRefused(first) })
			p.waitAsked()
			p.waitState("waiting")
			p.waitWords(`/token has run out.*nothing is lost.*uploads go on/i`)
			p.wantPlainWords()
			if !slices.ContainsFunc(s.proxy.seen(""), func(e exchange) bool { return e.status == c.heard }) {
				t.Errorf("no request heard %d: the test shows nothing", c.heard)
			}
			p.look("run-out")

			var names []string
			for i := range 6 {
				name := fmt.Sprintf("meanwhile %d.bin", i)
				more, _ := source(t, random, dir, name, 50_000)
				p.add(more)
				names = append(names, name)
			}
			p.waitFor(`document.querySelectorAll('.uppy-Dashboard-Item').length === 7`)
			before := len(s.proxy.seen(""))
			quiet(t, time.Second)
			if after := len(s.proxy.seen("")); after != before {
				t.Errorf("the page sends %d requests, though it has no token", after-before)
			}

			p.give("plt_of-nobody")
			p.waitFor(`/not accept/i.test(document.querySelector('#token .problem').innerText)`)
			p.give(second)
			p.waitFor(`document.querySelector('#token').hidden`)
			s.awaitOn(id, held)
			s.proxy.release()
			p.waitFinished(append(names, "long.bin")...)
			p.waitState("done")
			s.wantWhole(id, sum)
			s.wantUploads(7)
			s.offsetsNeverFall()
			s.wantOneStart(id, held)
			s.wantNowhere(p, second)
		})
	}
}

func withdrawn(t *testing.T) ([]string, func() string) {
	file := newTokensFile(t, map[string]string{"the-first": "ada", "of-bob": "bob"})
	given := 0
	return file.flags(), func() string {
		if given++; given == 1 {
			return "the-first"
		}
		file.write(map[string]string{"the-second": "ada", "of-bob": "bob"})
		return "the-second"
	}
}

func expired(t *testing.T) ([]string, func() string) {
	keys := startKeyServer(t)
	lifetime := 12 * time.Second // long enough to begin an upload on a busy machine
	return keys.flags(), func() string {
		token := keys.token("ada", time.Now().Add(lifetime))
		lifetime = time.Hour
		return token
	}
}

func cutAfter(s *site, _ *page, awaitEnd func()) {
	awaitEnd()
	s.proxy.cut()
}

// pausedMeanwhile has the page ask with HEAD, which hears 423.
func pausedMeanwhile(s *site, p *page, awaitEnd func()) {
	pause := pauseButton("long.bin")
	p.click(pause)
	p.waitFor(labelled(pause, "Resume"))
	s.proxy.cut() // or the server would not hear of the pause: the proxy holds the bytes
	awaitEnd()
	p.click(pause)
}

// TestPageOfTwoOwners has two people use one browser, each in a tab with an own token. Neither sees, goes on with or breaks what the
// other has, though both upload the same file; and whoever comes back finds the own upload where it was.
func TestPageOfTwoOwners(t *testing.T) {
	t.Parallel()
	const size, held = 8_000_000, 3_000_000
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	path, sum := source(t, random, dir, "shared.bin", size)
	done, _ := source(t, random, dir, "of ada.bin", 1000)
	s := startSite(ctx, t, newTokensFile(t, map[string]string{"of-ada": "ada", "of-bob": "bob"}).flags()...)
	ada := s.openAsked(startBrowser(ctx, t, ""))
	ada.signIn("of-ada")
	ada.add(done)
	ada.waitFinished("of ada.bin")
	s.proxy.hold(held)
	ada.add(path)
	first := s.upload("shared.bin").ID
	s.awaitSize(first, held)
	ada.remembers(1, first)

	// A second tab of the same person asks for the token, too, and then says what the first one is at.
	second := s.asked(ada.tab(s.url))
	second.signIn("of-ada")
	second.waitState("elsewhere")
	second.waitFinished("of ada.bin")
	second.close()

	bob := s.asked(ada.tab(s.url))
	bob.signIn("of-bob")
	bob.waitState("idle")
	if shows := bob.text(`document.body.innerText`); strings.Contains(shows, ".bin") || !strings.Contains(shows, "bob") {
		t.Errorf("bob sees\n%s", shows)
	}
	ada.close()
	s.proxy.cut()
	s.proxy.release()
	bob.add(path)
	bob.waitFinished("shared.bin")
	s.wantCreated(3)
	if kept := s.server.backend().kept(t, first); kept != held {
		t.Errorf("ada's upload has %d bytes, want %d", kept, held)
	}

	// In bob's tab, ada signs in.
	bob.click("#account button")
	bob.signIn("of-ada")
	bob.waitFinished("of ada.bin", "shared.bin")
	s.wantWhole(first, sum)
	s.wantUploads(3)
	s.offsetsNeverFall()
	if start := s.proxy.last("PATCH").start; start != held {
		t.Errorf("ada's upload went on from %d, want %d", start, held)
	}
}

// TestPageWithATokenUnderAnotherName opens the page under another name than --base-url gives to uploads. The token reaches them all
// the same, and a text that is clicked on opens beside the page, which stays.
func TestPageWithATokenUnderAnotherName(t *testing.T) {
	t.Parallel()
	ctx, dir := bounded(t), t.TempDir()
	path := filepath.Join(dir, "note.txt")
	if err := os.WriteFile(path, []byte("for ada"), 0o600); err != nil {
		t.Fatal(err)
	}
	between := startBetween(t, "")
	_, port, err := net.SplitHostPort(between.addr)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://localhost:" + port
	s := startSite(ctx, t, append(newTokensFile(t, map[string]string{"of-ada": "ada"}).flags(), "--base-url", base)...)
	between.to(s.server.addr)
	s.url = "http://" + between.addr + "/"
	p := s.openAsked(startBrowser(ctx, t, "", "--host-resolver-rules=MAP localhost 127.0.0.1"))
	p.signIn("of-ada")
	p.add(path)
	p.waitFinished("note.txt")
	id := s.upload("note.txt").ID
	s.wantWhole(id, fileSum(t, path))
	opened := p.follow("#finished button.name")
	opened.waitFor(`document.body.innerText === 'for ada'`)
	if href := opened.text(`location.href`); !strings.HasPrefix(href, base+"/files/"+id+"?") {
		t.Errorf("the file was opened at %s, want a signed address below %s", href, base)
	}
	if said := p.said(); len(said) > 0 {
		t.Errorf("the console says:\n%s", strings.Join(said, "\n"))
	}
}
