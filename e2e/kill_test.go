package e2e

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestKilledAgainAndAgain uploads 200 MB with tus-js-client while the server is killed with -9 and started again, twelve
// times, each time in the middle of a request's body, at a random point of the file. One upload is created, it never falls
// back, nothing is sent again that the server had kept, and the upload ends whole, with one event that has the digest of all of it.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Run("chunks", func(t *testing.T) { killedAgainAndAgain(t, 5_000_000) })
	t.Run("whole", func(t *testing.T) { killedAgainAndAgain(t, killSize) })
}

const killSize = 200_000_000

func killedAgainAndAgain(t *testing.T, chunk int64) {
	const (
		size  = killSize
		kills = 12
	)
	options := map[string]any{}
	if chunk < size {
		options["chunkSize"] = chunk
	}
	ctx, random := bounded(t), seeded(t)
	path, sum := randomFile(t, random, size)
	server := startPlateau(ctx, t, t.TempDir(), "--digest", "sha256")
	proxy := startProxy(t, server.addr, nil)
	proxy.hold(0)
	client := startClient(ctx, t, job{Files: []string{path}, Endpoint: proxy.files(), Options: options})

	var id string
	await(ctx, t, "the upload exists", func() bool {
		for _, r := range records(t, server.uploads()) {
			id = r.ID
		}
		return id != "" && dataSize(server.uploads(), id) >= 0
	})
	var kept, lost int64 // by all kills so far: what lay between the client and the file
	for _, point := range killPoints(random, size, kills) {
		// The client's chunks begin where the last kill left the file. Some kills meet a file that stands still, some one
		// that grows, but none passes the end of the chunk.
		point = max(point, kept)
		end := min(kept+(point-kept)/chunk*chunk+chunk, size)
		proxy.hold(min(point+1+random.Int64N(2)*random.Int64N(1<<20), end-1))
		await(ctx, t, "a body has come to the point of the next kill", func() bool {
			last := proxy.last("PATCH")
			return last.inside() && !last.over && last.reached() >= point && dataSize(server.uploads(), id) >= point
		})
		server.kill()
		await(ctx, t, "the proxy has noticed", func() bool { return proxy.last("PATCH").over })
		kept = dataSize(server.uploads(), id)
		cut := proxy.last("PATCH")
		if !cut.inside() || kept < point || kept > cut.reached() {
			t.Fatalf("killed at %d or later, %d bytes were kept; of the PATCH at %d, %d of %d were sent, and it heard %d",
				point, kept, cut.start, cut.sent, cut.length, cut.status)
		}
		lost += cut.reached() - kept
		proxy.hold(kept)
		server.start(ctx, t)
		newTus(ctx, server.files).mustHead(t, id, kept)
	}
	t.Logf("%d bytes had been sent but not kept when the server was killed %d times", lost, kills)
	proxy.release()
	client.wait(ctx, t)

	if posts := proxy.seen("POST"); len(posts) != 1 {
		t.Errorf("%d POSTs reached a server, want 1: %v", len(posts), statuses(posts))
	}
	client.offsetsNeverFall(t)
	if sent := proxy.bodyBytes(); sent != size+lost {
		t.Errorf("%d bytes were sent for a file of %d, of which %d were lost on their way to it", sent, size, lost)
	}
	if got := len(records(t, server.uploads())); got != 1 {
		t.Errorf("%d uploads in the folder, want 1", got)
	}
	if !sealed(server.uploads(), id) {
		t.Error("the finished upload is not sealed")
	}
	if got := fileSum(t, server.uploads()+"/"+id); got != sum {
		t.Errorf("SHA-256 of the upload is %s, of the file %s", got, sum)
	}
	await(ctx, t, "the event is delivered", func() bool { return server.events()[id] > 0 })
	if e := server.delivered(t)[id]; e.Data.Size != size || e.Data.Digest != "sha256:"+sum {
		t.Errorf("the event says %d bytes, digest %q; the file has %d and %s", e.Data.Size, e.Data.Digest, size, sum)
	}
	if events := server.events(); len(events) != 1 || events[id] != 1 {
		t.Errorf("events by upload: %v, want one", events)
	}
}

// killPoints are random offsets in rising order, none near the ends.
func killPoints(random *rand.Rand, size int64, n int) []int64 {
	points := make([]int64, n)
	for i := range points {
		points[i] = size/50 + random.Int64N(size/50*48)
	}
	slices.Sort(points)
	return points
}
