package client

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// lockFile makes and locks a file, unless another process has it: ErrBusy.
func lockFile(path string) (*os.File, error) {
	for {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			if errors.Is(err, syscall.EWOULDBLOCK) {
				err = ErrBusy
			} else {
				err = fmt.Errorf("lock %s: %w", path, err)
			}
			return nil, errors.Join(err, file.Close())
		}
		// The one who had it may have removed it in between: then this lock is on a file that nobody else will find.
		there, err := stillThere(file, path)
		if there {
			return file, nil
		}
		_ = file.Close()
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
	}
}

// stillThere says whether the file of that path is the one that is open.
func stillThere(file *os.File, path string) (bool, error) {
	mine, err := file.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, there), err
}
