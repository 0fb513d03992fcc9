package spool

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// growMemory makes place for size bytes, exactly.
func (f *File) growMemory(size int64) {
	grown := append(make([]byte, 0, size), f.memory...)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.memory = grown
}

// moveToDisk puts what is in memory into a file that was free, or a new one.
func (f *File) moveToDisk(disk *os.File) error {
	s := f.spool
	var err error
	if disk == nil {
		disk, err = s.open()
	}
	if err == nil && f.size > 0 {
		err = s.write(disk, f.memory, 0)
	}
	if err != nil {
		if disk != nil {
			_ = disk.Close() // what it holds is of no use
		}
		s.shrink(f, int64(cap(f.memory)))
		return err
	}
	f.mu.Lock()
	f.disk, f.memory = disk, nil
	f.mu.Unlock()
	s.onDisk(f)
	return nil
}

// write writes all of b. A full disk gets the free files first.
func (s *Spool) write(disk *os.File, b []byte, offset int64) error {
	n, err := disk.WriteAt(b, offset)
	if isFull(err) && s.closeFree() == nil {
		_, err = disk.WriteAt(b[n:], offset+int64(n))
	}
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return fmt.Errorf("spool: write a temporary file: %w", err)
}

// open makes a new file. Where no more may be open, or made, the free ones go first.
func (s *Spool) open() (*os.File, error) {
	disk, err := s.names.open()
	if err != nil && s.closeFree() == nil {
		disk, err = s.names.open()
	}
	switch {
	case err == nil:
		return disk, nil
	case isFull(err):
		return nil, fmt.Errorf("%w: %w", ErrFull, err)
	}
	return nil, fmt.Errorf("spool: make a temporary file: %w", err)
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
