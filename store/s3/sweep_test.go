package s3_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/memorylock"
	"plateau/store/storetest"
)

// What a crash leaves beside finished uploads goes, and a finished upload costs no
// call but the listing.
func TestSweepLeftovers(t *testing.T) {
	c := newCaretaker(t)
	file := objectOf(c.post(handler.FileInfo{}, []byte("abc")))
	a, b := c.part([]byte("ab")), c.part([]byte("cde"))
	final, err := c.concat(5, a, b)
	c.must(err)
	clean := c.keys()
	n := c.sweep()
	calls := c.countOf(func() { c.sweep() })
	// The records of the two parts look like those of open uploads.
	if n.Tails+n.Emptied+n.Removed+n.Finished > 0 || calls["ListObjectsV2"] != 1 || calls["GetObject"] != 2 || len(calls) != 2 {
		t.Errorf("a sweep of what is finished makes the calls %v: %+v", calls, n)
	}

	c.lay(file+".part", "c", map[string]string{"plateau-start": "2"})
	c.lay(objectOf(a), "ab", nil)
	if n := c.sweep(); n.Tails != 1 || n.Emptied != 1 || n.Unusable != 0 {
		t.Errorf("%+v, %v", n, n.Err)
	}
	c.wantKeys(clean...)
	c.wantBytes(final, []byte("abcde"))
	if n, err := c.offset(a); n != 2 || err != nil {
		t.Errorf("the part's offset is %d, %v", n, err)
	}
}

// A final that a crash left half made goes, with its multipart upload; its parts stay.
func TestSweepHalfMadeFinal(t *testing.T) { withPrefixes(t, testSweepHalfMadeFinal) }

func testSweepHalfMadeFinal(t *testing.T, prefix string) {
	c := newCaretaker(t)
	c.prefix = prefix
	parts := []string{c.part(noise(6 << 20)), c.part(noise(5 << 20))}
	before := c.keys()
	final := c.halfMade(11<<20, parts...)
	if n := c.sweep(); n.Removed != 0 || n.Unusable != 0 {
		t.Errorf("one that a request is making: %+v, %v", n, n.Err)
	}
	c.crash()
	if _, err := c.offset(final); err != nil {
		t.Errorf("a look at it: %v", err)
	}
	if n := c.sweep(); n.Removed != 1 || n.Unusable != 0 {
		t.Errorf("%+v, %v", n, n.Err)
	}
	c.wantKeys(before...)

	// It can also be made again over what is there.
	c.halfMade(11<<20, parts...)
	c.crash()
	again, err := c.concat(11<<20, parts...)
	c.must(err)
	c.wantBytes(again, append(noise(6<<20), noise(5<<20)...))
	if again != final {
		t.Error("it is another final")
	}
}

// halfMade leaves a final as a crash does that comes between two copies, with its lock
// held.
func (c *caretaker) halfMade(size int, parts ...string) string {
	c.t.Helper()
	u, err := c.NewUpload(c.as(http.MethodPost, nil), handler.FileInfo{IsFinal: true, Size: int64(size), PartialUploads: parts})
	c.must(err)
	info, err := u.GetInfo(c.t.Context())
	c.must(err)
	if _, ok := c.locks.TryLock(info.ID); !ok {
		c.t.Fatal("it is locked")
	}
	c.must(c.Store.HalfMake(c.t.Context(), u, objectOf(parts[0])))
	return info.ID
}

// crash opens the store anew, with nothing locked.
func (c *caretaker) crash() {
	c.t.Helper()
	fresh := memorylock.New()
	c.underTest = c.Reopen(c.t, storetest.Options{Locker: fresh, Finish: c.finish, ExpireAfter: time.Hour, Now: c.now}).(*underTest)
	c.locks = fresh
}

// The sweep leaves a running upload alone: it neither waits for it nor writes for it.
func TestSweepInUse(t *testing.T) {
	c := newCaretaker(t)
	ctx := c.as(http.MethodPost, nil)
	u, err := c.NewUpload(ctx, handler.FileInfo{Size: 10})
	c.must(err)
	info, err := u.GetInfo(ctx)
	c.must(err)
	unlock, _ := c.locks.TryLock(info.ID)
	defer unlock()
	body := storetest.NewBody([]byte("0123456789"))
	body.StallAt = 5
	done := make(chan error, 1)
	go func() {
		_, err := u.WriteChunk(c.as(http.MethodPatch, body), 0, body)
		done <- err
	}()
	<-body.Stalled()
	calls := c.countOf(func() { c.sweep() })
	if calls["PutObject"] > 0 {
		t.Errorf("the sweep wrote: %v", calls)
	}
	body.Resume()
	c.must(<-done)
	if n := c.sweep(); n.Finished != 0 || n.Unusable != 0 {
		t.Errorf("though its lock is held, %+v", n)
	}
}

// An upload whose multipart upload is gone is told of, and doesn't stop the sweep.
func TestSweepUnusable(t *testing.T) {
	c := newCaretaker(t)
	lost := c.begin(handler.FileInfo{Size: 20 << 20}, noise(100))
	_, multipart, _ := strings.Cut(lost, "+")
	complete := c.begin(handler.FileInfo{Size: 3}, []byte("abc"))
	c.crash()
	c.must(c.bucket.Abort(t.Context(), objectOf(lost), multipart))
	n := c.sweep()
	if n.Unusable != 1 || !errors.Is(n.Err, store.Gone()) || n.Finished != 1 {
		t.Errorf("%+v", n)
	}
	c.wantBytes(complete, []byte("abc"))
}

// More than a page is gone through, families across its border included.
func TestSweepPages(t *testing.T) {
	c := newCaretaker(t)
	var laying sync.WaitGroup
	for i := range 8 {
		laying.Go(func() {
			for n := i; n < 700; n += 8 {
				object := fmt.Sprintf("%032x", n)
				c.lay(object, "x", nil)
				c.lay(object+".info", fmt.Sprintf(`{"ID":"%s+0","Size":1,"Storage":{"Plateau":"1"}}`, object), nil)
			}
		})
	}
	laying.Wait()
	seen := make(map[string]int)
	c.must(c.List(t.Context(), func(l store.Listed) error {
		seen[l.State]++
		return l.Err
	}))
	if seen["sealed"] != 700 || len(seen) != 1 {
		t.Errorf("listed: %v", seen)
	}
	calls := c.countOf(func() { c.sweep() })
	if calls["ListObjectsV2"] != 2 || len(calls) != 1 {
		t.Errorf("calls: %v", calls)
	}
}
