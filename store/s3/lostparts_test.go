package s3_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

// sums are store.Accounts of what all uploads occupy together.
type sums struct {
	mu    sync.Mutex
	quota int64 // of bytes; 0: none
	open  int
	bytes int64
}

func (a *sums) Grow(c store.Change) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if more := c.After.Bytes - c.Before.Bytes; a.quota > 0 && a.bytes+more > a.quota {
		return store.OverQuota()
	}
	a.add(c.Before, -1)
	a.add(c.After, 1)
	return nil
}

func (a *sums) Changed(c store.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.add(c.Before, -1)
	a.add(c.After, 1)
}

func (a *sums) add(what store.Occupied, times int) {
	if what.Open {
		a.open += times
	}
	a.bytes += int64(times) * what.Bytes
}

func (a *sums) want(t *testing.T, open int, bytes int64) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open != open || a.bytes != bytes {
		t.Errorf("%d open uploads and %d bytes are counted, want %d and %d", a.open, a.bytes, open, bytes)
	}
}

// An upload of unknown length whose parts a lifecycle rule has removed is counted out as it
// was counted in, whoever removes it, and whether it came before the start or after.
func TestLostPartsAreCountedOut(t *testing.T) {
	ways := map[string]func(c *caretaker, id string){
		"DELETE": func(c *caretaker, id string) {
			ctx := c.as(http.MethodDelete, nil)
			u, err := c.GetUpload(ctx, id)
			c.must(err)
			c.must(c.AsTerminatableUpload(u).Terminate(ctx))
		},
		"expiry": func(c *caretaker, _ string) {
			c.forward(2 * time.Hour)
			c.expire()
		},
		"HEAD and expiry": func(c *caretaker, id string) {
			if _, err := c.offset(id); err == nil {
				c.t.Error("its parts are still there")
			}
			c.forward(2 * time.Hour)
			c.expire()
		},
	}
	for way, remove := range ways {
		for _, restarted := range []bool{false, true} {
			accounts := new(sums)
			c := newCaretaker(t, func(o *s3.Options) { o.Accounts, o.FreshFor, o.PartSize = accounts, time.Nanosecond, 5<<20 })
			lost := c.begin(handler.FileInfo{SizeIsDeferred: true}, noise(6<<20))
			accounts.want(t, 1, 6<<20)
			c.must(c.bucket.Abort(t.Context(), objectOf(lost), c.MultipartOf(lost)))
			if restarted {
				accounts = new(sums)
				c.crash()
				c.must(c.Occupants(t.Context(), "", func(_, _ string, what store.Occupied) error {
					accounts.add(what, 1)
					return nil
				}))
				accounts.want(t, 1, 0)
			}
			remove(c, lost)
			c.wantKeys()
			accounts.want(t, 0, 0)
			if t.Failed() {
				t.Fatalf("after %s, restarted: %v", way, restarted)
			}
		}
	}
}

// A HEAD that can't commit what a writer has brought doesn't make room for more of it.
func TestLookWhileWriting(t *testing.T) {
	r := newRig(t)
	const quota = 600_000
	accounts := &sums{quota: quota}
	r.change = func(o *s3.Options) { o.Accounts = accounts }
	p := r.start()
	c := &client{rig: r, p: p, content: noise(2 * mib), deferred: true}
	r.must(c.create(-1))
	body := storetest.NewBody(c.content)
	body.Burst, body.StallAt = 10_000, 500_000
	writer := *c
	answer := writer.send(body)
	<-body.Stalled()
	r.eventually("all is counted", func() bool {
		accounts.mu.Lock()
		defer accounts.mu.Unlock()
		return accounts.bytes == 500_000
	})
	p.proxy.On(func(call s3test.Call) s3test.Fault {
		if call.Operation == s3test.PutObject {
			return s3test.Fail(http.StatusForbidden, "AccessDenied")
		}
		return s3test.Pass()
	})
	r.must(c.head())
	accounts.want(t, 1, 500_000)
	p.proxy.On(nil)
	body.Resume()
	if err := <-answer; !errors.Is(err, store.OverQuota()) {
		t.Errorf("over its quota the writer hears %v", err)
	}
	r.must(c.head())
	if c.acked > quota {
		t.Errorf("%d bytes came, %d were allowed", c.acked, quota)
	}
	accounts.want(t, 1, c.acked)
}
