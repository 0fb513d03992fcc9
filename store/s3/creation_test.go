package s3_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
	"plateau/store/s3/bucket"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

// TestCreationWithoutBytes: a POST whose body brings nothing, or is cut before its first byte,
// makes an upload that the next process knows.
func TestCreationWithoutBytes(t *testing.T) {
	for name, x := range map[string]struct {
		info handler.FileInfo
		cut  bool
	}{
		"empty":             {handler.FileInfo{Size: 1000}, false},
		"cut":               {handler.FileInfo{Size: 1000}, true},
		"of unknown length": {handler.FileInfo{SizeIsDeferred: true}, false},
		"large":             {handler.FileInfo{Size: 20 * mib}, true},
	} {
		r := newRig(t)
		p := r.start()
		c := &client{rig: r, p: p}
		body := storetest.NewBody(make([]byte, 1000))
		ctx := c.context(http.MethodPost, body)
		if x.cut {
			body.Cut(store.ShuttingDown())
		} else {
			body.Bytes = nil
		}
		u, err := p.NewUpload(ctx, x.info)
		r.must(err)
		n, err := u.WriteChunk(ctx, 0, body)
		if n != 0 || err != nil {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
		info, err := u.GetInfo(ctx)
		r.must(err)
		p.die()
		c.p, c.id = r.start(), info.ID
		c.wantHead(0)
	}
}

// TestCreationFails: of a POST that can't keep what came, nothing is left.
func TestCreationFails(t *testing.T) {
	for name, x := range map[string]struct {
		operation s3test.Operation
		suffix    string
		size      int
		sent      int
	}{
		"no record":                {s3test.PutObject, ".info", 300_000, 1000},
		"no tail":                  {s3test.PutObject, ".part", 300_000, 1000},
		"no record of a large one": {s3test.PutObject, ".info", 11 * mib, 7 * mib},
		"no tail behind a part":    {s3test.PutObject, ".part", 11 * mib, 7 * mib},
		"no part":                  {s3test.UploadPart, "", 11 * mib, 7 * mib},
		"no last part":             {s3test.UploadPart, "", 11 * mib, 11 * mib},
		"no object of parts":       {s3test.CompleteMultipartUpload, "", 11 * mib, 11 * mib},
	} {
		c := newCaretaker(t, func(o *s3.Options) { o.PartSize = 5 * mib })
		c.proxy.On(func(call s3test.Call) s3test.Fault {
			if call.Operation == x.operation && strings.HasSuffix(call.Key, x.suffix) {
				return s3test.Fail(http.StatusForbidden, "AccessDenied")
			}
			return s3test.Pass()
		})
		body := storetest.NewBody(noise(x.sent))
		body.Creates = true
		ctx := c.as(http.MethodPost, body)
		u, err := c.NewUpload(ctx, handler.FileInfo{Size: int64(x.size)})
		if err == nil {
			var n int64
			if n, err = u.WriteChunk(ctx, 0, body); err == nil && n == int64(x.size) {
				err = u.FinishUpload(ctx)
			}
		}
		if err == nil {
			t.Errorf("%s: the POST is answered well", name)
		}
		c.wantKeys()
		if len(c.place.intents.waiting) > 0 {
			t.Errorf("%s: an event waits", name)
		}
	}
}

// TestEmptyOfTusd: tusd begins a multipart upload for an upload of no bytes, too.
func TestEmptyOfTusd(t *testing.T) {
	c := newCaretaker(t)
	object := strings.Repeat("ab", 16)
	multipart, err := c.bucket.CreateMultipart(t.Context(), object, nil, "")
	c.must(err)
	id := object + "+" + multipart
	c.lay(object+".info", `{"ID":"`+id+`","Size":0,"SizeIsDeferred":false,"Offset":0,"MetaData":{"filename":"a"},"Storage":{"Type":"s3store","Bucket":"`+c.place.name+`","Key":"`+object+`"}}`, nil)
	if n, err := c.offset(id); n != 0 || err != nil {
		t.Errorf("HEAD says %d, %v", n, err)
	}
	c.wantBytes(id, nil)
	c.wantKeys(object, object+".info")
	if event := c.eventOf(id); event.MetaData["filename"] != "a" {
		t.Errorf("the event says %+v", event)
	}
}

// TestTailIsEmptied: a tail whose bytes a part has is emptied, and not removed: a removal that
// was given up might be carried out when the next tail lies there.
func TestTailIsEmptied(t *testing.T) {
	for _, digest := range []string{"", "sha256"} {
		r := newRig(t)
		r.change = func(o *s3.Options) { o.Digest = digest }
		p := r.start()
		c := &client{rig: r, p: p, content: noise(11 * mib)}
		r.must(c.create(-1))
		r.must(c.patch(1000))
		r.must(c.patch(5*mib - 1000))
		object, _ := s3.SplitID(c.id)
		wantTail := func(size int64, start string) {
			t.Helper()
			o, err := p.bucket.Head(t.Context(), object+".part")
			r.must(err)
			if o.Size != size || o.Metadata["plateau-start"] != start {
				t.Errorf("the tail has %d bytes from %s, want %d from %s", o.Size, o.Metadata["plateau-start"], size, start)
			}
		}
		wantTail(0, "5242880")
		r.must(c.patch(1000))
		wantTail(1000, "5242880")
		for _, call := range p.proxy.Calls() {
			if call.Key == object+".part" && call.Operation == s3test.DeleteObject || call.Operation == s3test.DeleteObjects {
				t.Errorf("%s of a tail", call.Operation)
			}
		}
		p.die()
		c.p = r.start()
		c.wantHead(5*mib + 1000)
		c.resume()
		c.check()
		p.ended()
		r.wantTidy(c)
		if _, err := c.p.bucket.Head(t.Context(), object+".part"); err == nil {
			t.Error("the tail outlives the finish")
		} else if !errors.Is(err, bucket.ErrNotFound) {
			t.Error(err)
		}
	}
}
