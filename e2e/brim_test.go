package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// brim are clients that upload without a pause to where there is not room for all. Each waits a little when it hears that, and
// goes on; once they may, they make room by removing what they have finished.
type brim struct {
	ctx   context.Context
	t     *testing.T
	files string
	code  string // of the answer that there is no room

	removing atomic.Bool
	over     atomic.Bool
	busy     sync.WaitGroup

	mu      sync.Mutex // guards what follows
	heard   map[string]int
	clients []*brimClient
}

// brimClient is one of them. Its uploads are its own.
type brimClient struct {
	*brim
	name   string
	owner  headers // what each of its requests says
	most   int     // bytes of one upload
	frugal bool    // it removes each upload as soon as it is finished
	client *tus
	random *rand.Rand

	full atomic.Int64 // how often it heard that there is no room
	done atomic.Int64 // uploads that it has finished

	mu       sync.Mutex // guards what follows
	gives    *rand.Rand
	open     *brimUpload
	finished []*brimUpload
	removed  []string // ids
}

type brimUpload struct {
	address string
	digest  string
	acked   int64 // what the server has acknowledged
}

func newBrim(ctx context.Context, t *testing.T, files, code string) *brim {
	b := &brim{ctx: ctx, t: t, files: files, code: code, heard: map[string]int{}}
	t.Cleanup(b.end)
	return b
}

// add starts a client.
func (b *brim) add(random *rand.Rand, name string, owner headers, most int) *brimClient {
	c := &brimClient{
		brim: b, name: name, owner: owner, most: most, client: newTus(b.ctx, b.files),
		random: rand.New(rand.NewPCG(random.Uint64(), 0)), gives: rand.New(rand.NewPCG(random.Uint64(), 0)),
	}
	b.clients = append(b.clients, c)
	return c
}

// start starts all clients.
func (b *brim) start() {
	for _, c := range b.clients {
		b.busy.Go(func() {
			for !b.ended() {
				c.upload()
			}
		})
	}
}

// end waits until each has ended its upload.
func (b *brim) end() { b.over.Store(true); b.busy.Wait() }

func (b *brim) ended() bool { return b.over.Load() || b.ctx.Err() != nil || b.t.Failed() }

// awaitFull waits until each of some clients has heard often that there is no room.
func (b *brim) awaitFull(clients ...*brimClient) {
	b.t.Helper()
	before := make([]int64, len(clients))
	for i, c := range clients {
		before[i] = c.full.Load()
	}
	await(b.ctx, b.t, "each client hears that there is no room", func() bool {
		for i, c := range clients {
			if c.full.Load() < before[i]+8 {
				return b.t.Failed()
			}
		}
		return true
	})
}

// awaitDone waits until each of some clients has finished more uploads.
func (b *brim) awaitDone(more int64, clients ...*brimClient) {
	b.t.Helper()
	before := make([]int64, len(clients))
	for i, c := range clients {
		before[i] = c.done.Load()
	}
	await(b.ctx, b.t, "each client finishes more uploads", func() bool {
		for i, c := range clients {
			if c.done.Load() < before[i]+more {
				return b.t.Failed()
			}
		}
		return true
	})
}

// wantOpenThere checks what HEAD says of what is being uploaded, while it goes on.
func (b *brim) wantOpenThere() {
	b.t.Helper()
	for _, c := range b.clients {
		c.mu.Lock()
		var u brimUpload
		if c.open != nil {
			u = *c.open
		}
		c.mu.Unlock()
		if u.address == "" {
			continue
		}
		a := c.client.do(http.MethodHead, u.address, c.owner, nil)
		c.mu.Lock()
		ongoing := c.open != nil && c.open.address == u.address // else it may be removed already
		c.mu.Unlock()
		if fine := a.status == http.StatusLocked || a.status == http.StatusOK && a.offset() >= u.acked; !fine && ongoing {
			b.t.Errorf("HEAD of an upload of which %d bytes were acknowledged: %v, offset %d", u.acked, a, a.offset())
		}
	}
}

// wantRemovable removes one finished upload of each client, at the first try.
func (b *brim) wantRemovable() {
	b.t.Helper()
	for _, c := range b.clients {
		c.mu.Lock()
		var gone *brimUpload
		if n := len(c.finished); n > 0 {
			gone = c.finished[n-1]
			c.finished = c.finished[:n-1]
			c.removed = append(c.removed, idOf(gone.address))
		}
		c.mu.Unlock()
		if gone == nil {
			continue
		}
		if a := c.client.do(http.MethodDelete, gone.address, c.owner, nil); a.status != http.StatusNoContent {
			b.t.Errorf("DELETE of a finished upload: %v", a)
		}
	}
}

// wantAll checks, after the end, that all that is finished is there as it was sent, and that each finished upload was
// announced, whether it was removed since or not.
func (b *brim) wantAll(server *plateau) {
	b.t.Helper()
	var ids []string
	for _, c := range b.clients {
		ids = append(ids, c.removed...)
		for _, u := range c.finished {
			ids = append(ids, idOf(u.address))
			a := c.client.do(http.MethodGet, u.address, c.owner, nil)
			if a.status != http.StatusOK || digestOf([]byte(a.body)) != u.digest {
				b.t.Errorf("GET of a finished upload: status %d, %d bytes, error %v", a.status, len(a.body), a.err)
			}
		}
	}
	server.awaitDelivered(b.ctx, b.t, ids)
	events := server.events()
	for _, id := range ids {
		if events[id] == 0 {
			b.t.Errorf("upload %s was not announced", id)
		}
	}
	wantNoneDead(b.t, server.data)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Logf("%d uploads; answers: %s", len(ids), fmt.Sprint(b.heard))
}

// removeAll removes all that is finished.
func (b *brim) removeAll() {
	for _, c := range b.clients {
		for len(c.finished) > 0 && !b.t.Failed() {
			c.remove()
		}
	}
}
