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
