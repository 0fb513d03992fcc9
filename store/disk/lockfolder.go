package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// InUseError says that another server has the data folder.
type InUseError struct {
	Dir    string
	Holder string // what the other server wrote about itself
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("the data folder %s is used by another server (%s)", e.Dir, e.Holder)
}

// lockFolder takes the folder's lock. The kernel drops it when the process
// ends, however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open the data folder's lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock the data folder: %w", err)
		}
		holder, _ := io.ReadAll(io.LimitReader(f, 256)) // only to name it
		return nil, &InUseError{Dir: dir, Holder: strings.TrimSpace(string(holder))}
	}
	host, _ := os.Hostname() // only to name the holder
	text := fmt.Sprintf("process %d on %s\n", os.Getpid(), host)
	if err := errors.Join(f.Truncate(0), writeAt(f, []byte(text), 0)); err != nil && !full(err) {
		return nil, errors.Join(fmt.Errorf("write the data folder's lock: %w", err), f.Close())
	}
	return f, nil
}

func writeAt(f *os.File, b []byte, offset int64) error {
	_, err := f.WriteAt(b, offset)
	return err
}
