package e2e

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestFaultsOfACrowd lets sixteen clients finish their uploads at the same time, while a sync fails: one that they share, or one
// of their own. Whoever hears a success has bytes and event; whoever does not can go on, or hears that the upload's bytes can't
// be trusted; nobody else's upload is announced. The server says what is wrong, and goes on by itself, or after a restart where
// the fsync of a folder has failed.
func TestFaultsOfACrowd(t *testing.T) {
	needStrace(t)
	for journal, calls := range map[string][]string{
		"0":    {"syncfs", "sync_file_range", "fdatasync", "fsync"},
		"8MiB": {"syncfs", "fdatasync", "pwrite64", "linkat"},
	} {
		for _, call := range calls {
			for _, errno := range []string{"EIO", "ENOSPC"} {
				t.Run(call+" "+errno+", journal "+journal, func(t *testing.T) {
					t.Parallel()
					ctx := boundedBy(t, time.Minute)
					f := &crowdFaults{t: t, ctx: ctx, random: seeded(t), server: startPlateau(ctx, t, t.TempDir(), "--journal-size", journal), whole: map[string]string{}}
					if journal != "0" {
						for _, id := range f.server.awaitJournal(ctx, t) {
							f.heard(id, []byte("hello"))
						}
					}
					f.run(call, errno)
				})
			}
		}
	}
}

// crowdFaults is the run of one fault under a crowd.
type crowdFaults struct {
	t      *testing.T
	ctx    context.Context
	random *rand.Rand
	server *plateau

	mu    sync.Mutex        // guards whole
	whole map[string]string // the digests of those of which a success was heard, by id
}

// run lets the crowd come until the call was made to fail often enough.
func (f *crowdFaults) run(call, errno string) {
	hits, rounds, enough := 0, 0, 3
	if call == "syncfs" {
		enough = 1 // after which the server makes none any more
	}
	for ; hits < enough && rounds < 30; rounds++ {
		said := len(f.server.log.String())
		// In each thread the first such call fails: of sixteen finishes, some.
		finish, again := f.crowd()
		tracer := attach(f.ctx, f.t, &f.server.process, "-e", "trace="+call, "-e", "inject="+call+":error="+errno+":when=1")
		finish()
		text, _ := tracer.end(f.t)
		hit := strings.Count(text, "(INJECTED)")
		if hits += hit; hit == 0 {
			again(true)
			continue
		}
		await(f.ctx, f.t, "the server says what is wrong", func() bool { return hasSaid(f.server, said, errno) })
		if broken := !f.works(); broken {
			if call != "fsync" {
				f.t.Errorf("after %s has failed with %s the server does not recover by itself", call, errno)
			}
			f.server.kill()
			f.server.start(f.ctx, f.t)
			if !f.works() {
				f.t.Error("the server does not recover when it is started again")
			}
		}
		again(false)
		if f.t.Failed() {
			return
		}
	}
	if hits == 0 && call != "syncfs" { // which is used on some file systems only
		f.t.Errorf("%s was never made to fail", call)
	}
	f.t.Logf("%d calls were made to fail in %d rounds; %d uploads are finished", hits, rounds, len(f.whole))
	f.judge()
}

// crowd are sixteen clients that finish at once, half of them by a PATCH and half by a POST. What it returns lets them do so,
// and then go on with those PATCHes that heard no success; with all, none may have failed.
func (f *crowdFaults) crowd() (finish func(), again func(all bool)) {
	f.t.Helper()
	const size = 64 << 10
	client := newTus(f.ctx, f.server.files)
	type one struct {
		content []byte
		address string // of a PATCH
		answer  answer
	}
	var clients [16]one
	for i := range clients {
		c := &clients[i]
		c.content = make([]byte, size)
		for j := range c.content {
			c.content[j] = byte(f.random.Uint32())
		}
		if i%2 == 0 {
			c.address = client.mustCreate(f.t, size, nil)
		}
	}
	send := func(c *one) {
		if c.address != "" {
			c.answer = client.patch(c.address, 0, c.content, nil)
		} else {
			c.answer = client.do(http.MethodPost, client.files, headers{
				"Upload-Length": strconv.Itoa(size), "Content-Type": "application/offset+octet-stream",
			}, c.content)
		}
		if c.answer.err == nil && c.answer.status/100 == 2 {
			f.heard(heardID(c.answer, c.address), c.content)
		}
	}
	finish = func() {
		var busy sync.WaitGroup
		for i := range clients {
			busy.Go(func() { send(&clients[i]) })
		}
		busy.Wait()
	}
	again = func(all bool) {
		f.t.Helper()
		for _, c := range clients {
			success := c.answer.err == nil && c.answer.status/100 == 2
			if all && !success {
				f.t.Errorf("without a fault: %v", c.answer)
			}
			if !success && c.address != "" {
				f.resume(client, c.address, c.content)
			}
		}
	}
	return finish, again
}

// resume goes on with an upload whose PATCH heard no success, when the fault is over.
func (f *crowdFaults) resume(client *tus, address string, content []byte) {
	f.t.Helper()
	var head answer
	await(f.ctx, f.t, "HEAD says what became of the upload", func() bool {
		head = client.head(address)
		return head.status != http.StatusLocked
	})
	if head.status == http.StatusGone {
		if _, err := os.Stat(filepath.Join(f.server.uploads(), idOf(address)+".damaged")); err != nil {
			f.t.Errorf("HEAD says 410, but the data was not set aside: %v", err)
		}
		return
	}
	if head.status != http.StatusOK {
		f.t.Errorf("HEAD says %v", head)
		return
	}
	if offset := head.offset(); offset < int64(len(content)) {
		client.mustPatch(f.t, address, offset, content[offset:])
	}
	f.heard(idOf(address), content)
}

func (f *crowdFaults) heard(id string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.whole[id] = digestOf(content)
}

// works says whether the server finishes an upload.
func (f *crowdFaults) works() bool {
	a := newTus(f.ctx, f.server.files).create(0, nil)
	if a.status == http.StatusCreated {
		f.heard(idOf(a.header.Get("Location")), nil)
	}
	return a.status == http.StatusCreated
}

// judge wants all that was heard to be announced and whole, and nothing else to be announced.
func (f *crowdFaults) judge() {
	f.t.Helper()
	f.server.awaitDelivered(f.ctx, f.t, slices.Collect(maps.Keys(f.whole)))
	wantNoneDead(f.t, f.server.data)
	events := f.server.delivered(f.t)
	for id, digest := range f.whole {
		content, err := os.ReadFile(filepath.Join(f.server.uploads(), id))
		if err != nil || digestOf(content) != digest || !sealed(f.server.uploads(), id) {
			f.t.Errorf("a success was heard of %s; it has %d bytes, error %v, sealed: %v", id, len(content), err, sealed(f.server.uploads(), id))
		}
		if _, announced := events[id]; !announced {
			f.t.Errorf("a success was heard of %s, but it was never announced", id)
		}
	}
	for id := range events {
		if _, heard := f.whole[id]; !heard {
			f.t.Errorf("upload %s was announced, whose success nobody has heard", id)
		}
	}
}
