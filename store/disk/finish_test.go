package disk

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/sys/unix"

	"plateau/store"
)

// A panic in the event's function costs that upload's finish, and nothing else.
func TestFinishPanics(t *testing.T) {
	var bad string
	f := openFolder(t, t.TempDir(), beforeEvent(func(id string) error {
		if id == bad {
			panic("the sink is broken")
		}
		return nil
	}))
	id := f.upload(handler.FileInfo{Size: 3}, "")
	bad = id
	wantStatus(t, f.send(id, 0, "abc"), http.StatusLocked)
	other := f.upload(handler.FileInfo{Size: 3}, "xyz")
	f.wantEvents(other)

	ctx := as(t, http.MethodHead)
	_, err := f.GetUpload(ctx, id) // begins a finish anew: nothing holds the last one
	wantStatus(t, err, http.StatusLocked)
	if answer, ok := errors.AsType[handler.Error](err); ok && strings.Contains(answer.Error()+answer.HTTPResponse.Body, "sink") {
		t.Errorf("the client is told of the panic: %v", err)
	}
	if _, cause := store.RequestFrom(ctx).Failure(); cause == nil || !strings.Contains(cause.Error(), "the sink is broken") || !strings.Contains(cause.Error(), "finish_test.go") {
		t.Errorf("the log would say %v, want the panic and where it was", cause)
	}
	if n := f.sweep(); n.Unusable != 1 || n.Example != id {
		t.Errorf("the sweep counts %+v", n)
	}
	bad = ""
	_, err = f.head(id)
	f.must(err)
	f.wantEvents(other, id)
}

// A later fsync of a record can't be believed if an earlier one failed. A new
// process doesn't know, so it writes the record anew.
func TestFinishAgainWritesTheRecordAnew(t *testing.T) {
	f := openFolder(t, t.TempDir())
	id := f.complete("abc")
	before, err := os.Stat(f.path(id + ".info"))
	f.must(err)
	want := f.record(id)
	if _, err := f.head(id); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(f.path(id + ".info"))
	f.must(err)
	if os.SameFile(before, after) {
		t.Error("it is the same file")
	}
	if got := f.record(id); got.Size != want.Size || got.Storage[store.KeyCreated] != want.Storage[store.KeyCreated] || !store.Marked(got) {
		t.Errorf("the record is now %+v, was %+v", got, want)
	}
	f.wantFile(id+".info.tmp", 0)
	f.wantEvents(id)
}

// A record whose fsync fails may be lost, with what a power cut leaves of it:
// the upload is given up.
func TestRecordThatCannotBeSynced(t *testing.T) {
	f := openFolder(t, t.TempDir())
	id := f.upload(handler.FileInfo{Size: 3}, "ab")
	text, err := os.ReadFile(f.path(id + ".info"))
	f.must(err)
	ctx := as(t, http.MethodPatch)
	u, err := f.GetUpload(ctx, id)
	f.must(err)
	_, err = u.WriteChunk(ctx, 2, strings.NewReader("c"))
	f.must(err)
	// A pipe can be opened like a record, and not be fsynced.
	f.must(os.Remove(f.path(id + ".info")))
	f.must(unix.Mkfifo(f.path(id+".info"), 0o644))
	pipe, err := os.OpenFile(f.path(id+".info"), os.O_RDWR, 0) // else opening it would wait
	f.must(err)
	defer pipe.Close()
	wantStatus(t, u.FinishUpload(ctx), http.StatusInternalServerError)
	f.wantFile(id, 0)
	if b, err := os.ReadFile(f.path(id + ".damaged")); err != nil || string(b) != "abc" {
		t.Errorf("the data set aside is %q, error %v", b, err)
	}
	f.must(os.Remove(f.path(id + ".info")))
	f.must(os.WriteFile(f.path(id+".info"), text, 0o644))
	f.wantUnusable(id)
	f.wantEvents()
}

// A record that can't be written now is no reason to give the upload up.
func TestRecordThatCannotBeReplaced(t *testing.T) {
	f := openFolder(t, t.TempDir())
	id := f.complete("abc")
	f.must(os.MkdirAll(f.path(id+".info.tmp/in-the-way"), 0o755)) // where it would be written
	for range 2 {
		_, err := f.head(id)
		wantStatus(t, err, http.StatusLocked)
	}
	f.wantFile(id+".damaged", 0)
	f.wantFile(id, umasked(t, 0o644))
	f.wantEvents()
	f.must(os.RemoveAll(f.path(id + ".info.tmp")))
	_, err := f.head(id)
	f.must(err)
	f.wantContent(id, "abc")
	f.wantEvents(id)
}

// An upload that is removed between two steps of a GET isn't there, which is
// no failure of the server's.
func TestGetOfWhatIsRemoved(t *testing.T) {
	var f *folder
	f = openFolder(t, t.TempDir(), beforeEvent(func(id string) error { return f.remove(&upload{store: f.Store, info: handler.FileInfo{ID: id}}) }))
	id := f.complete("abc")
	_, err := f.Content(as(t, http.MethodGet), id)
	wantStatus(t, err, http.StatusNotFound)

	id = f.upload(handler.FileInfo{Size: 5}, "abc")
	ctx := as(t, http.MethodGet)
	u, err := f.GetUpload(ctx, id)
	f.must(err)
	f.must(f.AsTerminatableUpload(u).Terminate(as(t, http.MethodDelete)))
	_, err = u.GetReader(ctx)
	wantStatus(t, err, http.StatusNotFound)
	_, err = f.Content(ctx, id)
	wantStatus(t, err, http.StatusNotFound)
}
