package disk

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// place names the mounted file system that the uploads are on, in this run of the
// machine. Empty where that can't be known: before Linux 6.8, which gives each
// mount a number that no other ever gets.
func (s *Store) place() string {
	var stat unix.Statx_t
	const mount = unix.STATX_MNT_ID_UNIQUE
	err := unix.Statx(int(s.folder.dir.Fd()), "", unix.AT_EMPTY_PATH, mount, &stat)
	if err != nil || stat.Mask&mount == 0 || s.boot == "" {
		return ""
	}
	return fmt.Sprintf("%s/%d:%d/%d", s.boot, stat.Dev_major, stat.Dev_minor, stat.Mnt_id)
}
