package spool

import (
	"os"

	"golang.org/x/sys/unix"
)

func openUnnamed(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, 0o600)
}
