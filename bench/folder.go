package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// sampleEvery is how many files lie between two whose contents are compared.
const sampleEvery = 997

// dataFiles lists the uploads in a folder, without their records. A file that goes away meanwhile is left out.
func dataFiles(folder string) ([]os.FileInfo, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	var files []os.FileInfo
	for _, entry := range entries {
		// Ids are 32 hex digits, with both servers: locks and temporary files have other names.
		if !entry.Type().IsRegular() || len(entry.Name()) != 32 || strings.Contains(entry.Name(), ".") {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list uploads: %w", err)
		}
		files = append(files, info)
	}
	return files, nil
}

// verify checks that the folder holds exactly count uploads of size bytes, each with its record, and that some of
// them hold the content, which is content over and over.
func verify(folder string, count int, size int64, content []byte) error {
	if err := verifyData(folder, count, size, content); err != nil {
		return err
	}
	files, err := dataFiles(folder)
	if err != nil {
		return err
	}
	for _, file := range files {
		if info, err := os.Stat(filepath.Join(folder, file.Name()+".info")); err != nil || info.Size() == 0 {
			return fmt.Errorf("upload %s has no record (%w)", file.Name(), err)
		}
	}
	return nil
}

// verifyData does so without looking at records.
func verifyData(folder string, count int, size int64, content []byte) error {
	files, err := dataFiles(folder)
	if err != nil {
		return err
	}
	if len(files) != count {
		return fmt.Errorf("%d uploads were answered, but %d are in the folder", count, len(files))
	}
	for i, file := range files {
		path := filepath.Join(folder, file.Name())
		if file.Size() != size {
			return fmt.Errorf("upload %s has %d bytes, not %d", file.Name(), file.Size(), size)
		}
		if i%sampleEvery == 0 {
			if err := compare(path, size, content); err != nil {
				return fmt.Errorf("upload %s: %w", file.Name(), err)
			}
		}
	}
	return nil
}

// compare reads the first and the last len(content) bytes.
func compare(path string, size int64, content []byte) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open for comparison: %w", err)
	}
	defer file.Close()
	got := make([]byte, len(content))
	for _, offset := range []int64{0, size - int64(len(content))} {
		if _, err := file.ReadAt(got, offset); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read for comparison: %w", err)
		}
		if !bytes.Equal(got, content) {
			return fmt.Errorf("%d bytes at %d are not those sent", len(content), offset)
		}
	}
	return nil
}

// empty gives the space of large uploads back and leaves the files: deleting many slows ext4 for a while.
func empty(folder string) error {
	files, err := dataFiles(folder)
	if err != nil {
		return err
	}
	for _, file := range files {
		path := filepath.Join(folder, file.Name())
		// A finished upload of Plateau has no write bits.
		if err := errors.Join(os.Chmod(path, 0o600), os.Truncate(path, 0)); err != nil {
			return fmt.Errorf("give space back: %w", err)
		}
	}
	return nil
}

// emptyAll gives the space of everything below a folder back.
func emptyAll(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if err := os.Truncate(path, 0); err != nil {
			return fmt.Errorf("give space back: %w", err)
		}
		return nil
	})
}

// committed waits until count uploads in the folder have size bytes each.
func committed(ctx context.Context, folder string, count int, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	have := 0
	err := poll(ctx, 200*time.Millisecond, func() (bool, error) {
		files, err := dataFiles(folder)
		if err != nil {
			return false, err
		}
		have = 0
		for _, file := range files {
			if file.Size() > size {
				return false, fmt.Errorf("upload %s has %d bytes, but only %d were sent", file.Name(), file.Size(), size)
			}
			if file.Size() == size {
				have++
			}
		}
		return have == count, nil
	})
	if err != nil {
		return fmt.Errorf("%d of %d uploads have been written: %w", have, count, err)
	}
	return nil
}
