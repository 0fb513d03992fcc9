package s3_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/s3"
	"plateau/store/s3/s3test"
)

// TestRefusedCreations: a creation that was refused, since the bucket was away, leaves nothing
// here, and becomes no upload later.
func TestRefusedCreations(t *testing.T) {
	for _, w := range ways()[:5] {
		t.Run(w.name, func(t *testing.T) {
			r := newRig(t)
			p := r.start()
			p.proxy.Away(true)
			for range 3 {
				c := w.start(r, p)
				if err := c.create(len(c.content)); err == nil {
					t.Fatal("a creation without a bucket is answered well")
				} else {
					c.wantPassing(err)
				}
			}
			if used, _ := p.Spooled(); p.Open() > 0 || used > 0 && p.Waiting() > 0 {
				t.Errorf("%d uploads are open, with %d bytes in the spool", p.Open(), p.Waiting())
			}
			p.proxy.Away(false)
			p.ended()
			p = r.start()
			_, err := p.Sweep(r.Context())
			r.must(err)
			// Parts of a large one may have come before; its record says that it is unfinished.
			b := r.direct()
			defer b.Close()
			objects, _, err := b.List(r.Context(), "", "", 1000)
			r.must(err)
			if len(objects) > 0 || len(r.events.uploads()) > 0 {
				t.Errorf("there are objects %v and events of %v", objects, r.events.uploads())
			}
		})
	}
}

// TestPartsRemovedMeanwhile is as TestPartsRemoved, of an upload that goes on all the time: it
// is noticed by the first part that can't be stored.
func TestPartsRemovedMeanwhile(t *testing.T) {
	r := newRig(t)
	p := r.start()
	c := ways()[4].start(r, p)
	r.must(c.create(-1))
	r.must(c.patch(7 * mib))
	b := r.direct()
	defer b.Close()
	object, multipart := s3.SplitID(c.id)
	r.must(b.Abort(r.Context(), object, multipart))
	c.wantPassing(c.patch(len(c.content)))
	_, err := p.GetUpload(c.context(http.MethodHead, nil), c.id)
	if answer, ok := errors.AsType[handler.Error](err); !ok || answer.HTTPResponse.StatusCode != http.StatusGone {
		t.Errorf("HEAD: %v, want 410", err)
	}
}

// TestUnacknowledgedGo: what couldn't be committed, since the bucket is away, takes up no room.
func TestUnacknowledgedGo(t *testing.T) {
	r := newRig(t)
	p := r.start()
	c := ways()[3].start(r, p)
	r.must(c.create(-1))
	p.proxy.On(func(s3test.Call) s3test.Fault { return s3test.DropBefore() })
	c.wantPassing(c.patch(1000))
	if n := p.Waiting(); n > 0 {
		t.Errorf("%d bytes wait for nobody", n)
	}
	p.proxy.On(nil)
	r.must(c.head())
	c.resume()
	c.check()
}
