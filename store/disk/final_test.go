package disk

import (
	"net/http"
	"os"
	"testing"
	"testing/synctest"

	"plateau/store"
)

// A part that stays in use can't be marked, so there is no final upload.
func TestPartThatStaysInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the wait for the lock takes no time
		f := openFolder(t, t.TempDir())
		a, b := f.part("abc"), f.part("de")
		unlock, ok := f.opts.Locker.TryLock(b)
		if !ok {
			t.Fatal("a part is locked")
		}
		id, err := f.concat(5, a, b)
		wantStatus(t, err, http.StatusLocked)
		f.wantEvents()
		f.wantFile(id, 0)
		unlock()
		id, err = f.concat(5, a, b)
		f.must(err)
		f.wantContent(id, "abcde")
		f.wantFile(b, 0)
		f.wantEvents(id)
	})
}

// The bytes of a final upload whose parts have none are nowhere else: whatever
// is wrong with it, they are kept.
func TestFinalWithTheOnlyBytesIsKept(t *testing.T) {
	for name, spoil := range map[string]func(f *folder, id string) (repair func()){
		"its record can't be read": func(f *folder, id string) func() {
			text, err := os.ReadFile(f.path(id + ".info"))
			f.must(err)
			f.put(id+".info", "{")
			return func() { f.put(id+".info", string(text)) }
		},
		"its record is missing": func(f *folder, id string) func() {
			f.must(os.Rename(f.path(id+".info"), f.path("elsewhere")))
			return func() { f.must(os.Rename(f.path("elsewhere"), f.path(id+".info"))) }
		},
		"its event fails once more": func(f *folder, id string) func() {
			f.must(os.Chmod(f.path(id), 0o644)) // the seal was lost
			return func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var failure error
			f := openFolder(t, t.TempDir(), beforeEvent(func(string) error { return failure }))
			a, b := f.part("abc"), f.part("de")
			id, err := f.concat(5, a, b)
			f.must(err)
			failure = store.Unfinished()
			repair := spoil(f, id)
			for range 2 {
				if _, err := f.concat(5, a, b); err == nil {
					t.Error("the final upload is there, says the store")
				}
				if text, err := os.ReadFile(f.path(id)); err != nil || string(text) != "abcde" {
					t.Fatalf("the bytes are now %q (error %v)", text, err)
				}
			}
			failure = nil
			repair()
			_, err = f.concat(5, a, b)
			f.must(err)
			f.wantContent(id, "abcde")
		})
	}
}

// A final whose event was made, but whose seal is missing, is announced: it stays
// though the next finish of it fails and its parts could be joined anew.
func TestAnnouncedFinalIsKept(t *testing.T) {
	var failure error
	f := openFolder(t, t.TempDir(), beforeEvent(func(string) error { return failure }))
	a, b := f.part("abc"), f.part("de")
	id, err := f.concat(5, a, b)
	f.must(err)
	f.must(os.Chmod(f.path(id), 0o644))
	f.put(a, "abc") // as they are when the seal fails
	f.put(b, "de")
	failure = store.Unfinished()
	if _, err := f.concat(5, a, b); err == nil {
		t.Error("the final upload is finished, says the store")
	}
	f.wantFile(id, 0o644)
	failure = nil
	f.sweep()
	f.wantContent(id, "abcde")
	f.wantEvents(id, id)
}

// A part whose bytes went with a final that was removed is gone for good; a DELETE
// removes what is left of it, and can be done again.
func TestPartOfARemovedFinalCanBeRemoved(t *testing.T) {
	f := openFolder(t, t.TempDir())
	a, b := f.part("abc"), f.part("de")
	id, err := f.concat(5, a, b)
	f.must(err)
	remove := func(id string) {
		t.Helper()
		u, err := f.GetUpload(as(t, http.MethodDelete), id)
		f.must(err)
		f.must(f.AsTerminatableUpload(u).Terminate(as(t, http.MethodDelete)))
	}
	remove(id)
	_, err = f.head(a)
	wantStatus(t, err, http.StatusGone)
	remove(a)
	remove(b)
	for _, part := range []string{a, b} {
		f.wantFile(recordName(part), 0)
		_, err = f.head(part)
		wantStatus(t, err, http.StatusNotFound)
	}
}
