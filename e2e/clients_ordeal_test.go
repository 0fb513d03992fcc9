package e2e

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"
)

// ordeal is what a client's uploads have to live through: each connection is cut at a random offset, for a while the
// network is slow, for a while no answer arrives, and the server is killed and started again and again. The client talks to
// toxiproxy, toxiproxy to the proxy that counts and holds, and that to the server.
type ordeal struct {
	t       *testing.T
	ctx     context.Context
	random  *rand.Rand
	server  *plateau
	proxy   *proxy
	network *network
	size    int64 // of the smallest of the uploads that are sent at once
	writers int   // how many that are
	kills   int
	client  waiter

	floors []floor
}

// floor is what a killed server had kept of an upload: no later request may begin below it.
type floor struct {
	after int // the number of requests seen by then
	path  string
	kept  int64
}

// newOrdeal starts the server and what lies before it. The network is good until run.
func newOrdeal(t *testing.T, start starter, size int64, writers, kills int) *ordeal {
	t.Helper()
	o := &ordeal{t: t, ctx: bounded(t), random: seeded(t), size: size / int64(writers), writers: writers, kills: kills}
	o.server = start(o.ctx, t)
	o.proxy = startProxy(t, o.server.addr, nil)
	o.network = startNetwork(t, o.proxy.listener.Addr().String())
	return o
}

// run is called when the client has been started. Until it has sent from bytes of each upload, and so has heard of each upload
// that it exists, nothing goes wrong. When run returns, the client may go on undisturbed, save for the cuts, which last.
func (o *ordeal) run(from int64) {
	o.t.Helper()
	o.stand(from)
	begin := time.Now()
	points := make([]int64, o.kills)
	for i := range points {
		points[i] = from + 1 + o.random.Int64N(o.size/20*19-from)
	}
	slices.Sort(points)
	// A connection gets through with an eighth of an upload at most, so some are cut whatever the dice say.
	o.network.breaks(o.random, 1000+o.size/200, 1000+o.size/8)

	o.stand(points[0])
	slow := points[1] - points[0]
	if !o.server.backend().seesAll() {
		slow = points[1] // the kill may cost all before it
	}
	o.network.slow(max(64, slow*int64(o.writers)>>10)) // a second for each connection, if none is cut
	o.kill()
	restarted := time.Now()
	o.stand(points[1])
	o.t.Logf("slow: %d bytes of each upload took %v", points[1]-points[0], time.Since(restarted).Round(time.Millisecond))

	o.network.fast()
	o.network.loseAnswers()
	already := len(o.answered())
	o.kill()
	o.await("some answers have been lost", func() bool { return len(o.answered()) >= already+3 })
	o.network.keepAnswers()

	for i, point := range points[2:] {
		if i%2 == 0 {
			o.pass(point)
		} else {
			o.stand(point)
		}
		o.kill()
	}
	o.proxy.release()
	if n := o.network; n.broken.count() == 0 || n.narrow.count() == 0 || n.crumbly.count() == 0 || n.late.count() == 0 || n.deaf.count() == 0 {
		o.t.Error("no connection met the slow network, or none the one that loses answers")
	}
	o.t.Logf("%d kills, a slow stretch and one without answers took %v", o.kills, time.Since(begin).Round(time.Millisecond))
}

// stand lets every upload go to the point and returns when all stand there, in the middle of a request, with all that was sent
// written. Of a body of unknown length the server may keep some in memory while it waits for more.
func (o *ordeal) stand(point int64) {
	o.t.Helper()
	point = max(point, o.furthest())
	o.proxy.hold(point)
	o.await("the uploads stand where they are held", func() bool {
		latest := map[string]exchange{}
		for _, e := range o.proxy.seen(http.MethodPatch) {
			latest[e.path] = e
		}
		standing := 0
		for path, e := range latest {
			b := o.server.backend()
			written := !b.seesAll() || e.length == math.MaxInt64 || b.kept(o.t, idOf(path)) == point
			if e.status == 0 && !e.over && e.reached() == point && written {
				standing++
			}
		}
		return standing == o.writers
	})
}

// pass returns when an upload passes the point, most likely without standing still.
func (o *ordeal) pass(point int64) {
	o.t.Helper()
	o.proxy.hold(min(max(point, o.furthest())+1<<20, o.size-1))
	o.await("an upload has passed the point of the next kill", func() bool { return o.furthest() >= point })
}

// kill kills the server, starts it again and wants every upload to be as long as its file was.
func (o *ordeal) kill() {
	o.t.Helper()
	o.server.kill()
	o.await("the proxy has noticed", func() bool {
		return !slices.ContainsFunc(o.proxy.seen(""), func(e exchange) bool { return e.status == 0 && !e.over })
	})
	seen := len(o.proxy.seen(""))
	var lowest int64 = math.MaxInt64
	for _, path := range o.paths() {
		f := floor{after: seen, path: path, kept: o.server.backend().kept(o.t, idOf(path))}
		o.floors = append(o.floors, f)
		lowest = min(lowest, f.kept)
	}
	o.proxy.hold(lowest)
	o.server.start(o.ctx, o.t)
	for i, f := range o.floors {
		if f.after == seen {
			o.floors[i].kept = o.back(f)
		}
	}
}

// back wants the server to have kept of an upload what was there, and returns how much that is. On S3 it may be more: what the
// killed server had sent to the last byte is done all the same, a little later.
func (o *ordeal) back(f floor) int64 {
	o.t.Helper()
	client := newTus(o.ctx, o.server.files)
	if o.server.backend().seesAll() {
		client.mustHead(o.t, f.path, f.kept)
		return f.kept
	}
	a := client.head(f.path)
	if a.status != http.StatusOK || a.offset() < f.kept {
		o.t.Fatalf("HEAD: %v with offset %d, want 200 with %d or more", a, a.offset(), f.kept)
	}
	return a.offset()
}

// await fails at once when the client has ended, since then nothing will come.
func (o *ordeal) await(what string, holds func() bool) {
	o.t.Helper()
	await(o.ctx, o.t, what, func() bool {
		if o.client != nil && o.client.ended() {
			o.client.wait(o.ctx, o.t)
			o.t.Fatalf("the client has ended, but not %s", what)
		}
		return holds()
	})
}

// paths are the addresses of the uploads that the client goes on with.
func (o *ordeal) paths() []string {
	var list []string
	for _, e := range o.proxy.seen(http.MethodPatch) {
		if !slices.Contains(list, e.path) {
			list = append(list, e.path)
		}
	}
	return list
}

// furthest is how far the upload is that is furthest.
func (o *ordeal) furthest() int64 {
	var size int64
	b := o.server.backend()
	if !b.seesAll() {
		for _, e := range o.proxy.seen(http.MethodPatch) {
			size = max(size, e.reached())
		}
		return size
	}
	for _, path := range o.paths() {
		size = max(size, b.kept(o.t, idOf(path)))
	}
	return size
}

func (o *ordeal) answered() []exchange {
	return slices.DeleteFunc(o.proxy.seen(""), func(e exchange) bool { return e.status == 0 })
}
