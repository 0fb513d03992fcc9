package s3_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"plateau/store"
	"plateau/store/s3"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

// once lets the first call that matches meet the fault.
func once(operation s3test.Operation, suffix string, fault s3test.Fault) func(s3test.Call) s3test.Fault {
	met := false
	return func(call s3test.Call) s3test.Fault {
		if met || call.Operation != operation || !strings.HasSuffix(call.Key, suffix) {
			return s3test.Pass()
		}
		met = true
		return fault
	}
}

// TestSlowLook: a HEAD waits for the bucket while the upload is finished. What it saw is not
// told to anybody afterwards.
func TestSlowLook(t *testing.T) {
	r := newRig(t)
	before := r.start()
	c := &client{rig: r, p: before, content: noise(300_000)}
	r.must(c.create(-1))
	before.ended()
	p := r.start()
	c.p = p
	hung, release := make(chan struct{}), make(chan struct{})
	p.proxy.On(once(s3test.HeadObject, ".part", s3test.Before(func() { close(hung) }, s3test.HangBefore(release))))
	looked := make(chan error, 1)
	go func() {
		_, err := p.GetUpload(c.context(http.MethodHead, nil), c.id)
		looked <- err
	}()
	<-hung
	answer := c.send(storetest.NewBody(c.content))
	close(release)
	r.must(<-answer)
	r.must(<-looked)
	c.wantHead(300_000)
	if !c.finished {
		t.Error("it is not finished")
	}
	c.check()
}

// TestSlowLookAtRemoved: an upload is removed while a HEAD looks at it.
func TestSlowLookAtRemoved(t *testing.T) {
	for _, size := range []int{300_000, 11 * mib} {
		r := newRig(t)
		r.change = func(o *s3.Options) { o.FreshFor = time.Nanosecond }
		p := r.start()
		c := &client{rig: r, p: p, content: noise(size)}
		r.must(c.create(-1))
		r.must(c.patch(size - 1000))
		ctx := c.context(http.MethodDelete, nil)
		u, err := p.GetUpload(ctx, c.id)
		r.must(err)
		hung, release := make(chan struct{}), make(chan struct{})
		p.proxy.On(once(s3test.HeadObject, ".part", s3test.After(func() { close(hung) }, s3test.HangAfter(release))))
		looked := make(chan error, 1)
		go func() {
			_, err := p.GetUpload(c.context(http.MethodHead, nil), c.id)
			looked <- err
		}()
		<-hung
		r.must(p.AsTerminatableUpload(u).Terminate(ctx))
		close(release)
		if err := <-looked; !errors.Is(err, store.NotFound()) && !errors.Is(err, store.Gone()) { // by what it saw first
			t.Errorf("HEAD hears %v of an upload that was removed", err)
		}
		if _, err := p.GetUpload(c.context(http.MethodPatch, nil), c.id); !errors.Is(err, store.NotFound()) {
			t.Errorf("PATCH hears %v", err)
		}
	}
}

// TestSlowTail: a PATCH waits for the tail that it goes on from. A HEAD of the same upload
// doesn't wait with it, and other uploads are not kept from the only block of memory.
func TestSlowTail(t *testing.T) {
	r := newRig(t)
	r.timeout = 4 * patience
	r.change = func(o *s3.Options) { o.BufferPool = 1 }
	before := r.start()
	c := &client{rig: r, p: before, content: noise(3 * mib)}
	other := &client{rig: r, p: before, content: noise(300_000)}
	r.must(c.create(-1))
	r.must(c.patch(mib))
	r.must(other.create(-1))
	before.ended()
	p := r.start()
	c.p, other.p = p, p
	hung, release := make(chan struct{}), make(chan struct{})
	p.proxy.On(once(s3test.GetObject, ".part", s3test.Before(func() { close(hung) }, s3test.HangBefore(release))))
	writer := *c
	answer := writer.send(storetest.NewBody(c.content[mib:]))
	<-hung
	within := make(chan struct{})
	go func() {
		defer close(within)
		c.wantHead(mib)
		other.resume()
	}()
	select {
	case <-within:
	case <-time.After(patience):
		t.Error("somebody waits for another's tail")
	}
	close(release)
	<-within
	<-answer // on a busy machine it may have hung for too long
	c.resume()
	c.check()
	other.check()
}
