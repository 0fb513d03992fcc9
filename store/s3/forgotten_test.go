package s3_test

import (
	"bytes"
	"strings"
	"testing"

	"plateau/store/s3"
	"plateau/store/s3/bucket"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

// What is known here of an upload may not be so any more: another process has written, or
// an answer was lost. Then it is forgotten, and whoever still has it writes nothing by it.

// ofTails lets calls that write tails meet a fault.
func ofTails(fault s3test.Fault) func(s3test.Call) s3test.Fault {
	return func(call s3test.Call) s3test.Fault {
		if strings.HasSuffix(call.Key, ".part") && (call.Operation == s3test.PutObject || call.Operation == s3test.HeadObject) {
			return fault
		}
		return s3test.Pass()
	}
}

// TestForgottenWithoutMultipart: the record that was to tell of the multipart upload could not
// be written. The upload goes on by a new look at it, and then the spool wants the room of
// the old one.
func TestForgottenWithoutMultipart(t *testing.T) {
	r := newRig(t)
	p := r.start()
	c := &client{rig: r, p: p, content: noise(12 * mib), deferred: true}
	r.must(c.create(-1))
	evict := p.Evict(c.id)
	p.proxy.On(func(call s3test.Call) s3test.Fault {
		if call.Operation == s3test.PutObject {
			return s3test.DropBefore()
		}
		return s3test.Pass()
	})
	c.wantPassing(c.patch(6 * mib))
	p.proxy.On(nil)
	r.must(c.head())
	r.must(c.patch(9 * mib))
	evict()
	p.die()
	c.p = r.start()
	r.must(c.head())
	c.resume()
	c.check()
	p.ended()
	r.wantTidy(c)
}

// TestForgottenInTheMiddle: while a client is silent in its body, another process takes bytes
// of the same upload. What the first one has never comes over them.
func TestForgottenInTheMiddle(t *testing.T) {
	r := newRig(t)
	p, q := r.start(), r.start()
	c := &client{rig: r, p: p, content: noise(2 * mib)}
	r.must(c.create(-1))
	body := storetest.NewBody(c.content)
	body.StallAt = 300_000
	first := *c
	answer := first.send(body)
	<-body.Stalled()
	evict := p.Evict(c.id)
	c.p = q
	r.must(c.patch(500_000))
	c.p = p
	evict() // meets the other's tail
	r.must(c.head())
	body.Resume()
	first.wantPassing(<-answer)
	evict()
	r.must(c.head())
	q.ended()
	p.ended()
	c.p = r.start()
	c.wantHead(500_000)
	c.resume()
	c.check()
	r.wantTidy(c)
}

// TestTailUnheard: a tail is written, and nobody hears of it. It is known for our own by its
// nonce, and goes on.
func TestTailUnheard(t *testing.T) {
	r := newRig(t)
	p := r.start()
	c := &client{rig: r, p: p, content: noise(2 * mib)}
	r.must(c.create(-1))
	p.proxy.On(ofTails(s3test.DropAfter()))
	c.wantPassing(c.patch(300_000))
	p.proxy.On(nil)
	c.wantHead(300_000)
	r.must(c.patch(300_000))
	p.die()
	c.p = r.start()
	c.wantHead(600_000)
	c.resume()
	c.check()
	p.ended()
	r.wantTidy(c)
}

// TestTailOfAnother: a tail could not be written, so its client goes to another process. When
// the first one tries again, the other's tail stays.
func TestTailOfAnother(t *testing.T) {
	r := newRig(t)
	p, q := r.start(), r.start()
	c := &client{rig: r, p: p, content: noise(2 * mib)}
	r.must(c.create(-1))
	evict := p.Evict(c.id)
	p.proxy.On(ofTails(s3test.DropBefore()))
	c.wantPassing(c.patch(300_000))
	p.proxy.On(nil)
	c.p = q
	r.must(c.patch(200_000))
	evict()
	q.ended()
	c.p = p
	c.wantHead(200_000)
	c.resume()
	c.check()
	r.wantTidy(c)
}

// TestForgottenFiles: uploads that are forgotten give their room in the spool back, without
// being asked.
func TestForgottenFiles(t *testing.T) {
	r := newRig(t)
	p := r.start()
	b := r.direct()
	defer b.Close()
	for range 8 {
		c := &client{rig: r, p: p, content: noise(4 * mib)}
		r.must(c.create(-1))
		r.must(c.patch(100_000))
		object, _ := s3.SplitID(c.id)
		_, err := b.Put(r.Context(), object+".part", bucket.Content{Body: bytes.NewReader(nil)}, bucket.Any)
		r.must(err)
		if err := c.patch(2 * mib); err == nil {
			t.Error("a tail was written over another's")
		}
	}
	// One file stays, for the next to use.
	if used, _ := p.Spooled(); used > 5*mib {
		t.Errorf("the spool has %d bytes of uploads that are forgotten", used)
	}
}
