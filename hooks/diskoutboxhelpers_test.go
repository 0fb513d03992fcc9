package hooks

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// testBound is how long a test waits for what must happen at once.
const testBound = 20 * time.Second

// longAgo is in a minute that is long past; nth is close to it.
var longAgo = time.Date(2024, 11, 29, 5, 41, 7, 123456789, time.UTC)

func nth(n int) time.Time { return longAgo.Add(time.Duration(n) * time.Millisecond) }

// testOutbox is a DiskOutbox in a folder of its own.
type testOutbox struct {
	*DiskOutbox
	t   *testing.T
	dir string
}

func openTest(t *testing.T, opts DiskOutboxOptions) *testOutbox {
	t.Helper()
	dir := t.TempDir()
	opts.Dir, opts.Records = filepath.Join(dir, "outbox"), filepath.Join(dir, "uploads")
	o := &testOutbox{t: t, dir: dir}
	o.open(opts)
	t.Cleanup(func() { _ = o.Close() })
	return o
}

func (o *testOutbox) open(opts DiskOutboxOptions) {
	o.t.Helper()
	var err error
	if o.DiskOutbox, err = OpenDiskOutbox(opts); err != nil {
		o.t.Fatal(err)
	}
}

// reopen is a restart of the process.
func (o *testOutbox) reopen(opts DiskOutboxOptions) {
	o.t.Helper()
	opts.Dir, opts.Records = o.opts.Dir, o.opts.Records
	if err := o.Close(); err != nil {
		o.t.Errorf("close: %v", err)
	}
	o.open(opts)
}

func (o *testOutbox) record(id, text string) {
	o.t.Helper()
	name := filepath.Join(o.opts.Records, id+".info")
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		o.t.Fatal(err)
	}
}

// tryAdd makes the record of the nth upload and adds it.
func (o *testOutbox) tryAdd(n int) error {
	o.t.Helper()
	id := fmt.Sprintf("u%d", n)
	o.record(id, `{"ID":"`+id+`"}`)
	return o.Add(o.t.Context(), handler.FileInfo{ID: id}, nth(n))
}

func (o *testOutbox) mustAdd(ns ...int) {
	o.t.Helper()
	for _, n := range ns {
		if err := o.tryAdd(n); err != nil {
			o.t.Fatal(err)
		}
	}
}

func nameOf(n int) string { return nth(n).Format(stampLayout) + fmt.Sprintf("-u%d", n) }

// path is where the nth entry lies while it waits.
func (o *testOutbox) path(n int) string {
	return filepath.Join(o.opts.Dir, pendingFolder, folderOf(keyOf(nameOf(n))), nameOf(n))
}

// put makes a file in the pending folder, as somebody else might.
func (o *testOutbox) put(path, text string) {
	o.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o *testOutbox) claimAll() []Entry {
	o.t.Helper()
	entries, err := o.Claim(o.t.Context(), 1000, 1<<20, time.Now().Add(time.Hour))
	if err != nil {
		o.t.Fatal(err)
	}
	return entries
}

// wantClaimed claims all, and fails unless these are the nth entries.
func (o *testOutbox) wantClaimed(ns ...int) []Entry {
	o.t.Helper()
	entries := o.claimAll()
	var want []string
	for _, n := range ns {
		want = append(want, nameOf(n))
	}
	if got := namesOf(entries); !slices.Equal(got, want) && len(got)+len(want) > 0 {
		o.t.Fatalf("claimed %q, want %q", got, want)
	}
	return entries
}

// wantStats waits until the outbox has counted so many.
func (o *testOutbox) wantStats(pending, dead int64) Stats {
	o.t.Helper()
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		s, err := o.Stats()
		if err != nil {
			o.t.Fatal(err)
		}
		if s.Pending == pending && s.Dead == dead {
			return s
		}
		if time.Since(start) > testBound {
			o.t.Fatalf("the outbox has %+v, want %d pending and %d dead", s, pending, dead)
		}
	}
}

// files lists what is below the outbox's folder, folders of minutes aside.
func (o *testOutbox) files(folder string) (names []string) {
	o.t.Helper()
	err := filepath.WalkDir(filepath.Join(o.opts.Dir, folder), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return names
}
