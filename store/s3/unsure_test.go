package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
	"plateau/store"
	"plateau/store/s3"
	"plateau/store/s3/s3test"
)

// ofObjects lets calls that write or look at the bytes of finished uploads meet a fault.
func ofObjects(fault s3test.Fault) func(s3test.Call) s3test.Fault {
	return func(call s3test.Call) s3test.Fault {
		if !strings.ContainsAny(call.Key, "./") && (call.Operation == s3test.PutObject || call.Operation == s3test.HeadObject) {
			return fault
		}
		return s3test.Pass()
	}
}

// TestUnsureObject: nobody hears whether the object of a POST was written, so it is not
// removed, nor its event. The outbox finds out: there is an event if and only if there is an
// object, which may also be made then.
func TestUnsureObject(t *testing.T) {
	t.Parallel()
	var ordeals []ordeal
	for name, fault := range map[string]func(release <-chan struct{}) s3test.Fault{
		"written":     func(<-chan struct{}) s3test.Fault { return s3test.DropAfter() },
		"not written": func(<-chan struct{}) s3test.Fault { return s3test.DropBefore() },
		"too late":    s3test.HangAfter,
	} {
		for _, form := range []bool{false, true} {
			ordeals = append(ordeals, ordeal{fmt.Sprintf("%s, form %t", name, form), func(t *testing.T) {
				release := make(chan struct{})
				unsureObject(t, fault(release), form, release)
			}})
		}
	}
	together(t, ordeals)
}

// unsureObject uploads a small file, as a form or not. release is closed when the client has
// its answer.
func unsureObject(t *testing.T, fault s3test.Fault, form bool, release chan struct{}) {
	r := newRig(t)
	r.timeout = patience
	r.change = func(o *s3.Options) { o.Grace, o.FinishDeadline = time.Millisecond, 3*time.Second }
	p := r.start()
	c := &client{rig: r, p: p, content: noise(4096)}
	p.proxy.On(ofObjects(fault))
	var err error
	if form {
		err = c.sendForm()
	} else {
		err = c.create(len(c.content))
	}
	if err == nil {
		t.Error("it is answered well")
	}
	p.proxy.On(nil)
	close(release)
	b := r.direct()
	defer b.Close()
	r.eventually("no event waits", func() bool {
		waiting, _, err := b.List(r.Context(), "outbox/pending/", "", 1000)
		r.must(err)
		return len(waiting) == 0
	})
	objects, _, err := b.List(r.Context(), "", "", 1000)
	r.must(err)
	ids := r.events.uploads()
	if len(ids) != len(objects) || wasWritten(p) && len(ids) == 0 {
		t.Errorf("events of %q, objects %v", ids, objects)
	}
	for _, id := range ids {
		content, err := p.Content(c.context(http.MethodGet, nil), id)
		r.must(err)
		if got, err := io.ReadAll(content.Body); err != nil || !bytes.Equal(got, c.content) {
			t.Errorf("%d other bytes, %v", len(got), err)
		}
		r.must(content.Body.Close())
	}
}

// wasWritten reports whether the object of a finished upload was.
func wasWritten(p *process) bool {
	return slices.ContainsFunc(p.proxy.Calls(), func(call s3test.Call) bool {
		return call.Operation == s3test.PutObject && !strings.ContainsAny(call.Key, "./") && call.Answered == http.StatusOK
	})
}

// sendForm sends the file as one of a form.
func (c *client) sendForm() error {
	ctx := c.context(http.MethodPost, nil)
	d, err := c.p.NewDraft(ctx)
	c.must(err)
	c.must(d.Append(ctx, c.content))
	done := c.p.FinishDrafts(ctx, []store.Draft{d}, []handler.MetaData{nil})[0]
	if done.Err != nil && !done.Unsure {
		c.Errorf("it is said for sure that a file is not stored: %v", done.Err)
	}
	return done.Err
}

// TestConfirmAfterClose: the relay outlives the store, and asks. Nothing is begun any more.
func TestConfirmAfterClose(t *testing.T) {
	c := newCaretaker(t)
	id := c.begin(handler.FileInfo{Size: 3}, []byte("abc"))
	c.must(c.place.intents.Add(t.Context(), handler.FileInfo{ID: id}, time.Now()))
	c.must(c.Store.Close(t.Context()))
	before := c.keys()
	if got, err := c.Confirm(t.Context(), id, time.Now()); got != hooks.Unknown || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	unlock, ok := c.locks.TryLock(id)
	if !ok {
		t.Fatal("the upload is locked")
	}
	unlock()
	c.wantKeys(before...)
	c.crash()
	if n, err := c.offset(id); n != 3 || err != nil {
		t.Errorf("the next process says %d, %v", n, err)
	}
	c.wantBytes(id, []byte("abc"))
}
