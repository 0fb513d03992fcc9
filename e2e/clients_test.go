package e2e

import (
	"context"
	"maps"
	"slices"
	"testing"
)

// waiter is a client that has been started.
type waiter interface {
	wait(context.Context, *testing.T)
	ended() bool
}

// attempt is one client that uploads one file in one way.
type attempt struct {
	name    string
	start   func(o *ordeal, path string) waiter
	writers int                           // uploads sent at once; 0 means 1
	uploads int                           // that are created; 0 means 1
	before  func(o *ordeal) (uploads int) // what happens to a POST that carries data, and how many uploads that makes
	from    int64                         // the offset at which the ordeal begins
	look    func(o *ordeal)               // at the requests, when all is over
}

// TestClients sends 60 MB with each client, in its usual chunks, while each connection is cut at a random offset, the network is
// slow for a while and loses answers for another, and the server is killed with -9 five times. Each upload ends with identical
// bytes; one upload was created; no offset went back.
func TestClients(t *testing.T) {
	const (
		size  = 60_000_000
		kills = 5
	)
	for _, a := range []attempt{
		{name: "tus-js-client", start: js(job{Options: map[string]any{"chunkSize": 5_000_000}})},
		{name: "tus-js-client/whole", start: js(job{})},
		{name: "tusgo", start: viaTusgo(tusgoUpload{chunk: 2 << 20})},
		{name: "go-tus", start: viaGotus(gotusUpload{chunk: 2 << 20})},
	} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.survives(t, onDisk, size, kills)
		})
	}
}

// TestClientOptions does the same with all the options of the clients, each with tiny chunks, with the file in one request, and
// with an empty file.
func TestClientOptions(t *testing.T) {
	const size, kills = 60_000_000, 5
	tiny := int64(256 << 10)
	if fullWanted() {
		tiny = 32 << 10
	}
	for _, a := range attempts(tiny, size) {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.survives(t, onDisk, size, kills)
		})
	}
	for _, a := range emptyAttempts(tiny) {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.survivesEmpty(t, onDisk)
		})
	}
}

func (a attempt) survives(t *testing.T, start starter, size int64, kills int) {
	o := newOrdeal(t, start, size, max(1, a.writers), kills)
	path, sum := randomFile(t, o.random, size)
	if a.before != nil {
		o.proxy.hold(a.from)
	}
	o.client = a.start(o, path)
	uploads := max(1, a.uploads)
	if a.before != nil {
		uploads = a.before(o)
	}
	o.run(a.from)
	o.client.wait(o.ctx, t)
	o.survived(sum, uploads)
	if a.look != nil {
		a.look(o)
	}
}

// survivesEmpty starts the client while the server is away. Nothing is left to send but the POST, or a PATCH without a byte.
func (a attempt) survivesEmpty(t *testing.T, start starter) {
	o := newOrdeal(t, start, 0, 1, 0)
	path, sum := randomFile(t, o.random, 0)
	o.server.kill()
	c := a.start(o, path)
	await(o.ctx, t, "the client has met no server", func() bool { return o.proxy.refusals() > 1 })
	o.server.start(o.ctx, t)
	c.wait(o.ctx, t)
	o.survived(sum, max(1, a.uploads))
	if a.look != nil {
		a.look(o)
	}
}

// patient makes tus-js-client wait longer than a slow machine takes for anything.
func patient() map[string]any { return map[string]any{"retryDelays": slices.Repeat([]int{100}, 600)} }

// js is tus-js-client.
func js(j job) func(*ordeal, string) waiter {
	return func(o *ordeal, path string) waiter {
		options := patient()
		maps.Copy(options, j.Options)
		j.Files, j.Endpoint, j.Options = []string{path}, o.network.files(), options
		return startClient(o.ctx, o.t, j)
	}
}

func viaTusgo(u tusgoUpload) func(*ordeal, string) waiter {
	return func(o *ordeal, path string) waiter {
		u.path, u.files = path, o.network.files()
		return startGo(o.ctx, o.t, u.send)
	}
}

func viaGotus(u gotusUpload) func(*ordeal, string) waiter {
	return func(o *ordeal, path string) waiter {
		u.path, u.files = path, o.network.files()
		return startGo(o.ctx, o.t, u.send)
	}
}
