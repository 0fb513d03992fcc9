package hooks

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// diskCalls are the system calls that tests let fail.
type diskCalls struct {
	link  func(fromDir int, from string, toDir int, to string) error
	fsync func(f *os.File) error
	write func(f *os.File, b []byte) error
	open  func(dir int, name string) (fd int, err error)
}

func (c diskCalls) withDefaults() diskCalls {
	if c.link == nil {
		c.link = link
	}
	if c.fsync == nil {
		c.fsync = (*os.File).Sync
	}
	if c.write == nil {
		c.write = func(f *os.File, b []byte) error {
			_, err := f.Write(b)
			return err
		}
	}
	if c.open == nil {
		c.open = openEntry
	}
	return c
}

func link(fromDir int, from string, toDir int, to string) error {
	return uninterrupted(func() error { return unix.Linkat(fromDir, from, toDir, to, 0) })
}

// openEntry opens an entry for reading. It follows no symbolic link and doesn't
// wait at a pipe.
func openEntry(dir int, name string) (fd int, err error) {
	err = uninterrupted(func() error {
		fd, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		return err
	})
	return fd, err
}

// uninterrupted repeats a call that a signal interrupted.
func uninterrupted(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// unlink removes a name; one that is gone already is no error.
func unlink(dir *os.File, name string) (removed bool, err error) {
	err = uninterrupted(func() error { return unix.Unlinkat(int(dir.Fd()), name, 0) })
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, &os.PathError{Op: "unlink", Path: name, Err: err}
	}
	return true, nil
}

func rename(from *os.File, name string, to *os.File, newName string) error {
	err := uninterrupted(func() error { return unix.Renameat(int(from.Fd()), name, int(to.Fd()), newName) })
	if err != nil {
		return &os.LinkError{Op: "rename", Old: name, New: newName, Err: err}
	}
	return nil
}

// stat is of the name itself, if it is a symbolic link.
func stat(dir *os.File, name string) (unix.Stat_t, error) {
	var s unix.Stat_t
	err := uninterrupted(func() error { return unix.Fstatat(int(dir.Fd()), name, &s, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return s, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return s, nil
}

func exists(dir *os.File, name string) (bool, error) {
	_, err := stat(dir, name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func sameFile(a, b unix.Stat_t) bool { return a.Dev == b.Dev && a.Ino == b.Ino }

// openIn opens something in a folder; create makes a new file.
func openIn(dir *os.File, name string, flags int) (*os.File, error) {
	var fd int
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat(int(dir.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
		return err
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// canNotLink: the file system has no links, or none here.
func canNotLink(err error) bool {
	for _, no := range []syscall.Errno{unix.EXDEV, unix.EPERM, unix.EMLINK, unix.ENOTSUP, unix.ENOSYS, unix.EOPNOTSUPP} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// passing: the process or the machine is short of something, or may not; it
// says nothing about the file.
func passing(err error) bool {
	for _, short := range []syscall.Errno{unix.EACCES, unix.EPERM, unix.EMFILE, unix.ENFILE, unix.EINTR, unix.ENOMEM, unix.EAGAIN, unix.ESTALE} {
		if errors.Is(err, short) {
			return true
		}
	}
	return false
}

func diskFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
