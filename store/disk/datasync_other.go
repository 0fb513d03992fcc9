//go:build !linux

package disk

import "os"

// syncData brings a file's bytes to stable storage.
func syncData(f *os.File) error { return f.Sync() }
