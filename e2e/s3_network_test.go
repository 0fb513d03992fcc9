package e2e

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestS3BadNetwork has a bad network between the server and S3: it is slow, each connection is cut at a random point, and for a while
// no answer arrives. Uploads of all kinds end well, with nothing lost, and nothing that their clients can't live with.
func TestS3BadNetwork(t *testing.T) {
	t.Parallel()
	clients := 6
	if fullWanted() {
		clients = 60
	}
	ctx, random, b := bounded(t), seeded(t), newBucket(t)
	b.network = startNetwork(t, strings.TrimPrefix(b.gateway.Endpoint, "http://"))
	server := startOver(ctx, t, b)
	b.network.slow(64 << 10)
	content := randomBytes(random, 20_000_000)
	b.network.breaks(random, 20_000, 12_000_000) // random is its own from now on
	ways := []func(j *journey){
		func(j *journey) { j.upload(content[:4096], leg{inPOST: 4096}) },
		func(j *journey) { j.upload(content[:300_000], leg{inPOST: -1, chunk: 100_000}) },
		func(j *journey) { j.upload(content[:12_000_000], leg{inPOST: -1, chunk: 5_500_000}) },
		func(j *journey) { j.upload(content, leg{inPOST: -1}) },
		func(j *journey) { join(j, content[:11_000_000], leg{inPOST: -1, partial: true}) },
		func(j *journey) { j.form(content[:50_000], content[50_000:9_000_000]) },
	}
	var mu sync.Mutex // guards finished and troubles
	finished, troubles := map[string][]byte{}, 0
	round := func() {
		startJourneys(t, clients, func(i int) {
			j := newJourney(ctx, t, server)
			ways[i%len(ways)](j)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(finished, j.finished)
			for id := range j.partial {
				if j.partial[id] {
					delete(finished, id)
				}
			}
			troubles += len(j.troubles)
		}).Wait()
	}
	round()
	met := b.network.deaf.count()
	b.network.loseAnswers()
	crowd := startJourneys(t, 1, func(int) { round() })
	await(ctx, t, "some answers have been lost", func() bool { return b.network.deaf.count() >= met+3 })
	b.network.keepAnswers()
	crowd.Wait()
	b.network.fast()
	b.network.broken.turnOff()
	ids := slices.Sorted(maps.Keys(finished))
	await(ctx, t, "all events are delivered", func() bool {
		events := server.events()
		return !slices.ContainsFunc(ids, func(id string) bool { return events[id] == 0 })
	})
	for _, id := range ids {
		if !b.sealed(id) || "sha256:"+b.sum(t, id) != digestOf(finished[id]) {
			t.Errorf("a success was heard of %s; it is there: %v", id, b.sealed(id))
		}
	}
	server.delivered(t) // judges duplicates
	b.wantNoneDead(t)
	if b.network.broken.count() < clients {
		t.Errorf("only %d connections met the bad network", b.network.broken.count())
	}
	t.Logf("%d uploads over %d connections; clients heard of trouble %d times", len(ids), b.network.broken.count(), troubles)
}
