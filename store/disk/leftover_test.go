package disk

import (
	"errors"
	"os"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// finalLeft are the states in which a crash can leave a final upload of the
// parts "abc" and "de".
var finalLeft = []struct {
	name   string
	leave  func(f *folder, info handler.FileInfo)
	swept  Swept
	events int // that are still to be made
}{
	{"nothing", func(*folder, handler.FileInfo) {}, Swept{}, 1},
	{"a data file without a record", func(f *folder, info handler.FileInfo) {
		f.put(info.ID, "")
	}, Swept{}, 1},
	{"a record without a data file", func(f *folder, info handler.FileInfo) {
		f.must(f.createRecord(info))
	}, Swept{}, 1},
	{"a record and no bytes", func(f *folder, info handler.FileInfo) {
		f.must(f.create(info))
	}, Swept{Removed: 1}, 1},
	{"a record and half the bytes", func(f *folder, info handler.FileInfo) {
		f.must(f.create(info))
		f.put(info.ID, "abcd")
	}, Swept{Removed: 1}, 1},
	{"all bytes", func(f *folder, info handler.FileInfo) {
		f.must(f.create(info))
		f.put(info.ID, "abcde")
	}, Swept{Finished: 1}, 1},
	{"all bytes, and one part marked", func(f *folder, info handler.FileInfo) {
		f.must(f.create(info))
		f.put(info.ID, "abcde")
		f.markLeft(info, 1)
	}, Swept{Finished: 1}, 1},
	{"all bytes, and all parts marked", func(f *folder, info handler.FileInfo) {
		f.must(f.create(info))
		f.put(info.ID, "abcde")
		f.markLeft(info, 2)
	}, Swept{Finished: 1}, 1},
	{"all bytes, the parts' bytes gone, and the seal lost", func(f *folder, info handler.FileInfo) {
		f.must(f.create(info))
		f.put(info.ID, "abcde")
		f.markLeft(info, 2)
		f.removeParts(info)
	}, Swept{Finished: 1}, 1},
	{"sealed, and the parts' bytes still there", func(f *folder, info handler.FileInfo) {
		f.must(f.create(info))
		f.put(info.ID, "abcde")
		f.markLeft(info, 2)
		f.must(os.Chmod(f.path(info.ID), 0o444))
	}, Swept{}, 0},
}

func (f *folder) put(name, text string) {
	f.t.Helper()
	f.must(os.WriteFile(f.path(name), []byte(text), 0o644))
}

func (f *folder) markLeft(final handler.FileInfo, n int) {
	f.t.Helper()
	for _, id := range final.PartialUploads[:n] {
		var info handler.FileInfo
		f.must(errors.Join(f.readRecord(id, &info), f.replaceRecord(store.Mark(info, keyFinal, final.ID))))
	}
}

func TestFinalLeftovers(t *testing.T) {
	for _, c := range finalLeft {
		for _, sweeps := range []int{0, 1, 2} {
			t.Run(c.name, func(t *testing.T) {
				f := openFolder(t, t.TempDir())
				parts := []string{f.part("abc"), f.part("de")}
				id := finalID(parts)
				c.leave(f, store.Mark(handler.FileInfo{ID: id, Size: 5, IsFinal: true, PartialUploads: parts}, "", ""))
				for i := range sweeps {
					want := Swept{}
					if i == 0 {
						want = c.swept
					}
					if n := f.sweep(); n != want {
						t.Errorf("sweep %d counts %+v, want %+v", i+1, n, want)
					}
				}
				for range 2 {
					got, err := f.concat(5, parts...)
					f.must(err)
					if got != id {
						t.Errorf("the final upload is %s, want %s", got, id)
					}
				}
				f.wantContent(id, "abcde")
				f.wantFile(parts[0], 0)
				f.wantFile(parts[1], 0)
				if len(f.events) != c.events {
					t.Errorf("%d events, want %d", len(f.events), c.events)
				}
				for _, part := range parts {
					if info, err := f.head(part); err != nil || info.Offset != info.Size {
						t.Errorf("HEAD of a part: %+v, error %v", info, err)
					}
				}
			})
		}
	}
}

// The sweep alone brings a sealed final's parts to their end.
func TestSweepRemovesParts(t *testing.T) {
	f := openFolder(t, t.TempDir())
	parts := []string{f.part("abc"), f.part("de")}
	info := store.Mark(handler.FileInfo{ID: finalID(parts), Size: 5, IsFinal: true, PartialUploads: parts}, "", "")
	finalLeft[len(finalLeft)-1].leave(f, info)
	f.sweep()
	f.wantFile(parts[0], 0)
	f.wantFile(parts[1], 0)
	f.wantContent(info.ID, "abcde")
}

// A final whose record names what isn't ours to touch.
func TestFinalOfStrangers(t *testing.T) {
	f := openFolder(t, t.TempDir())
	f.must(os.WriteFile(f.dir+"/outside", []byte("x"), 0o644))
	f.must(os.WriteFile(f.dir+"/outside.info", []byte(`{"ID":"../outside","IsPartial":true}`), 0o644))
	id := "final"
	f.must(f.create(store.Mark(handler.FileInfo{ID: id, IsFinal: true, PartialUploads: []string{"../outside", ""}}, "", "")))
	f.sweep()
	if b, err := os.ReadFile(f.dir + "/outside"); err != nil || string(b) != "x" {
		t.Errorf("a file outside is now %q, error %v", b, err)
	}
	if b, err := os.ReadFile(f.dir + "/outside.info"); err != nil || len(b) != len(`{"ID":"../outside","IsPartial":true}`) {
		t.Errorf("a file outside is now %q, error %v", b, err)
	}
}
