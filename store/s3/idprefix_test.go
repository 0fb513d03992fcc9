package s3_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
)

// withPrefixes runs a test with and without a prefix of ids.
func withPrefixes(t *testing.T, test func(t *testing.T, prefix string)) {
	for _, prefix := range []string{"", "tenant-1"} {
		t.Run(fmt.Sprintf("prefix %q", prefix), func(t *testing.T) { test(t, prefix) })
	}
}

// The sweeps between the whole ones finish what a crash left complete, behind every prefix,
// and leap over what is old.
func TestSweepYoung(t *testing.T) {
	c := newCaretaker(t)
	var laying sync.WaitGroup
	for i := range 8 {
		laying.Go(func() {
			for n := i; n < 1500; n += 8 {
				c.lay(fmt.Sprintf("tenant-2--%012x%020x", time.Now().Add(-72*time.Hour).UnixMilli(), n), "x", nil)
			}
		})
	}
	laying.Wait()
	var complete []string
	for _, prefix := range []string{"", "tenant-1", "tenant-2", "tenant-3", "Z"} {
		c.prefix = prefix
		complete = append(complete, c.begin(handler.FileInfo{Size: 3}, []byte("abc")))
	}
	c.crash()
	sweep := func() (n s3.Swept) {
		var err error
		n, err = c.SweepYoung(t.Context())
		c.must(err)
		return n
	}
	calls := c.countOf(func() {
		if n := sweep(); n.Finished != len(complete) || n.Unusable > 0 {
			t.Errorf("%+v", n)
		}
	})
	if calls["ListObjectsV2"] != 2 {
		t.Errorf("calls: %v", calls)
	}
	for _, id := range complete {
		c.eventOf(id)
		c.wantBytes(id, []byte("abc"))
	}
	if n := sweep(); n != (s3.Swept{}) {
		t.Errorf("once more: %+v", n)
	}
}

// What the storage has no room for of a form's file leaves as a tail; a crash leaves that.
func TestPrefixedDraftLeavesTail(t *testing.T) {
	withPrefixes(t, func(t *testing.T, prefix string) {
		c := newCaretaker(t)
		c.prefix = prefix
		ctx := c.as("POST", nil)
		d, err := c.NewDraft(ctx)
		c.must(err)
		c.must(d.Append(ctx, []byte("abc")))
		s3.EvictDraft(d)
		c.wantKeys(objectOf(d.ID()) + ".part")
		c.crash()
		c.must(c.List(context.Background(), func(l store.Listed) error { return fmt.Errorf("%s is listed", l.ID) }))
		c.forward(25 * time.Hour)
		c.expire()
		c.wantKeys()
	})
}
