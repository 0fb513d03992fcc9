package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestTemporaryCountsFilesWithoutANameOnce(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	const size = 1 << 20
	create := func(folder, name string, named bool) {
		t.Helper()
		file, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		if _, err := file.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if err := file.Sync(); err != nil { // it may have no place on the disk before
			t.Fatal(err)
		}
		if !named {
			if err := os.Remove(file.Name()); err != nil {
				t.Fatal(err)
			}
		}
	}
	create(folder, "named", true) // and open
	create(folder, "unnamed", false)
	create(elsewhere, "other", true)
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: &exec.Cmd{Dir: folder, Process: self}}
	got, err := p.temporary()
	if err != nil {
		t.Fatal(err)
	}
	if got < 2*size || got > 2.5*size {
		t.Errorf("%.0f bytes, want about %d", got, 2*size)
	}
}
