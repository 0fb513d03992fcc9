package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestPageSaysWhatIsWrong has a server, or a balancer in front of it, refuse an upload. For a passing trouble the page says that it
// waits and goes on by itself once the trouble is over; for a final one it says what is wrong and sends nothing more. Nowhere
// does it show what only a programmer understands.
func TestPageSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	ctx, random, dir := bounded(t), seeded(t), t.TempDir()
	s, b := startSite(ctx, t), startBrowser(ctx, t, "")
	between := startBetween(t, "")
	between.to(s.server.addr)
	s.url = "http://" + between.addr + "/"
	tab := s.open(b)
	for i, c := range []struct {
		status int
		method string // the request that is refused
		words  string
		final  bool
	}{
		{http.StatusServiceUnavailable, "POST", `/busy|too many|overload/i`, false},
		{http.StatusServiceUnavailable, "PATCH", `/busy|too many|overload/i`, false},
		{http.StatusLocked, "PATCH", `/still|in use|busy|another|lock/i`, false},
		{http.StatusLocked, "HEAD", `/still|in use|busy|another|lock/i`, false},
		// What a balancer says of a server that restarts. Clients that take it as they find it begin anew.
		{http.StatusServiceUnavailable, "HEAD", `/busy|too many|overload/i`, false},
		{http.StatusBadGateway, "HEAD", `/can('|no)t be reached/i`, false},
		{http.StatusInsufficientStorage, "POST", `/no room|full/i`, false},
		{http.StatusInsufficientStorage, "PATCH", `/no room|full/i`, false},
		{http.StatusTooManyRequests, "POST", `/fewer|too many|slow/i`, false},
		{http.StatusRequestEntityTooLarge, "POST", `/too (large|big)/i`, true},
		{http.StatusRequestEntityTooLarge, "PATCH", `/too (large|big)/i`, true},
		{http.StatusUnauthorized, "POST", `/sign in|let you in/i`, true},
		{http.StatusForbidden, "POST", `/let you in|allowed/i`, true},
	} {
		t.Run(fmt.Sprintf("%s %d", c.method, c.status), func(t *testing.T) {
			s, p := s.with(t), tab.with(t)
			if c.final {
				p = s.open(b.with(t)) // what failed for good stays in a page's list
				defer p.close()
			}
			posts := between.count(http.MethodPost)
			between.answers(func(r *http.Request) int {
				switch {
				case r.Method == c.method:
					return c.status
				case c.method == http.MethodHead && r.Method == http.MethodPatch:
					return http.StatusServiceUnavailable // so that there is a HEAD
				default:
					return 0
				}
			})
			defer between.answers(nil)
			name := fmt.Sprintf("file %d.bin", i) // without the status, which must not be on the page
			path, sum := source(t, random, dir, name, 300_000)
			p.add(path)
			if c.final {
				p.waitState("error")
				p.waitWords(c.words)
				p.wantPlainWords()
				before := between.count("")
				quiet(t, time.Second)
				if after := between.count(""); after != before {
					t.Errorf("the page goes on trying: %d requests more", after-before)
				}
				return
			}
			p.waitState("waiting")
			p.waitWords(c.words)
			p.waitWords(`/nothing is lost/i`)
			p.wantPlainWords()
			between.answers(nil)
			p.waitFinished(name)
			p.waitState("done")
			s.wantWhole(s.upload(name).ID, sum)
			if posts = between.count(http.MethodPost) - posts; c.method != http.MethodPost && posts != 1 {
				t.Errorf("%d POSTs, want 1", posts)
			}
		})
	}
}
