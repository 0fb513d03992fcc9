package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ext4 does not use an inode again for one to six minutes after its deletion, and passes over each such inode anew at
// every creation (recently_deleted in fs/ext4/ialloc.c): where files were deleted a moment ago, by us or by others, creating one
// costs 25 times as much. A folder's files go to one group of inodes after the other, all over the disk. So a
// few files of our own are made beside the uploads as these become more; if they are dear, the run is made again elsewhere.

const (
	topDir    = 0x00020000 // FS_TOPDIR_FL of linux/fs.h, the flag that "chattr +T" sets
	probes    = 40         // files made to see what creation costs
	dearCost  = 100e-6     // seconds of CPU time; 16e-6 is usual
	runsTried = 20         // until a run succeeds
)

// errBadPlace says that the file system was slow in the place of a run, whatever the server did.
var errBadPlace = errors.New("files were deleted here a moment ago, and ext4 is slow beside them")

// prepare makes a fresh folder for one server, and lets the disk finish what the run before left to it.
func prepare(work string) (string, error) {
	folder, err := os.MkdirTemp(work, "data-*")
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	syscall.Sync()
	return folder, nil
}

// place watches the folder that a server keeps its uploads in.
type place struct {
	uploads string
	beside  string // where files are tried, since those of uploads are made there
	ignored bool   // in short runs, whose figures mean nothing

	mu   sync.Mutex // guards made
	made int
}

func placeOf(s server, folder string) place {
	if s.endpoint != "" {
		return place{uploads: s.uploads, beside: filepath.Join(s.uploads, gatewayTemporary)}
	}
	uploads := filepath.Join(folder, s.uploads)
	return place{uploads: uploads, beside: uploads}
}

// check returns errBadPlace if the creation of files is slow here.
func (p *place) check() error {
	if p.ignored {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := cpuOf(unix.RUSAGE_THREAD)
	for range probes {
		file, err := os.Create(filepath.Join(p.beside, ".probe-"+strconv.Itoa(p.made)))
		if err != nil {
			return fmt.Errorf("try the file system: %w", err)
		}
		if err := file.Close(); err != nil {
			return fmt.Errorf("try the file system: %w", err)
		}
		p.made++
	}
	if (cpuOf(unix.RUSAGE_THREAD)-before)/probes > dearCost {
		return errBadPlace
	}
	return nil
}

// spread asks the file system to place the folders made in this one far from each other. Where the flag is not known
// nothing is lost.
func spread(folder string) error {
	dir, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("open work folder: %w", err)
	}
	defer dir.Close()
	flags, err := unix.IoctlGetInt(int(dir.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return nil
	}
	_ = unix.IoctlSetPointerInt(int(dir.Fd()), unix.FS_IOC_SETFLAGS, flags|topDir)
	return nil
}
