package s3_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3/s3test"
)

// completing is an endpoint that has begun to make objects of parts and didn't answer: it
// shows neither, as versitygw does meanwhile.
func completing(call s3test.Call) s3test.Fault {
	switch call.Operation {
	case s3test.CompleteMultipartUpload:
		return s3test.DropBefore()
	case s3test.ListParts:
		return s3test.Fail(http.StatusNotFound, "NoSuchUpload")
	}
	return s3test.Pass()
}

// TestCompleting: while the object may still come, no request hears that the upload is gone.
// Once it can't, they do.
func TestCompleting(t *testing.T) {
	for _, partial := range []bool{false, true} {
		c := newCaretaker(t)
		id := c.begin(handler.FileInfo{Size: 11 * mib, IsPartial: partial}, noise(11*mib))
		c.proxy.On(completing)
		for range 2 {
			for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodGet, http.MethodDelete} {
				_, err := c.GetUpload(c.as(method, nil), id)
				answer, ok := errors.AsType[handler.Error](err)
				if !ok || answer.HTTPResponse.Header["Retry-After"] == "" {
					t.Errorf("partial %t, %s: %v, which is not one to try again after", partial, method, err)
				}
			}
		}
		c.proxy.On(nil)
		if n, err := c.offset(id); n != 11*mib || err != nil {
			t.Errorf("partial %t: afterwards HEAD says %d, %v", partial, n, err)
		}
		if !partial {
			c.eventOf(id)
		}

		id = c.begin(handler.FileInfo{Size: 11 * mib, IsPartial: partial}, noise(11*mib))
		c.proxy.On(completing)
		if _, err := c.offset(id); err == nil {
			t.Errorf("partial %t: it is finished without Complete", partial)
		}
		c.forward(16 * time.Minute)
		if _, err := c.offset(id); !errors.Is(err, store.Gone()) {
			t.Errorf("partial %t: after the grace HEAD says %v", partial, err)
		}
	}
}
