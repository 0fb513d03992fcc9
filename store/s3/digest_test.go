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

// patch sends what is missing of an upload from its offset on, at most n bytes; it
// finishes it if that is all.
func (c *caretaker) patch(id string, content []byte, n int) error {
	c.t.Helper()
	at, err := c.offset(id)
	c.must(err)
	body := storetest.NewBody(content[at:min(int(at)+n, len(content))])
	ctx := c.as(http.MethodPatch, body)
	u, err := c.GetUpload(ctx, id)
	c.must(err)
	written, err := u.WriteChunk(ctx, at, body)
	if err == nil && at+written == int64(len(content)) {
		err = u.FinishUpload(ctx)
	}
	return err
}

// The digest survives requests that end with a part, with a new process after each: its
// state is in an empty tail then, which the next request's bytes replace.
func TestDigestAtPartsEnds(t *testing.T) {
	c := newCaretaker(t, func(o *s3.Options) { o.Digest = "sha256" })
	content := noise(24<<20 + 5)
	id := c.begin(handler.FileInfo{Size: int64(len(content))}, nil)
	for range 3 {
		c.must(c.patch(id, content, 8<<20))
		c.crash()
	}
	c.must(c.patch(id, content, 8<<20))
	if sum := c.eventOf(id).Storage[store.KeyDigest]; sum != sumOf(content) {
		t.Errorf("the digest is %q", sum)
	}
	c.wantBytes(id, content)
	c.wantKeys(objectOf(id), objectOf(id)+".info")
}

// A part that can't be stored is sent again by the client; the digest goes back with it.
func TestDigestOfFailingPart(t *testing.T) {
	c := newCaretaker(t, func(o *s3.Options) { o.Digest = "sha256" })
	content := noise(40 << 20)
	id := c.begin(handler.FileInfo{Size: int64(len(content))}, nil)
	for failing := range 3 {
		parts := 0
		c.proxy.On(func(call s3test.Call) s3test.Fault {
			if call.Operation == s3test.UploadPart {
				if parts++; parts == failing+1 {
					return s3test.Fail(http.StatusForbidden, "AccessDenied")
				}
			}
			return s3test.Pass()
		})
		if err := c.patch(id, content, len(content)); err == nil {
			t.Fatal("no part has failed")
		}
		c.proxy.On(nil)
	}
	c.must(c.patch(id, content, len(content)))
	if sum := c.eventOf(id).Storage[store.KeyDigest]; sum != sumOf(content) {
		t.Errorf("the digest is %q", sum)
	}
	c.wantBytes(id, content)
}
