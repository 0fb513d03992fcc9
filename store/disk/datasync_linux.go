package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData brings a file's bytes, and what is needed to read them, to stable
// storage.
func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return err
		}
	}
}

// startWriteback makes the kernel write a range of the file to the disk, and
// doesn't wait for it. It makes nothing durable; and it takes no error away
// from a later fsync, which the flags that wait would.
func startWriteback(f *os.File, offset, n int64) error {
	for {
		err := unix.SyncFileRange(int(f.Fd()), offset, n, unix.SYNC_FILE_RANGE_WRITE)
		switch err {
		case unix.EINTR:
			continue
		case unix.ENOSYS, unix.EINVAL, unix.ESPIPE:
			return nil // a file system or kernel that doesn't know it
		}
		return err
	}
}
