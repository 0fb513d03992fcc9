package e2e

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestKilledAgainAndAgain uploads 200 MB with tus-js-client while the server is killed with -9 and started again, twelve
// times, each time at a random point of the file. One upload is created, it never falls back, and it ends whole.
func TestKilledAgainAndAgain(t *testing.T) {
	for name, options := range map[string]map[string]any{
		"chunks": {"chunkSize": 5_000_000},
		"whole":  nil,
	} {
		t.Run(name, func(t *testing.T) { killedAgainAndAgain(t, options) })
	}
}

func killedAgainAndAgain(t *testing.T, options map[string]any) {
	const (
		size  = 200_000_000
		kills = 12
		slack = 4 << 20 // what may be under way between a client and the file when the server dies
	)
	ctx, random := bounded(t), seeded(t)
	path, sum := randomFile(t, random, size)
	server := startPlateau(ctx, t, t.TempDir())
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
	for _, point := range killPoints(random, size, kills) {
		// Some kills meet a file that stands still, some one that grows.
		proxy.hold(point + random.Int64N(2)*random.Int64N(1<<20))
		await(ctx, t, "the file has grown to the point of the next kill", func() bool {
			return dataSize(server.uploads(), id) >= point
		})
		server.kill()
		kept := dataSize(server.uploads(), id)
		proxy.hold(kept)
		server.start(ctx, t)
		newTus(ctx, server.files).mustHead(t, id, kept)
	}
	proxy.release()
	client.wait(ctx, t)

	if posts := proxy.seen("POST"); len(posts) != 1 {
		t.Errorf("%d POSTs reached a server, want 1: %v", len(posts), statuses(posts))
	}
	client.offsetsNeverFall(t)
	if sent := proxy.bodyBytes(); sent > size+kills*slack {
		t.Errorf("%d bytes were sent for a file of %d", sent, size)
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
