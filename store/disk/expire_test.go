package disk

import (
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// expiring makes the store expire unfinished uploads after an hour.
func expiring(o *Options) { o.ExpireAfter = time.Hour }

// age makes a file so much older.
func (f *folder) age(name string, by time.Duration) {
	f.t.Helper()
	at := time.Now().Add(-by)
	f.must(os.Chtimes(f.path(name), at, at))
}

// wantExpired expires, and checks which uploads went by it.
func (f *folder) wantExpired(want ...string) {
	f.t.Helper()
	var got []string
	f.must(f.Expire(f.t.Context(), false, func(e store.Expired) error { got = append(got, e.ID); return nil }))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.t.Errorf("expire removed %q, want %q", got, want)
	}
}

func TestBytesPutTheEndOff(t *testing.T) {
	f := openFolder(t, t.TempDir(), expiring)
	id := f.upload(handler.FileInfo{Size: 5}, "abc")
	f.age(id, 59*time.Minute)
	f.must(f.send(id, 3, "d"))
	u, err := f.open(id)
	f.must(err)
	if at, _ := u.Expires(); time.Until(at) < 50*time.Minute {
		t.Errorf("after a byte the upload expires at %s", at)
	}
	f.wantExpired()
	f.age(id, 61*time.Minute)
	f.wantExpired(id)
}

// TestSparedUploads is the first ten minutes of a server over uploads that would
// have expired: they go on, and say until when they can.
func TestSparedUploads(t *testing.T) {
	f := openFolder(t, t.TempDir(), expiring)
	clock := newSetClock()
	f.ages = clock.ages(f.opts.Log)
	goesOn, stays := f.upload(handler.FileInfo{Size: 5}, "abc"), f.upload(handler.FileInfo{Size: 5}, "abc")
	f.age(goesOn, 100*time.Hour)
	f.age(stays, 100*time.Hour)
	_, err := f.head(goesOn)
	wantStatus(t, err, http.StatusGone)
	f.ages.Start(10 * time.Minute)
	f.tidy(t.Context())
	for _, id := range []string{goesOn, stays} {
		if info, err := f.head(id); err != nil || info.Offset != 3 {
			t.Errorf("an upload in the first ten minutes: offset %d, error %v", info.Offset, err)
		}
		u, err := f.open(id)
		f.must(err)
		if at, _ := u.Expires(); !at.Equal(clock.time.Add(10 * time.Minute)) {
			t.Errorf("it expires in %s, want ten minutes", at.Sub(clock.time))
		}
	}
	clock.pass(9 * time.Minute)
	f.must(f.send(goesOn, 3, "d"))
	clock.pass(2 * time.Minute)
	_, err = f.head(stays)
	wantStatus(t, err, http.StatusGone)
	f.tidy(t.Context())
	_, err = f.head(stays)
	wantStatus(t, err, http.StatusNotFound)
	f.must(f.send(goesOn, 4, "e"))
	f.wantEvents(goesOn)
}

// TestLeftovers is what the janitor takes of files that no upload needs, and what
// it leaves.
func TestLeftovers(t *testing.T) {
	var reclaimed int64
	f := openFolder(t, t.TempDir(), expiring, func(o *Options) { o.Expired = func(bytes int64) { reclaimed += bytes } })
	old := func(name, text string, mode fs.FileMode) string {
		f.must(os.WriteFile(f.path(name), []byte(text), 0o644))
		f.must(os.Chmod(f.path(name), mode))
		f.age(name, 25*time.Hour)
		return name
	}
	record := func(id string) string {
		f.must(f.createRecord(store.Mark(handler.FileInfo{ID: id, Size: 5}, "", "")))
		f.age(recordName(id), 25*time.Hour)
		return recordName(id)
	}
	open := f.upload(handler.FileInfo{Size: 5}, "abc")
	orphan, empty, sealed := strings.Repeat("0", 32), strings.Repeat("1", 32), strings.Repeat("2", 32)
	tusds := strings.Repeat("3", 32)
	prefixed, alike, draft := "tenant-1--"+orphan, "1--"+orphan, "tenant-1--"+empty+".tmp"
	f.must(f.createRecord(handler.FileInfo{ID: tusds, Size: 5, Storage: map[string]string{"Path": "2026/" + tusds}}))
	goes := []string{
		old(orphan, "abc", 0o644), old(empty, "", 0o644), record("dataless"), old(open+".info.tmp", "{", 0o644),
		old(prefixed, "abcd", 0o644), old(draft, "abc", 0o644),
	}
	stays := []string{
		open, old(sealed, "abc", 0o444), old("report-2026", "of a hook of tusd", 0o644), old(alike, "abc", 0o644), recordName(tusds), old("set-aside.damaged", "abc", 0o644), record("set-aside"),
		old("unusable", "abc", 0o644), old("unusable.info", "{", 0o644), old("a.txt", "a person's", 0o644),
	}
	f.put("young", "abc")
	f.must(os.WriteFile(f.path("b.info.tmp"), nil, 0o644))
	stays = append(stays, "young", "b.info.tmp")

	var said []string
	f.must(f.Expire(t.Context(), true, func(e store.Expired) error { said = append(said, e.ID); return nil }))
	if slices.Sort(said); !slices.Equal(said, []string{orphan, empty, prefixed}) {
		t.Errorf("a dry run says %q", said)
	}
	unlock, _ := f.opts.Locker.TryLock(orphan)
	f.wantExpired(empty, prefixed)
	unlock()
	f.wantExpired(orphan)
	for _, name := range goes {
		f.wantFile(name, 0)
	}
	for _, name := range stays {
		if _, err := os.Lstat(f.path(name)); err != nil {
			t.Error(err)
		}
	}
	var unusable []string
	f.must(f.List(t.Context(), func(l store.Listed) error {
		if l.State == "unusable" {
			unusable = append(unusable, l.ID)
		}
		return nil
	}))
	if slices.Sort(unusable); !slices.Equal(unusable, []string{tusds, "unusable"}) {
		t.Errorf("listed as unusable are %q", unusable)
	}
	if reclaimed != 3+4 {
		t.Errorf("%d bytes are said to be given back, want 3 and 4", reclaimed)
	}
}

// TestPartOfALostFinal is a part that was marked for a final which is gone, its
// bytes still there: it can be a part again, and expires.
func TestPartOfALostFinal(t *testing.T) {
	f := openFolder(t, t.TempDir(), expiring)
	a := f.part("abc")
	f.must(f.createRecord(handler.FileInfo{ID: "final", IsFinal: true, PartialUploads: []string{a}}))
	f.markLeft(handler.FileInfo{ID: "final", PartialUploads: []string{a}}, 1)
	if final, err := f.concat(3, a); err != nil {
		t.Error(err)
	} else {
		f.must(f.Remove(t.Context(), final))
	}

	b := f.part("de")
	f.markLeft(handler.FileInfo{ID: "final", PartialUploads: []string{b}}, 1)
	f.wantExpired()
	f.age(b, 2*time.Hour)
	f.wantExpired(b)
}
