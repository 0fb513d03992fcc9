package e2e

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// TestPageThroughCutsAndKills uploads a file from the page over a slow line while the connection is cut and the server is killed
// with -9 and started again, at random offsets, always in the middle of a request's body. One upload is created, it never falls
// back, and it ends whole.
func TestPageThroughCutsAndKills(t *testing.T) {
	t.Parallel()
	pageThroughCutsAndKills(t, onDisk, 60_000_000, 6)
}

// pageThroughCutsAndKills makes as many cuts as kills.
func pageThroughCutsAndKills(t *testing.T, start starter, size int64, kills int) {
	t.Helper()
	cuts := kills
	ctx, random := bounded(t), seeded(t)
	s := startSiteOver(ctx, t, start)
	b := s.server.backend()
	network := startNetwork(t, s.proxy.listener.Addr().String())
	network.slow(24 << 10)
	network.breaks(rand.New(rand.NewPCG(random.Uint64(), 0)), 1<<20, 16<<20)
	s.url = strings.TrimSuffix(network.files(), "files/")
	path, sum := source(t, random, t.TempDir(), "train.bin", size)
	page := s.open(startBrowser(ctx, t, ""))
	s.proxy.hold(0)
	page.add(path)
	id := s.upload("train.bin").ID

	var kept int64
	for i, point := range killPoints(random, size, kills+cuts) {
		point = max(point, kept)
		s.proxy.hold(min(point+1+random.Int64N(1<<20), size-1))
		await(ctx, t, "a body has come to the point of the next fault", func() bool {
			last := s.proxy.last("PATCH")
			return last.inside() && !last.over && last.reached() >= point && (!b.seesAll() || b.kept(t, id) >= point)
		})
		if i%2 == 0 {
			s.server.kill()
			await(ctx, t, "the proxy has noticed", func() bool { return s.proxy.last("PATCH").over })
			if kept = b.kept(t, id); b.seesAll() && kept < point {
				t.Fatalf("%d bytes had arrived, %d are left", point, kept)
			}
			s.server.start(ctx, t)
		} else {
			s.proxy.cut()
			kept = s.proxy.last("PATCH").reached() // at most: some of it may not have arrived
		}
	}
	s.proxy.release()
	page.waitFinished("train.bin")
	page.waitState("done")
	broken := 0
	for _, e := range s.proxy.seen("PATCH") {
		if e.sent < e.length && e.status != http.StatusConflict {
			broken++
		}
	}
	t.Logf("%d requests broke off, %d of them because the server was killed", broken, kills)
	if broken < kills+cuts {
		t.Errorf("only %d requests broke off, want at least %d", broken, kills+cuts)
	}
	s.wantUploads(1)
	s.wantWhole(id, sum)
	s.offsetsNeverFall()
}

// cut ends all connections in the middle of what they carry, as a network that goes away.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.ended = true
		_ = l.client.SetLinger(0)
		_ = l.client.Close()
		_ = l.server.Close()
	}
	p.changed.Broadcast()
}
