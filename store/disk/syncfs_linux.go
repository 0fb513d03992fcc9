package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Since this version syncfs returns every error: of bytes since 5.8, of the
// journal since 5.17.
const syncfsMajor, syncfsMinor = 5, 17

// cannotShare says why one syncfs can't stand for the fsyncs of many files; nil:
// it can.
func cannotShare(uploads, lock *os.File) error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return fmt.Errorf("ask for the kernel's version: %w", err)
	}
	if release := unix.ByteSliceToString(name.Release[:]); !recentKernel(release) {
		return fmt.Errorf("the kernel %s is older than %d.%d", release, syncfsMajor, syncfsMinor)
	}
	var system unix.Statfs_t
	if err := unix.Fstatfs(int(uploads.Fd()), &system); err != nil {
		return fmt.Errorf("ask for the file system: %w", err)
	}
	if !knownFileSystem(int64(system.Type)) {
		return fmt.Errorf("the file system %#x is neither ext4 nor XFS", system.Type)
	}
	var a, b unix.Stat_t
	if err := errors.Join(unix.Fstat(int(uploads.Fd()), &a), unix.Fstat(int(lock.Fd()), &b)); err != nil {
		return fmt.Errorf("ask for the file system: %w", err)
	}
	if a.Dev != b.Dev {
		return errors.New("the uploads lie on another file system than the lock")
	}
	return nil
}

// knownFileSystem reports whether a syncfs of the file system is known to bring
// to stable storage what an fsync of each file would.
func knownFileSystem(magic int64) bool {
	return magic == unix.EXT4_SUPER_MAGIC || magic == unix.XFS_SUPER_MAGIC
}

// recentKernel parses a release such as 6.1.0-13-amd64.
func recentKernel(release string) bool {
	first, rest, _ := strings.Cut(release, ".")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		rest = rest[:end]
	}
	major, err1 := strconv.Atoi(first)
	minor, err2 := strconv.Atoi(rest)
	if err1 != nil || err2 != nil {
		return false
	}
	return major > syncfsMajor || major == syncfsMajor && minor >= syncfsMinor
}

// syncAll brings a whole file system to stable storage. ext4 without a
// journal, and XFS with an idle one, may leave the last blocks in
// the disk's own cache; the fsync of any file, even one that has not changed, empties that.
func syncAll(dir, lock *os.File) error {
	if err := uninterrupted(func() error { return unix.Syncfs(int(dir.Fd())) }); err != nil {
		return os.NewSyscallError("syncfs", err)
	}
	if err := lock.Sync(); err != nil {
		return fmt.Errorf("fsync the lock file: %w", err)
	}
	return nil
}

// writeBack writes a file's bytes to the disk and returns the error that this
// file had. That makes nothing durable, and costs no command to the disk but the
// writes.
func writeBack(f *os.File) error {
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	return uninterrupted(func() error { return unix.SyncFileRange(int(f.Fd()), 0, 0, all) })
}

func uninterrupted(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// dirtyBytes is how many bytes wait in memory for any disk, or are on their way
// there.
func dirtyBytes() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	return parseDirty(text)
}

func parseDirty(text []byte) (int64, error) {
	var sum int64
	for _, name := range []string{"\nDirty:", "\nWriteback:"} {
		_, rest, _ := bytes.Cut(text, []byte(name))
		var kib int64
		if _, err := fmt.Sscanf(string(rest), "%d kB", &kib); err != nil {
			return 0, fmt.Errorf("read how many bytes are dirty: no %s", name[1:])
		}
		sum += kib
	}
	return sum << 10, nil
}
