package s3_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

// TestTerminateWhileFinishing: a DELETE comes while the object is being made. If it was
// finished its event stays, else that goes with the upload.
func TestTerminateWhileFinishing(t *testing.T) {
	for name, x := range map[string]struct {
		size      int
		operation s3test.Operation
		fault     s3test.Fault
		finished  bool
	}{
		"small":                       {1000, s3test.PutObject, s3test.Pass(), true},
		"small, and not finished":     {1000, s3test.PutObject, s3test.Fail(http.StatusForbidden, "AccessDenied"), false},
		"of parts":                    {11 * mib, s3test.CompleteMultipartUpload, s3test.Pass(), true},
		"of parts, and not finished":  {11 * mib, s3test.CompleteMultipartUpload, s3test.Fail(http.StatusForbidden, "AccessDenied"), false},
		"small, and nobody has heard": {1000, s3test.PutObject, s3test.FailAfter(http.StatusForbidden, "AccessDenied"), true},
	} {
		c := newCaretaker(t, func(o *s3.Options) { o.PartSize, o.FinishWait = 5*mib, patience })
		id := c.begin(handler.FileInfo{Size: int64(x.size)}, nil)
		making, goOn := make(chan struct{}), make(chan struct{})
		c.proxy.On(func(call s3test.Call) s3test.Fault {
			if call.Operation == x.operation && call.Key == objectOf(id) {
				return s3test.Before(func() {
					close(making)
					<-goOn
				}, x.fault)
			}
			return s3test.Pass()
		})
		body := storetest.NewBody(noise(x.size))
		ctx := c.as(http.MethodPatch, body)
		u, err := c.GetUpload(ctx, id)
		c.must(err)
		_, err = u.WriteChunk(ctx, 0, body)
		c.must(err)
		finished := make(chan error, 1)
		go func() { finished <- u.FinishUpload(ctx) }()
		<-making
		deleting := c.as(http.MethodDelete, nil)
		doomed, err := c.GetUpload(deleting, id)
		c.must(err)
		removed := make(chan error, 1)
		go func() { removed <- c.AsTerminatableUpload(doomed).Terminate(deleting) }()
		close(goOn)
		c.must(<-removed)
		if err := <-finished; (err == nil) != x.finished {
			t.Errorf("%s: the finish says %v", name, err)
		}
		if _, waits, _ := c.place.intents.Pending(t.Context(), id); waits != x.finished {
			t.Errorf("%s: its event waits: %t", name, waits)
		}
		c.wantKeys()
	}
}

// DELETE removes what can't be opened; but an upload whose id is only alike is another's to
// lock and to ask for.
func TestDeleteByAnIDThatIsAlike(t *testing.T) {
	c := newCaretaker(t)
	for _, id := range []string{c.post(handler.FileInfo{}, []byte("abc")), c.begin(handler.FileInfo{Size: 20 << 20}, noise(9<<20))} {
		before := c.keys()
		for _, alike := range []string{objectOf(id), objectOf(id) + "+other"} {
			if _, err := c.GetUpload(c.as(http.MethodDelete, nil), alike); !errors.Is(err, store.NotFound()) {
				t.Errorf("DELETE of %s, which is %s: %v", alike, id, err)
			}
		}
		c.wantKeys(before...)
	}
}
