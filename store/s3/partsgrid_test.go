package s3_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"plateau/store/s3"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

// behindFirst lets no first part be stored, and says so only when the third one is: there
// are parts behind a gap then.
func behindFirst() func(s3test.Call) s3test.Fault {
	stored := make(chan struct{})
	return func(call s3test.Call) s3test.Fault {
		switch {
		case call.Operation != s3test.UploadPart:
		case call.Query.Get("partNumber") == "1":
			wait := func() {
				select {
				case <-stored:
				case <-time.After(patience):
				}
			}
			return s3test.Before(wait, s3test.Fail(http.StatusForbidden, "AccessDenied"))
		case call.Query.Get("partNumber") == "3":
			return s3test.After(func() { close(stored) }, s3test.Pass())
		}
		return s3test.Pass()
	}
}

// wantOneGrid checks that each part had the same size however often it was sent, by any of
// the processes. It returns the sizes.
func wantOneGrid(t *testing.T, processes ...*process) map[string]int64 {
	t.Helper()
	sizes := make(map[string]int64)
	for _, p := range processes {
		for _, call := range p.proxy.Calls() {
			if call.Operation != s3test.UploadPart {
				continue
			}
			n := call.Query.Get("partNumber")
			if size, sent := sizes[n]; sent && size != call.Length {
				t.Errorf("part %s was sent with %d bytes, and with %d", n, size, call.Length)
			}
			sizes[n] = call.Length
		}
	}
	return sizes
}

// TestGridAfterGap: the first part has failed, others behind it are stored. The client goes
// on with a chunk that is smaller than a part; nothing of that is lost to the next process.
func TestGridAfterGap(t *testing.T) {
	r := newRig(t)
	r.change = func(o *s3.Options) { o.PartSize = 8 * mib }
	p := r.start()
	c := &client{rig: r, p: p, content: noise(30 * mib)}
	r.must(c.create(-1))
	p.proxy.On(behindFirst())
	c.wantPassing(c.patch(30 * mib))
	p.proxy.On(nil)
	r.must(c.head())
	if c.acked != 0 {
		t.Errorf("%d bytes are acknowledged without the first part", c.acked)
	}
	r.must(c.patch(6 * mib))
	p.ended()
	c.p = r.start()
	r.must(c.head())
	c.resume()
	c.check()
	wantOneGrid(t, p, c.p)
	r.wantTidy(c)
}

// TestGridAfterLength: a length that is told when parts are stored doesn't change where they
// begin and end.
func TestGridAfterLength(t *testing.T) {
	r := newRig(t)
	p := r.start()
	c := &client{rig: r, p: p, content: noise(40 * mib), deferred: true}
	r.must(c.create(-1))
	p.proxy.On(behindFirst())
	c.wantPassing(c.patch(24 * mib))
	p.proxy.On(nil)
	r.must(c.head())
	ctx := c.context(http.MethodPatch, nil)
	u, err := p.GetUpload(ctx, c.id)
	r.must(err)
	r.must(p.AsLengthDeclarableUpload(u).DeclareLength(ctx, 1<<30)) // a new upload of this has parts of 16 MiB
	r.must(<-c.send(storetest.NewBody(c.content[:17*mib])))
	if c.acked != 17*mib {
		t.Errorf("%d bytes are acknowledged", c.acked)
	}
	p.ended()
	c.p = r.start()
	r.must(c.head())
	r.must(<-c.send(storetest.NewBody(c.content[c.acked:])))
	c.p.ended()
	last := r.start()
	wantOneGrid(t, p, c.p)
	c.p = last
	r.must(c.head())
}

// TestGridOfFirstChunk: a client whose chunks are smaller than a part gets parts of that
// size, and needs no tails, by whichever process.
func TestGridOfFirstChunk(t *testing.T) {
	r := newRig(t)
	r.change = func(o *s3.Options) { o.PartSize = 8 * mib }
	p := r.start()
	c := &client{rig: r, p: p, content: noise(20 * mib)}
	r.must(c.create(-1))
	r.must(c.patch(6 * mib))
	r.must(c.patch(6 * mib))
	p.ended()
	c.p = r.start()
	c.wantHead(12 * mib)
	r.must(c.patch(6 * mib))
	r.must(c.patch(6 * mib))
	c.check()
	sizes := wantOneGrid(t, p, c.p)
	for n := range 4 {
		if got, want := sizes[fmt.Sprint(n+1)], int64(min(6*mib, 20*mib-n*6*mib)); got != want {
			t.Errorf("part %d has %d bytes, want %d", n+1, got, want)
		}
	}
	for _, call := range append(p.proxy.Calls(), c.p.proxy.Calls()...) {
		if call.Operation == s3test.PutObject && strings.HasSuffix(call.Key, ".part") {
			t.Errorf("a tail was written: %d bytes", call.Length)
		}
	}
	r.wantTidy(c)
}

// TestGridOfFirstChunkUnheard: the record with the smaller grid is written, and nobody hears
// of it. Parts of the grid before it are not acknowledged by a process that doesn't know.
func TestGridOfFirstChunkUnheard(t *testing.T) {
	r := newRig(t)
	r.change = func(o *s3.Options) { o.PartSize = 8 * mib }
	p := r.start()
	c := &client{rig: r, p: p, content: noise(30 * mib)}
	r.must(c.create(-1))
	p.proxy.On(func(call s3test.Call) s3test.Fault {
		if strings.HasSuffix(call.Key, ".info") {
			return s3test.DropAfter()
		}
		return s3test.Pass()
	})
	c.wantPassing(c.patch(6 * mib))
	p.proxy.On(nil)
	r.must(c.head())
	r.must(c.patch(20*mib - int(c.acked)))
	p.ended()
	c.p = r.start()
	r.must(c.head())
	c.resume()
	c.check()
	wantOneGrid(t, p, c.p)
	r.wantTidy(c)
}
