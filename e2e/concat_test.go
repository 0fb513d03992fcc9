package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestFinalAnswerLost uploads a file in four parts at once and loses the answer to the POST that joins them. The client
// asks again, in the same process or after it was started anew: no byte travels twice, and there is one final upload.
func TestFinalAnswerLost(t *testing.T) { losesFinalAnswer(t, onDisk) }

func losesFinalAnswer(t *testing.T, start starter) {
	t.Helper()
	for name, c := range map[string]struct {
		restarts, runs int // how often the client starts again inside the process, and the process itself
		lost           int32
	}{
		"once":                  {restarts: 1, runs: 1, lost: 1},
		"three times":           {restarts: 3, runs: 1, lost: 3},
		"and the client killed": {restarts: 0, runs: 2, lost: 1},
	} {
		t.Run(name, func(t *testing.T) {
			const size = 16<<20 + 123
			ctx, random := bounded(t), seeded(t)
			path, sum := randomFile(t, random, size)
			server := start(ctx, t)
			b := server.backend()
			var lost atomic.Int32
			proxy := startProxy(t, server.addr, func(request *http.Request, _ *http.Response) bool {
				return !isFinal(request.Header) || lost.Add(1) > c.lost
			})
			j := job{
				Files: []string{path}, Endpoint: proxy.files(), Restarts: c.restarts,
				Storage: filepath.Join(t.TempDir(), "addresses.json"), Options: map[string]any{"parallelUploads": 4},
			}
			var last *client
			for run := range c.runs {
				last = startClient(ctx, t, j)
				if run < c.runs-1 {
					await(ctx, t, "the client has given up", func() bool {
						list := last.heard(t)
						return len(list) > 0 && list[len(list)-1].Event == "gave up"
					})
					last.kill()
				}
			}
			last.wait(ctx, t)

			if sent := proxy.bodyBytes(); sent != size {
				t.Errorf("%d bytes were sent for a file of %d", sent, size)
			}
			finalPosts, finals := 0, 0
			for _, e := range proxy.seen("POST") {
				if isFinal(e.request) {
					finalPosts++
					if e.status != http.StatusCreated {
						t.Errorf("a final POST heard %d", e.status)
					}
				}
			}
			if finalPosts != int(c.lost)+1 {
				t.Errorf("%d final POSTs, want %d", finalPosts, c.lost+1)
			}
			var id string
			all := b.records(t)
			for _, r := range all {
				if r.IsFinal {
					finals++
					id = r.ID
				}
			}
			if finals != 1 || len(all) != 5 {
				t.Fatalf("%d final uploads among %d records, want 1 among 5", finals, len(all))
			}
			list := last.heard(t)
			if said := idOf(list[len(list)-1].URL); said != id {
				t.Errorf("the client was given the upload %s, there is %s", said, id)
			}
			if !b.sealed(id) {
				t.Error("the final upload is not sealed")
			}
			if got := b.sum(t, id); got != sum {
				t.Errorf("SHA-256 of the upload is %s, of the file %s", got, sum)
			}
			await(ctx, t, "the parts' bytes are gone", func() bool {
				var left int64
				for _, r := range all {
					if r.IsPartial {
						left += max(0, b.kept(t, r.ID))
					}
				}
				return left == 0
			})
		})
	}
}

func isFinal(h http.Header) bool { return strings.HasPrefix(h.Get("Upload-Concat"), "final") }
