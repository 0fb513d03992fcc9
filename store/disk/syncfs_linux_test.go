package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/sys/unix"
)

func TestRecentKernel(t *testing.T) {
	for release, want := range map[string]bool{
		"5.17.0": true, "5.17": true, "5.17-rc1": true, "6.1.0-13-amd64": true, "10.0": true, "5.100.2": true,
		"5.16.20": false, "4.19.0": false, "4.4": false, "": false, "6": false, "six.one": false,
	} {
		if got := recentKernel(release); got != want {
			t.Errorf("%q: %t", release, got)
		}
	}
}

func TestParseDirty(t *testing.T) {
	got, err := parseDirty([]byte("MemTotal:  9 kB\nDirty:    964 kB\nWriteback:      36 kB\nWritebackTmp:   7 kB\n"))
	if err != nil || got != 1000<<10 {
		t.Errorf("%d, error %v", got, err)
	}
	for _, text := range []string{"", "\nDirty: 1 kB\n", "\nDirty: x kB\nWriteback: 1 kB\n"} {
		if n, err := parseDirty([]byte(text)); err == nil {
			t.Errorf("%q: %d", text, n)
		}
	}
	if n, err := dirtyBytes(); err != nil || n < 0 {
		t.Errorf("of this machine: %d, error %v", n, err)
	}
}

func TestKnownFileSystem(t *testing.T) {
	for magic, want := range map[int64]bool{
		unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: false,
		unix.OVERLAYFS_SUPER_MAGIC: false, unix.NFS_SUPER_MAGIC: false, unix.TMPFS_MAGIC: false,
	} {
		if got := knownFileSystem(magic); got != want {
			t.Errorf("%#x: %t", magic, got)
		}
	}
}

// The lock file stands for the uploads' disk only if it lies on it.
func TestCannotShareAcrossFileSystems(t *testing.T) {
	uploads, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer uploads.Close()
	if err := cannotShare(uploads, uploads); err != nil {
		t.Skipf("this machine's temporary folder: %v", err)
	}
	elsewhere, err := os.Open("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	if err := cannotShare(uploads, elsewhere); err == nil {
		t.Error("a lock on another file system is taken")
	}
}

// The calls themselves, on real files.
func TestSyncAll(t *testing.T) {
	dir := t.TempDir()
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	f, err := os.Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("abc")
	if err = errors.Join(err, writeBack(f), syncAll(folder, f)); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := writeBack(f); err == nil {
		t.Error("a closed file was written")
	}
	if err := syncAll(folder, f); err == nil {
		t.Error("the disk's cache was emptied through a closed file")
	}
}

// crowd finishes n uploads at the same time, in a round of their own, and
// returns what each client hears.
func (f *folder) crowd(n int) map[string]error {
	f.t.Helper()
	var mu sync.Mutex
	answers := map[string]error{}
	var all sync.WaitGroup
	ids := make([]string, n)
	for i := range ids {
		ids[i] = f.upload(handler.FileInfo{ID: fmt.Sprint("upload", i), Size: 3}, "")
	}
	for range fewest {
		f.syncs.enter() // so that nobody goes alone
		defer f.syncs.leave()
	}
	for _, id := range ids {
		all.Go(func() {
			err := f.send(id, 0, "abc")
			mu.Lock()
			defer mu.Unlock()
			answers[id] = err
		})
	}
	all.Wait()
	return answers
}

// shareHere makes a store share its syncs wherever the test runs, and holds its
// first round back until n wait for it.
func (f *folder) shareHere(n int64, change func(*syncCalls)) {
	calls := syncCalls{
		write: writeBack,
		all:   func() error { return syncAll(f.folder.dir, f.lock) },
		dirty: func() (int64, error) { return 0, nil },
	}
	change(&calls)
	s := f.syncs
	s.calls, s.never, s.running = calls, false, true
	members := func() int64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.next == nil {
			return 0
		}
		return s.next.members
	}
	s.rounds.Go(func() {
		late := time.After(time.Minute)
		for members() < n {
			select {
			case <-s.joined:
			case <-late:
				f.t.Errorf("%d wait for the round, want %d", members(), n)
				s.run()
				return
			}
		}
		s.run()
	})
}

// A store whose finishes share their syncs; one of them fails.
func TestFinishesShareSyncs(t *testing.T) {
	const n = 12
	f := openFolder(t, t.TempDir())
	rounds := 0
	f.shareHere(n-1, func(c *syncCalls) {
		all, write := c.all, c.write
		c.all = func() error { rounds++; return all() }
		c.write = func(f *os.File) error {
			if filepath.Base(f.Name()) == "upload5" {
				return syscall.EIO
			}
			return write(f)
		}
	})
	for id, err := range f.crowd(n) {
		if id == "upload5" {
			wantStatus(t, err, 500)
			f.wantFile(id, 0)
			f.wantFile(id+".damaged", umasked(t, 0o644))
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		f.wantContent(id, "abc")
		f.wantFile(id, umasked(t, 0o444))
	}
	if rounds != 1 {
		t.Errorf("%d rounds for %d uploads, want 1", rounds, n)
	}
	if len(f.events) != n-1 {
		t.Errorf("events of %q", f.events)
	}
}

// A syncfs that fails costs nobody an upload: each is synced by itself.
func TestFinishesSyncAloneAfterAFailure(t *testing.T) {
	const n = 12
	f := openFolder(t, t.TempDir())
	f.shareHere(n, func(c *syncCalls) { c.all = func() error { return syscall.EIO } })
	for id, err := range f.crowd(n) {
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		f.wantFile(id, umasked(t, 0o444))
	}
	if len(f.events) != n || f.syncs.worthwhile() {
		t.Errorf("events of %q; still shared: %t", f.events, f.syncs.worthwhile())
	}
}

// No syncfs makes up for names that an fsync of the folder lost.
func TestFinishesDoNotShareInABrokenFolder(t *testing.T) {
	f := openFolder(t, t.TempDir())
	f.syncs.never, f.syncs.running = false, true // whoever shares waits for ever
	for range fewest {
		f.syncs.enter()
	}
	f.folder.failed = syscall.EIO
	id := f.upload(handler.FileInfo{Size: 3}, "")
	wantStatus(t, f.send(id, 0, "abc"), 423)
	f.wantEvents()
}
