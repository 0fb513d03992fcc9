//go:build unix

package server

import (
	"io/fs"
	"syscall"
)

// ownerOf returns the number of the user that a file belongs to.
func ownerOf(stat fs.FileInfo) (uid int, known bool) {
	s, ok := stat.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}
