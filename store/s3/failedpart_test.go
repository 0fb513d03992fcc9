package s3_test

import (
	"net/http"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

// firstPartFails lets no first part of any upload be stored.
func firstPartFails(call s3test.Call) s3test.Fault {
	if call.Operation == s3test.UploadPart && call.Query.Get("partNumber") == "1" {
		return s3test.Fail(http.StatusForbidden, "AccessDenied")
	}
	return s3test.Pass()
}

// TestFailedPartThenEviction: a part could not be stored while its client was silent, and
// what came behind it has left the spool. The bytes that follow don't take their place.
func TestFailedPartThenEviction(t *testing.T) {
	for _, evicted := range []bool{true, false} {
		r := newRig(t)
		p := r.start()
		c := &client{rig: r, p: p, content: noise(12 * mib)}
		r.must(c.create(-1))
		p.proxy.On(firstPartFails)
		body := storetest.NewBody(c.content)
		body.StallAt = 6 * mib
		answer := c.send(body)
		<-body.Stalled()
		r.eventually("the part has failed", func() bool { return p.PartFailed(c.id) })
		p.proxy.On(nil)
		if evicted {
			p.Evict(c.id)()
		}
		body.Resume()
		err := <-answer
		if err == nil {
			t.Fatalf("evicted %t: a PATCH without its first part is answered well", evicted)
		}
		c.wantPassing(err)
		r.must(c.head())
		if c.acked != 0 {
			t.Errorf("evicted %t: %d bytes are acknowledged, of which the first are missing", evicted, c.acked)
		}
		c.resume()
		c.check()
		r.wantTidy(c)
	}
}

// TestDraftsFailedPart is the same for a file of a form: it is not stored without its first
// part, and nothing is left of it.
func TestDraftsFailedPart(t *testing.T) {
	for _, more := range []int{0, 1, 6 * mib} {
		c := newCaretaker(t, func(o *s3.Options) { o.PartSize = 5 * mib })
		r := &rig{T: t}
		c.proxy.On(firstPartFails)
		d, err := c.NewDraft(t.Context())
		c.must(err)
		c.must(d.Append(t.Context(), noise(5*mib)))
		c.must(d.Append(t.Context(), noise(mib)))
		r.eventually("the part has failed", func() bool { return s3.DraftPartFailed(d) })
		c.proxy.On(nil)
		s3.EvictDraft(d)
		if more > 0 {
			if err := d.Append(t.Context(), noise(more)); err == nil {
				t.Errorf("%d bytes more are taken", more)
			}
			c.must(d.Abandon())
		} else if done := c.FinishDrafts(c.as(http.MethodPost, nil), []store.Draft{d}, []handler.MetaData{nil}); done[0].Err == nil || done[0].Unsure {
			t.Errorf("finished: %+v", done[0])
		}
		if len(c.events) > 0 {
			t.Errorf("%d events", len(c.events))
		}
		c.wantKeys()
	}
}
