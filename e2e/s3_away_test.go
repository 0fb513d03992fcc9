package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestS3Away takes the bucket away in the middle of 100 uploads, each in the middle of a PATCH, for five seconds (a minute with
// PLATEAU_E2E=full). They hear that it passes, and go on from no earlier than was acknowledged.
func TestS3Away(t *testing.T) {
	t.Parallel()
	const clients, size, chunk = 100, 250_000, 100_000
	away := 5 * time.Second
	if fullWanted() {
		away = time.Minute
	}
	ctx, random, b := bounded(t), seeded(t), newBucketBehind(t)
	server := startOver(ctx, t, b)
	front := startProxy(t, server.addr, nil)
	front.hold(chunk + chunk/2)
	all := randomBytes(random, size+clients)
	crowd := startJourneys(t, clients, func(i int) {
		j := newJourney(ctx, t, server)
		j.files = front.files()
		content := all[i : i+size] // each has another
		id := idOf(j.upload(content, leg{inPOST: -1, chunk: chunk}))
		if len(j.troubles) == 0 {
			t.Errorf("client %d has heard of no trouble", i)
		}
		if got := b.sum(t, id); "sha256:"+got != digestOf(content) {
			t.Errorf("upload %s has other bytes than were sent", id)
		}
	})
	await(ctx, t, "all uploads are in the middle", func() bool { return standing(front, chunk+chunk/2) == clients })
	b.proxy.Away(true)
	front.release()
	quiet(t, away)
	if !server.alive() {
		t.Fatal("the server has ended")
	}
	b.proxy.Away(false)
	back := time.Now()
	crowd.Wait()
	t.Logf("all uploads ended %v after the bucket was back", time.Since(back).Round(time.Millisecond))
	server.awaitDelivered(ctx, t, nil)
	if got := len(server.delivered(t)); got != clients {
		t.Errorf("%d events, want %d", got, clients)
	}
	b.wantNoneDead(t)
}

// startJourneys runs n clients at the same time. One that fails ends alone.
func startJourneys(t *testing.T, n int, client func(i int)) *sync.WaitGroup {
	var crowd sync.WaitGroup
	for i := range n {
		crowd.Go(func() { client(i) })
	}
	t.Cleanup(crowd.Wait)
	return &crowd
}

// standing counts the PATCHes that are held at an offset.
func standing(front *proxy, offset int64) (n int) {
	for _, e := range front.seen("PATCH") {
		if e.status == 0 && !e.over && e.reached() == offset {
			n++
		}
	}
	return n
}

// TestS3Spool has uploads bring twice as much as the temporary files may have, while their clients stall: what they occupy stays
// within the budget, and they have no names, though the server is killed. The clients go on.
func TestS3Spool(t *testing.T) {
	t.Parallel()
	const clients, size, held, budget = 25, 12_000_000, 5_500_000, 64 << 20
	ctx, random := bounded(t), seeded(t)
	b := newBucket(t)
	server := startOver(ctx, t, b, "--spool-size", fmt.Sprint(budget))
	front := startProxy(t, server.addr, nil)
	front.hold(held)
	killed := make(chan struct{})
	content := randomBytes(random, size)
	var once sync.Mutex
	revived := false
	crowd := startJourneys(t, clients, func(int) {
		j := newJourney(ctx, t, server)
		j.files, j.killed = front.files(), killed
		j.restart = func() {
			once.Lock()
			defer once.Unlock()
			if !revived {
				revived = true
				wantNoNames(t, server.data)
				server.start(ctx, t)
			}
		}
		id := idOf(j.upload(content, leg{inPOST: -1}))
		if "sha256:"+b.sum(t, id) != digestOf(content) {
			t.Errorf("upload %s has other bytes than were sent", id)
		}
	})
	var most float64
	await(ctx, t, "all uploads have come so far", func() bool {
		used := server.number(ctx, t, "plateau_spool_bytes")
		most = max(most, used)
		return standing(front, held) == clients
	})
	wantNoNames(t, server.data)
	t.Logf("at most %.0f MB were seen in temporary files, of %d MB that came", most/1e6, clients*held/1_000_000)
	if most > budget {
		t.Errorf("the temporary files had %.0f bytes, more than %d", most, budget)
	}
	server.kill()
	close(killed)
	front.release()
	crowd.Wait()
	server.awaitDelivered(ctx, t, nil)
	if got := len(server.delivered(t)); got != clients {
		t.Errorf("%d events, want %d", got, clients)
	}
}
