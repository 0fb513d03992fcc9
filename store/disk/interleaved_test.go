package disk

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// A HEAD reads the record, then a PATCH declares the length and finishes, then
// the HEAD looks at the data: the upload is well.
func TestDeclaredWhileOpened(t *testing.T) {
	f := openFolder(t, t.TempDir())
	id := f.upload(handler.FileInfo{SizeIsDeferred: true}, "abc")
	u, err := f.openRecord(id)
	f.must(err)

	ctx := as(t, http.MethodPatch)
	writer, err := f.GetUpload(ctx, id)
	f.must(err)
	f.must(f.AsLengthDeclarableUpload(writer).DeclareLength(ctx, 5))
	_, err = writer.WriteChunk(ctx, 3, strings.NewReader("de"))
	f.must(err)
	f.must(writer.FinishUpload(ctx))

	u, err = f.openData(u)
	f.must(err)
	if u.info.Size != 5 || u.info.Offset != 5 || !u.sealed {
		t.Errorf("opened as %+v, sealed %v", u.info, u.sealed)
	}
}

// No event goes out for a final whose parts can't be marked, since it is then
// removed; and the parts can be used again.
func TestFinalWhosePartsCannotBeMarked(t *testing.T) {
	f := openFolder(t, t.TempDir())
	a, b := f.part("aaa"), f.part("bb")
	f.must(os.Mkdir(f.path(b+".info.tmp"), 0o755)) // where the new record would be written
	id, err := f.concat(5, a, b)
	wantStatus(t, err, http.StatusLocked) // 503 on POST
	f.wantEvents()
	f.wantFile(id, 0)
	other, err := f.concat(5, b, a) // a is marked, for a final that never came to be
	f.must(err)
	f.wantContent(other, "bbaaa")
	f.wantEvents(other)
}

// A final that was sealed while a part could not be marked, or before a crash,
// is put right when it is asked for again.
func TestPartLeftBesideItsFinal(t *testing.T) {
	f := openFolder(t, t.TempDir())
	a, b := f.part("aaa"), f.part("bb")
	id, err := f.concat(5, a, b)
	f.must(err)
	info, err := os.ReadFile(f.path(b + ".info"))
	f.must(err)
	f.must(os.WriteFile(f.path(b+".info"), []byte(strings.Replace(string(info), `"Final":"`+id+`",`, "", 1)), 0o644))
	f.must(os.WriteFile(f.path(b), []byte("bb"), 0o544))
	again, err := f.concat(5, a, b)
	f.must(err)
	if again != id {
		t.Errorf("the same parts made %s and %s", id, again)
	}
	f.wantFile(b, 0)
	if _, err := f.head(b); err != nil {
		t.Errorf("HEAD on the part: %v", err)
	}
	f.wantEvents(id)
}

// What the event's function lacks is not the upload.
func TestEventFailsByMissingFile(t *testing.T) {
	f := &folder{t: t, dir: t.TempDir()}
	options := f.options()
	options.Finish = func(context.Context, handler.FileInfo, time.Time, bool) error {
		return os.Link("/nowhere/at/all", "/nowhere/either")
	}
	s, err := Open(options)
	f.must(err)
	f.Store = s
	t.Cleanup(func() { f.must(s.Close(context.Background())) })
	id := f.upload(handler.FileInfo{Size: 3}, "")
	wantStatus(t, f.send(id, 0, "abc"), http.StatusLocked)
	if n := f.sweep(); n.Unusable != 1 || !errors.Is(n.Err, fs.ErrNotExist) {
		t.Errorf("the sweep says %+v", n)
	}
}

// A seal that fails doesn't take back what the event has said.
func TestSealFails(t *testing.T) {
	f := openFolder(t, t.TempDir())
	id := f.upload(handler.FileInfo{Size: 3}, "ab")
	ctx := as(t, http.MethodPost)
	r := store.RequestFrom(ctx)
	u, err := f.GetUpload(ctx, id)
	f.must(err)
	_, err = u.WriteChunk(ctx, 2, strings.NewReader("c"))
	f.must(err)
	// The lock is lost between the event and the seal.
	r.Hold(func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.events) > 0 {
			return store.Locked()
		}
		return nil
	})
	f.must(u.FinishUpload(ctx))
	f.wantEvents(id)
	f.wantFile(id, umasked(t, 0o644))
	if n := f.sweep(); n.Finished != 1 {
		t.Errorf("the sweep says %+v", n)
	}
	f.wantEvents(id, id)
}
