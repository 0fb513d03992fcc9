package spool

import (
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// The names that files have for a moment, where there are none without.
const prefix, suffix = "spool-", ".tmp"

// folder makes files that have no name.
type folder struct {
	dir   string
	named bool // the file system can't make such: each gets a name, which is removed at once
}

// openFolder makes the folder, finds out what its file system can, and removes
// the names that a process left that was killed between two calls.
func openFolder(dir string, log *slog.Logger) (folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return folder{}, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return folder{}, err
	}
	for _, entry := range names {
		if name := entry.Name(); strings.HasPrefix(name, prefix) && strings.HasSuffix(name, suffix) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
				return folder{}, err
			}
		}
	}
	f := folder{dir: dir}
	disk, err := f.open()
	if err != nil {
		log.Info("spool: the file system makes no files without a name; names are removed at once", "dir", dir, "error", err)
		f.named = true
		if disk, err = f.open(); err != nil {
			return folder{}, err
		}
	}
	return f, disk.Close()
}

func (f folder) open() (*os.File, error) {
	if !f.named {
		return openUnnamed(f.dir)
	}
	name := filepath.Join(f.dir, prefix+rand.Text()+suffix)
	disk, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) { // another Open may have found it
		_ = disk.Close()
		return nil, err
	}
	return disk, nil
}
