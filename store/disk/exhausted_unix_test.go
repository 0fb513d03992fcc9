//go:build unix

package disk

import (
	"errors"
	"syscall"
	"testing"

	"plateau/store"
)

// While no more files can be opened, no upload is passed over as if it were gone: who counts
// hears of it, and goes on where it was.
func TestOccupantsExhausted(t *testing.T) {
	f := openFolder(t, t.TempDir())
	for range 3 {
		f.complete("abc")
	}
	var limit syscall.Rlimit
	f.must(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	restore := func() { f.must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) }
	none := limit
	none.Cur = 0
	var last string
	seen := 0
	err := f.Occupants(t.Context(), "", func(id, _ string, _ store.Occupied) error {
		last, seen = id, seen+1
		return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none)
	})
	restore()
	if !errors.Is(err, syscall.EMFILE) || seen != 1 {
		t.Errorf("after %d of 3 uploads: %v", seen, err)
	}
	f.must(f.Occupants(t.Context(), last, func(string, string, store.Occupied) error { seen++; return nil }))
	if seen != 3 {
		t.Errorf("%d of 3 uploads", seen)
	}
}
