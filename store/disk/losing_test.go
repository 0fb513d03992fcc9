package disk

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// lease is a lock of a final upload that is lost when the lock of one of its
// parts is taken.
type lease struct {
	store.Locker
	part string
	lost atomic.Bool
}

func (l *lease) held() error {
	if l.lost.Load() {
		return store.Locked()
	}
	return nil
}

func (l *lease) Acquire(ctx context.Context, id string) (unlock func(), err error) {
	unlock, err = l.Locker.Acquire(ctx, id)
	store.RequestFrom(ctx).Hold(l.held)
	if id == l.part {
		l.lost.Store(true)
	}
	return unlock, err
}

// Without the lock nothing of a finish begins: somebody else may be at it.
func TestFinishWithoutTheLock(t *testing.T) {
	f := openFolder(t, t.TempDir())
	again := f.complete("abc")
	first := f.upload(handler.FileInfo{Size: 3}, "ab")
	before, err := os.Stat(f.path(again + ".info"))
	f.must(err)

	l := &lease{}
	l.lost.Store(true)
	ctx := as(t, http.MethodPatch)
	store.RequestFrom(ctx).Hold(l.held)
	_, err = f.GetUpload(ctx, again)
	wantStatus(t, err, http.StatusLocked)
	if after, err := os.Stat(f.path(again + ".info")); err != nil || !os.SameFile(before, after) {
		t.Errorf("the record was replaced without the lock (error %v)", err)
	}

	l.lost.Store(false)
	u, err := f.GetUpload(ctx, first)
	f.must(err)
	_, err = u.WriteChunk(ctx, 2, strings.NewReader("c"))
	f.must(err)
	l.lost.Store(true)
	wantStatus(t, u.FinishUpload(ctx), http.StatusLocked)
	f.wantFile(first, umasked(t, 0o644))
	f.wantEvents()
	if n := f.sweep(); n.Finished != 2 {
		t.Errorf("the sweep counts %+v", n)
	}
}

// A lock that is lost between the marks in the parts and the event: no event,
// and nothing is removed, since it may be another's by now.
func TestEventWithoutTheLock(t *testing.T) {
	l := &lease{}
	f := openFolder(t, t.TempDir(), func(o *Options) {
		l.Locker = o.Locker
		o.Locker = l
	})
	a, b := f.part("abc"), f.part("de")
	l.part = b
	id := finalID([]string{a, b})
	_, err := f.concat(5, a, b)
	wantStatus(t, err, http.StatusLocked)
	f.wantEvents()
	f.wantFile(id, umasked(t, 0o644))
	f.wantFile(a, umasked(t, 0o644)&^writeBits|partBit)

	l.part = ""
	l.lost.Store(false)
	_, err = f.concat(5, a, b)
	f.must(err)
	f.wantContent(id, "abcde")
	f.wantEvents(id)
}
