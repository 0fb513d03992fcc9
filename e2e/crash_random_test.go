package e2e

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

// TestKilledAtRandom kills the server with -9 at random times, while 16 clients upload without a pause, in all the ways that there
// are, resume after each kill, and remove some of what they uploaded. In the end each upload whose success a client has heard
// was announced with its size and digest, what was not removed is there, and no event is about anything else than the bytes of
// its upload. CI kills 15 times, PLATEAU_E2E=full 1,000 times.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	kills, atMost := 15, time.Minute
	if fullWanted() {
		kills, atMost = 1000, 15*time.Minute
	}
	ctx, random := boundedBy(t, atMost), seeded(t)
	server := startPlateau(ctx, t, t.TempDir(), "--digest", "sha256")
	crowd := startCrowd(ctx, t, random, 16, server.files)
	killOften(ctx, t, random, server, kills)
	heard := crowd.end()
	server.awaitDelivered(ctx, t, idsOf(heard))
	wantNoneDead(t, server.data)
	wantHeard(t, server, heard)
	wantTrue(t, server, crowd.sent())
	t.Logf("%d kills; %d successes heard, %d of them removed; %d events, %d of them for uploads whose success nobody heard; %d requests lost",
		kills, len(heard), count(heard, func(u upload) bool { return u.removed }), len(server.events()),
		len(server.events())-len(heard), crowd.lost.Load())
}

// killOften kills the server at random times, and starts it again.
func killOften(ctx context.Context, t *testing.T, random *rand.Rand, server *plateau, kills int) {
	t.Helper()
	for range kills {
		// A kill at a random moment needs a moment to wait for; nothing depends on how long it is.
		select {
		case <-time.After(time.Duration(random.Int64N(int64(120 * time.Millisecond)))):
		case <-ctx.Done():
			t.Fatal(context.Cause(ctx))
		}
		server.kill()
		server.start(ctx, t)
	}
}

// wantHeard wants each upload whose success was heard to be announced, and to be there unless it was removed.
func wantHeard(t *testing.T, server *plateau, heard []upload) {
	t.Helper()
	if len(heard) == 0 {
		t.Error("no client has heard a success")
	}
	events, b := server.delivered(t), server.backend()
	for _, u := range heard {
		e, announced := events[u.id]
		switch {
		case !announced:
			t.Errorf("a success was heard of %s, but its event was never delivered", u)
		case e.Data.Size != u.size || e.Data.Digest != u.digest && (e.Data.Digest != "" || b.seesAll()):
			t.Errorf("the event of %s says %d bytes, %s", u, e.Data.Size, e.Data.Digest)
		}
		if u.removed {
			continue
		}
		if !b.sealed(u.id) || "sha256:"+b.sum(t, u.id) != u.digest {
			t.Errorf("a success was heard of %s; %d bytes are there, sealed: %v", u, b.kept(t, u.id), b.sealed(u.id))
		}
	}
}

// wantTrue wants each event to be about content that a client has sent: sent has the size of each, by digest. Where the file is
// there still, it has those bytes.
func wantTrue(t *testing.T, server *plateau, sent map[string]int64) {
	t.Helper()
	b := server.backend()
	for id, e := range server.delivered(t) {
		digest, there := e.Data.Digest, ""
		if b.kept(t, id) >= 0 {
			there = "sha256:" + b.sum(t, id)
		}
		if digest == "" && !b.seesAll() { // what is in parts can't be read again
			if digest = there; there == "" {
				continue
			}
		}
		if size, known := sent[digest]; !known || size != e.Data.Size {
			t.Errorf("the event of %s is about %d bytes with digest %s, which nobody has sent", id, e.Data.Size, digest)
		}
		if there != "" && there != digest {
			t.Errorf("the event of %s says %s; there is %s", id, digest, there)
		}
	}
}
