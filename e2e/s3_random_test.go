package e2e

import (
	"slices"
	"testing"
	"time"
)

// TestS3KilledAtRandom is TestKilledAtRandom over S3. Of an upload that nobody has heard of, an event may be left that waits until it is
// old enough to be given up. CI kills 8 times, PLATEAU_E2E=full 300 times.
func TestS3KilledAtRandom(t *testing.T) {
	t.Parallel()
	kills, atMost := 8, 2*time.Minute
	if fullWanted() {
		kills, atMost = 300, 15*time.Minute
	}
	ctx, random, b := boundedBy(t, atMost), seeded(t), newBucket(t)
	server := startOver(ctx, t, b, "--digest", "sha256")
	crowd := startCrowd(ctx, t, random, 16, server.files)
	killOften(ctx, t, random, server, kills)
	heard := crowd.end()
	ids := idsOf(heard)
	await(ctx, t, "all events are delivered", func() bool {
		events := server.events()
		return !slices.ContainsFunc(ids, func(id string) bool { return events[id] == 0 })
	})
	await(ctx, t, "no event of a finished upload waits", func() bool {
		for id := range b.waiting(t) {
			if b.sealed(id) {
				return false
			}
		}
		return true
	})
	b.wantNoneDead(t)
	wantHeard(t, server, heard)
	wantTrue(t, server, crowd.sent())
	t.Logf("%d kills; %d successes heard; %d events; %d events wait of uploads that nobody knows; %d requests lost",
		kills, len(heard), len(server.events()), len(b.waiting(t)), crowd.lost.Load())
	server.kill()
	wantNoNames(t, server.data)
}
