//go:build !linux

package disk

import "os"

// syncData brings a file's bytes to stable storage.
func syncData(f *os.File) error { return f.Sync() }

// startWriteback is a hint that only Linux takes.
func startWriteback(*os.File, int64, int64) error { return nil }
