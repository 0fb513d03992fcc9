package disk

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func journaled(o *Options) { o.Journal = 1 << 20 }

// elsewhere is after a power cut.
func elsewhere(o *Options) { o.elsewhere = "elsewhere" }

// quickUpload makes an upload that goes through the journal, which is not ready
// at once.
func (f *folder) quickUpload(text string) string {
	f.t.Helper()
	for range 10_000 {
		id := f.upload(handler.FileInfo{Size: int64(len(text)), MetaData: handler.MetaData{"filename": "a"}}, text)
		f.mu.Lock()
		quick := f.quick[id]
		f.mu.Unlock()
		if quick {
			return id
		}
		f.must(f.delete(id))
	}
	f.t.Fatal("no upload goes through the journal")
	return ""
}

func (f *folder) delete(id string) error {
	ctx := as(f.t, http.MethodDelete)
	u, err := f.GetUpload(ctx, id)
	if err != nil {
		return err
	}
	return f.AsTerminatableUpload(u).Terminate(ctx)
}

// fork copies the folder as it is now.
func (f *folder) fork() string { return f.forkOf(f.dir) }

func (f *folder) forkOf(from string) string {
	f.t.Helper()
	dir := f.t.TempDir()
	if said, err := exec.Command("cp", "-a", from+"/.", dir).CombinedOutput(); err != nil {
		f.t.Fatalf("copy the folder: %v: %s", err, said)
	}
	return dir
}

// lose are the ways in which a power cut leaves the files of an upload.
var lose = map[string]func(t *testing.T, data string) error{
	"nothing":      func(*testing.T, string) error { return nil },
	"the names":    func(_ *testing.T, data string) error { return firstError(os.Remove(data), os.Remove(data+".info")) },
	"the data":     func(_ *testing.T, data string) error { return firstError(os.Chmod(data, 0o644), os.Truncate(data, 0)) },
	"the record":   func(_ *testing.T, data string) error { return os.Truncate(data+".info", 0) },
	"the record's": func(_ *testing.T, data string) error { return os.Remove(data + ".info") },
	"the blocks": func(_ *testing.T, data string) error {
		return firstError(os.Chmod(data, 0o644), os.WriteFile(data, make([]byte, 5), 0o644))
	},
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestJournalBringsUploadsBack(t *testing.T) {
	for name, spoil := range lose {
		for digest, change := range map[string]func(*Options){"": func(*Options) {}, " with a digest": func(o *Options) { o.Digest = "sha256" }} {
			t.Run(name+digest, func(t *testing.T) {
				f := openFolder(t, t.TempDir(), journaled, change)
				id := f.quickUpload("abcde")
				f.wantContent(id, "abcde")
				at := f.times[id]
				dir := f.fork()
				record := filepath.Join(dir, "uploads", id+".info")
				entry := filepath.Join(dir, "an event's link")
				f.must(os.Link(record, entry))
				f.must(spoil(t, filepath.Join(dir, "uploads", id)))

				g := openFolder(t, dir, journaled, change, elsewhere)
				g.sweep()
				g.wantContent(id, "abcde")
				g.wantEvents(id)
				if !g.times[id].Equal(at) {
					t.Errorf("the event says %s, before the power cut %s", g.times[id], at)
				}
				var info handler.FileInfo
				g.must(g.readRecord(id, &info))
				if info.MetaData["filename"] != "a" || (info.Storage[store.KeyDigest] != "") != (digest != "") {
					t.Errorf("the record is %+v", info)
				}
				if text, err := os.ReadFile(entry); err != nil || len(text) == 0 {
					t.Errorf("the event that waited has the record %q (error %v)", text, err)
				}
				g.wantFile(id, umasked(t, 0o644)&^writeBits)
			})
		}
	}
}

// TestJournalInTheSamePlace is the end of the process alone: what was written is
// there, and nothing is made again.
func TestJournalInTheSamePlace(t *testing.T) {
	f := openFolder(t, t.TempDir(), journaled)
	id := f.quickUpload("abcde")
	g := openFolder(t, f.fork(), journaled)
	g.sweep()
	g.wantEvents()
	g.wantContent(id, "abcde")
}

// TestJournalForgets are uploads that must not come back: removed by a client or
// an operator, or brought to the disk by an orderly end.
func TestJournalForgets(t *testing.T) {
	f := openUnclosed(t, t.TempDir(), journaled)
	kept, deleted, removed := f.quickUpload("abcde"), f.quickUpload("abcde"), f.quickUpload("abcde")
	f.must(f.delete(deleted))
	f.must(f.Remove(t.Context(), removed))
	g := openFolder(t, f.fork(), journaled, elsewhere)
	g.sweep()
	g.wantEvents(kept)
	for _, id := range []string{deleted, removed} {
		_, err := g.head(id)
		wantStatus(t, err, http.StatusNotFound)
	}

	f.must(f.Close(context.Background()))
	dir := f.fork()
	f.must(os.RemoveAll(filepath.Join(dir, "uploads")))
	h := openFolder(t, dir, journaled, elsewhere)
	_, err := h.head(kept)
	wantStatus(t, err, http.StatusNotFound)
}

func TestNotJournaled(t *testing.T) {
	f := openFolder(t, t.TempDir(), journaled)
	f.quickUpload("abc")
	large := f.upload(handler.FileInfo{Size: journalLimit + 1}, strings.Repeat("x", journalLimit+1))
	part := f.part("abc")
	final, err := f.concat(3, part)
	f.must(err)
	left := f.complete("abc")
	f.sweep()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range []string{large, final, left} {
		if _, announced := f.times[id]; !announced || f.quick[id] {
			t.Errorf("%s went through the journal, or wasn't announced", id)
		}
	}
}

// TestJournalAfterFailedFsync: where a folder's fsync failed, nobody believes the
// journal's checkpoints either.
func TestJournalAfterFailedFsync(t *testing.T) {
	f := openFolder(t, t.TempDir(), journaled)
	f.quickUpload("abc")
	f.folder.mu.Lock()
	f.folder.failed = context.DeadlineExceeded
	f.folder.mu.Unlock()
	if f.syncWhole(f.journalFolder) == nil {
		t.Error("a checkpoint succeeds")
	}
}

// An upload that its client resumed isn't journaled: nobody knows whether its older
// bytes are still there. One whose length came late is.
func TestJournalOfOthers(t *testing.T) {
	f := openFolder(t, t.TempDir(), journaled)
	f.quickUpload("abc")
	resumed := f.upload(handler.FileInfo{Size: 5}, "abc")
	f.must(f.send(resumed, 3, "de"))
	if f.quick[resumed] {
		t.Error("a resumed upload went through the journal")
	}
	late := f.upload(handler.FileInfo{SizeIsDeferred: true}, "")
	ctx := as(t, http.MethodPatch)
	u, err := f.GetUpload(ctx, late)
	f.must(err)
	f.must(f.AsLengthDeclarableUpload(u).DeclareLength(ctx, 5))
	f.must(f.send(late, 0, "abcde"))
	if !f.quick[late] {
		t.Error("a small upload didn't go through the journal")
	}
	dir := f.fork()
	f.must(os.Remove(filepath.Join(dir, "uploads", late)))
	g := openFolder(t, dir, journaled, elsewhere)
	g.sweep()
	g.wantContent(late, "abcde")
}

// TestJournalKeepsEvents removes uploads whose events wait: after a power cut these
// are durable, since nobody makes them again.
func TestJournalKeepsEvents(t *testing.T) {
	waiting := true
	f := openFolder(t, t.TempDir(), journaled, func(o *Options) {
		o.Waiting = func(string, time.Time) (bool, error) { return waiting, nil }
	})
	removals := map[string]func(id string) error{
		"DELETE":   f.delete,
		"operator": func(id string) error { return f.Remove(t.Context(), id) },
	}
	for name, remove := range removals {
		id := f.quickUpload("abc")
		f.must(remove(id))
		if f.quick[id] {
			t.Errorf("%s: the event that waits isn't durable", name)
		}
	}
	waiting = false
	id := f.quickUpload("abc")
	f.must(f.delete(id))
	if !f.quick[id] {
		t.Error("the event of an upload was made again though it was delivered")
	}
}

// TestJournalKeepsEventOfRestored removes an upload right after a power cut, which
// may have taken its event from the outbox.
func TestJournalKeepsEventOfRestored(t *testing.T) {
	f := openFolder(t, t.TempDir(), journaled)
	id := f.quickUpload("abc")
	g := openFolder(t, f.fork(), journaled, elsewhere, func(o *Options) {
		o.Waiting = func(string, time.Time) (bool, error) { return false, nil }
	})
	g.must(g.delete(id))
	g.wantEvents(id)
	if g.quick[id] {
		t.Error("its event isn't durable")
	}
	g.sweep()
	g.wantEvents(id)
}

// A removed upload whose finish is not known, or failed, doesn't come back either.
func TestJournalForgetsUnsealed(t *testing.T) {
	var failure error
	f := openFolder(t, t.TempDir(), journaled, beforeEvent(func(string) error { return failure }))
	f.quickUpload("abc")
	id := f.upload(handler.FileInfo{Size: 3}, "")
	failure = store.Unfinished()
	if err := f.send(id, 0, "abc"); err == nil {
		t.Error("the upload is finished without its event")
	}
	f.must(f.delete(id))
	ctx := as(t, http.MethodPost)
	u, err := f.NewUpload(ctx, handler.FileInfo{Size: 3})
	f.must(err)
	_, err = u.WriteChunk(ctx, 0, strings.NewReader("abc"))
	f.must(err)
	if err := u.FinishUpload(ctx); err == nil {
		t.Error("the upload is finished without its event")
	}
	created, _ := u.GetInfo(ctx) // never fails
	failure = nil
	g := openFolder(t, f.fork(), journaled, elsewhere)
	g.sweep()
	for _, id := range []string{id, created.ID} {
		_, err := g.head(id)
		wantStatus(t, err, http.StatusNotFound)
	}
}

// TestJournalTwice loses power once more while uploads are brought back, and goes
// on without a journal, or with another size of it.
func TestJournalTwice(t *testing.T) {
	f := openFolder(t, t.TempDir(), journaled)
	id := f.quickUpload("abcde")
	dir := f.fork()
	f.must(os.RemoveAll(filepath.Join(dir, "uploads")))
	f.must(os.WriteFile(filepath.Join(dir, "uploads"), nil, 0o644)) // so that the next start fails
	if _, err := Open(Options{Dir: dir, Locker: f.opts.Locker, Finish: f.opts.Finish}); err == nil {
		t.Fatal("the store opens")
	}
	f.must(os.Remove(filepath.Join(dir, "uploads")))
	for _, size := range []int64{0, 4 << 20} {
		g := openFolder(t, f.forkOf(dir), journaled, elsewhere, func(o *Options) { o.Journal = size })
		g.sweep()
		g.wantContent(id, "abcde")
		g.wantEvents(id)
	}
}
