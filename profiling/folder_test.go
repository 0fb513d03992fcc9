package profiling_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/profiling"
)

// setClock is a time that tests set.
type setClock struct {
	mu sync.Mutex // guards at
	at time.Time
}

func newSetClock() *setClock { return &setClock{at: time.Date(2026, 11, 29, 17, 11, 0, 0, time.UTC)} }

func (c *setClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *setClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newFolder(t *testing.T, o profiling.FolderOptions) *profiling.Folder {
	t.Helper()
	f, err := profiling.NewFolder(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func listing(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func heap(size int) profiling.Part {
	return profiling.Part{Name: "heap.pb.gz", Data: bytes.Repeat([]byte{'h'}, size)}
}

func TestFolderNamesAndModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	c := newSetClock()
	f := newFolder(t, profiling.FolderOptions{Path: path, Now: c.now})
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the folder is there before the first capture: %v", err)
	}
	paths, err := f.Save(t.Context(), "heap-rising", heap(3), profiling.Part{Name: "goroutine.pb.gz", Data: []byte("gg")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		filepath.Join(path, "2026-11-29T171100Z-heap-rising-heap.pb.gz"),
		filepath.Join(path, "2026-11-29T171100Z-heap-rising-goroutine.pb.gz"),
	}
	if !slices.Equal(paths, want) {
		t.Errorf("%v, want %v", paths, want)
	}
	if data, err := os.ReadFile(paths[0]); err != nil || string(data) != "hhh" {
		t.Errorf("%q, %v", data, err)
	}
	for name, mode := range map[string]os.FileMode{path: 0o700 | os.ModeDir, paths[0]: 0o600, paths[1]: 0o600} {
		if stat, err := os.Stat(name); err != nil || stat.Mode() != mode {
			t.Errorf("%s: %v, %v", name, stat.Mode(), err)
		}
	}

	again, err := f.Save(t.Context(), "heap-rising", heap(4))
	if err != nil || filepath.Base(again[0]) != "2026-11-29T171100Z-2-heap-rising-heap.pb.gz" {
		t.Errorf("in the same second: %v, %v", again, err)
	}
	if data, _ := os.ReadFile(paths[0]); string(data) != "hhh" {
		t.Error("the first was overwritten")
	}
	for cause, base := range map[string]string{
		"../../etc/Passwd": "etc-passwd", "": "capture", "…": "capture", strings.Repeat("long ", 20): "long-long-long-long-long-long-long-long",
	} {
		c.pass(time.Second)
		paths, err := f.Save(t.Context(), cause, heap(1))
		if err != nil || filepath.Dir(paths[0]) != path || !strings.HasSuffix(paths[0], "Z-"+base+"-heap.pb.gz") {
			t.Errorf("cause %q: %v, %v", cause, paths, err)
		}
	}
	for _, name := range []string{"", "heap", "../x.gz", "a/b.gz", "HEAP.gz", "heap.pb.gz.tmp.x", "-.gz"} {
		if _, err := f.Save(t.Context(), "x", profiling.Part{Name: name}); err == nil {
			t.Errorf("a part named %q was saved", name)
		}
	}
}

func TestFolderBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	c := newSetClock()
	var kept []string
	for i := range 20 { // each by a folder of its own, as after a restart
		f := newFolder(t, profiling.FolderOptions{Path: path, Files: 5, Bytes: 1000, Now: c.now})
		paths, err := f.Save(t.Context(), "x", heap(10+i))
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, filepath.Base(paths[0]))
		c.pass(time.Minute)
	}
	if got := listing(t, path); !slices.Equal(got, kept[15:]) {
		t.Errorf("of five files: %v", got)
	}
	f := newFolder(t, profiling.FolderOptions{Path: path, Files: 5, Bytes: 1000, Now: c.now})
	paths, err := f.Save(t.Context(), "x", heap(950)) // the last two have 28 and 29 bytes
	if err != nil {
		t.Fatal(err)
	}
	if got := listing(t, path); !slices.Equal(got, []string{kept[19], filepath.Base(paths[0])}) {
		t.Errorf("of 1000 bytes: %v", got)
	}
	before := listing(t, path)
	for name, parts := range map[string][]profiling.Part{"bytes": {heap(1001)}, "files": slices.Repeat([]profiling.Part{heap(1)}, 6)} {
		if _, err := f.Save(t.Context(), "x", parts...); err == nil {
			t.Errorf("a capture with too many %s was saved", name)
		}
	}
	if got := listing(t, path); !slices.Equal(got, before) {
		t.Errorf("what can't be saved has removed others: %v", got)
	}
}

func TestFolderLeavesWhatIsNotItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	const half = "2026-01-01T000000Z-x-heap.pb.gz.tmp"
	others := []string{"notes.txt", "2026-01-01T000000Z", "2026-01-01T000000Z-x-heap.pb.gz.bak.old", "heap.pb.gz", "x.tmp"}
	for _, name := range append(others, half) {
		if err := os.WriteFile(filepath.Join(path, name), []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(outside, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	link, dir := "2025-01-01T000000Z-x-heap.pb.gz", "2025-01-02T000000Z-x-heap.pb.gz"
	if err := os.Symlink(outside, filepath.Join(path, link)); err != nil {
		t.Skip(err)
	}
	if err := os.Mkdir(filepath.Join(path, dir), 0o700); err != nil {
		t.Fatal(err)
	}
	f := newFolder(t, profiling.FolderOptions{Path: path, Files: 1, Bytes: 100})
	for range 3 {
		if _, err := f.Save(t.Context(), "x", heap(60)); err != nil {
			t.Fatal(err)
		}
	}
	got := listing(t, path)
	for _, name := range append(others, link, dir) {
		if !slices.Contains(got, name) {
			t.Errorf("%s is gone", name)
		}
	}
	if slices.Contains(got, half) {
		t.Error("what was left half written is still there")
	}
	if len(got) != len(others)+3 {
		t.Errorf("%v", got)
	}
	if data, err := os.ReadFile(outside); string(data) != "theirs" {
		t.Errorf("outside: %q, %v", data, err)
	}
}

func TestFolderIsNoLink(t *testing.T) {
	dir := t.TempDir()
	for name, target := range map[string]string{"out": t.TempDir(), "in": "uploads"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
		path := filepath.Join(dir, name)
		if _, err := newFolder(t, profiling.FolderOptions{Path: path}).Save(t.Context(), "x", heap(1)); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a link to %s: %v", target, err)
		}
	}
	path := filepath.Join(dir, "nowhere", "captures")
	if _, err := newFolder(t, profiling.FolderOptions{Path: path}).Save(t.Context(), "x", heap(1)); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("without a parent: %v", err)
	}
	for _, o := range []profiling.FolderOptions{{}, {Path: "x", Files: -1}, {Path: "x", Bytes: -1}, {Path: "x", Patience: -1}, {Path: "x", Grace: -1}} {
		if _, err := profiling.NewFolder(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestFolderForMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "captures")
	f := newFolder(t, profiling.FolderOptions{Path: path, Files: 10, Now: newSetClock().now})
	var savers sync.WaitGroup
	for range 20 {
		savers.Go(func() {
			if _, err := f.Save(t.Context(), "x", heap(10)); err != nil {
				t.Error(err)
			}
		})
	}
	savers.Wait()
	if got := listing(t, path); len(got) != 10 {
		t.Errorf("%d files: %v", len(got), got)
	}
}
