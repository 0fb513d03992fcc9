package e2e

import (
	"context"
	"os"
	"testing"
	"time"
)

// TestNetworkOffAndOn takes the network away in the middle of an upload. The page says so, sends nothing, and goes on by itself
// once the network is back.
func TestNetworkOffAndOn(t *testing.T) {
	t.Parallel()
	const size, held = 20_000_000, 3_000_000
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "wifi.bin", size)
	s := startSite(ctx, t)
	s.proxy.hold(held)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	id := s.upload("wifi.bin").ID
	s.awaitSize(id, held)

	p.offline(true)
	s.proxy.cut()
	p.waitState("offline")
	p.waitWords(`/offline[^]*nothing is lost/i`)
	before := len(s.proxy.seen(""))
	quiet(t, 2*time.Second)
	if after := s.proxy.seen("")[before:]; len(after) > 0 {
		t.Errorf("offline, the page sent %s %s", after[0].method, after[0].path)
	}
	p.offline(false)
	back := time.Now()
	s.awaitOn(id, held)
	t.Logf("the upload went on %v after the network came back", time.Since(back))
	p.waitState("uploading")
	s.proxy.release()
	p.waitFinished("wifi.bin")
	p.waitState("done")
	s.wantUploads(1)
	s.wantWhole(id, sum)
	s.offsetsNeverFall()
}

// TestServerAway takes the server away in the middle of an upload, for 30 seconds or as long as PLATEAU_E2E_AWAY says. The page
// says so and that nothing is lost, does not fill the ears of a screen reader's user, and goes on by itself.
func TestServerAway(t *testing.T) {
	t.Parallel()
	const size, held = 20_000_000, 3_000_000
	away := 30 * time.Second
	if given := os.Getenv("PLATEAU_E2E_AWAY"); given != "" {
		var err error
		if away, err = time.ParseDuration(given); err != nil {
			t.Fatalf("PLATEAU_E2E_AWAY: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout+away)
	t.Cleanup(cancel)
	random := seeded(t)
	path, sum := source(t, random, t.TempDir(), "away.bin", size)
	s := startSite(ctx, t)
	s.proxy.hold(held)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	id := s.upload("away.bin").ID
	s.awaitSize(id, held)

	s.server.kill()
	p.waitState("waiting")
	p.waitWords(`/can('|no)t be reached[^]*nothing is lost/i`)
	p.look("waiting")
	// What is announced: changes of the status line but for what it hides from those who only hear it.
	p.run(`
		const status = document.querySelector('#status')
		const heard = () => {
			const copy = status.cloneNode(true)
			copy.querySelectorAll('[aria-hidden=true]').forEach((part) => part.remove())
			return copy.textContent.trim()
		}
		const spoken = [heard()]
		new MutationObserver(() => heard() !== spoken.at(-1) && spoken.push(heard()))
			.observe(status, { subtree: true, childList: true, characterData: true, attributes: true })
		document.documentElement.spoken = spoken
		document.documentElement.counted = new Set()
		new MutationObserver(() => document.documentElement.counted.add(status.textContent))
			.observe(status, { subtree: true, childList: true, characterData: true })
	`, nil)
	quiet(t, away)
	p.waitState("waiting")
	p.waitWords(`/can('|no)t be reached[^]*nothing is lost/i`)
	var spoken, counted []string
	p.run(`document.documentElement.spoken`, &spoken)
	p.run(`[...document.documentElement.counted]`, &counted)
	if limit := 2 + int(away/(15*time.Second)); len(spoken) > limit {
		t.Errorf("in %v a screen reader had %d things to say, want at most %d: %q", away, len(spoken), limit, spoken)
	}
	if len(counted) < 5 {
		t.Errorf("nothing counts down to the next try: %q", counted)
	}
	if left := p.text(`document.querySelector('.uppy-Dashboard').innerText`); timeLeft.MatchString(left) {
		t.Errorf("while the server is away the page claims to know the time left: %q", left)
	}

	s.server.start(ctx, t)
	back := time.Now()
	s.awaitOn(id, held)
	t.Logf("the upload went on %v after the server came back", time.Since(back))
	p.waitState("uploading")
	s.proxy.release()
	p.waitFinished("away.bin")
	p.waitState("done")
	s.wantUploads(1)
	s.wantWhole(id, sum)
	s.offsetsNeverFall()
}

// TestSilentNetwork lets a connection die as Wi-Fi does: nothing arrives any more, and nobody is told. After a minute without
// movement the page breaks the request off, and goes on from what the server has.
func TestSilentNetwork(t *testing.T) {
	t.Parallel()
	const size, held = 20_000_000, 3_000_000
	ctx, random := bounded(t), seeded(t)
	path, sum := source(t, random, t.TempDir(), "silent.bin", size)
	s := startSite(ctx, t)
	s.proxy.hold(held)
	p := s.open(startBrowser(ctx, t, ""))
	p.add(path)
	id := s.upload("silent.bin").ID
	s.awaitSize(id, held)
	p.waitWords(`/nothing has moved[^]*nothing is lost/i`)
	s.awaitOn(id, held)
	s.proxy.release()
	p.waitFinished("silent.bin")
	p.waitState("done")
	s.wantUploads(1)
	s.wantWhole(id, sum)
	s.offsetsNeverFall()
}
