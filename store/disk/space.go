//go:build !windows

package disk

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Space is what the file system of the uploads has left for this process, and has
// in all, in bytes. It may be called at any time.
func (s *Store) Space() (free, total int64, known bool) {
	var stat unix.Statfs_t
	raw, err := s.folder.dir.SyscallConn() // unlike Fd, it knows of a Close at the same time
	if err == nil {
		controlErr := raw.Control(func(fd uintptr) { err = unix.Fstatfs(int(fd), &stat) })
		err = errors.Join(err, controlErr)
	}
	if err != nil {
		return 0, 0, false
	}
	size := int64(stat.Bsize)
	return int64(stat.Bavail) * size, int64(stat.Blocks) * size, true
}
