package spool

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// The test runs itself with this folder, and kills what it started.
const killedIn = "PLATEAU_SPOOL_KILLED_IN"

// Nothing is left of a process that is killed.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(killedIn); dir != "" {
		waitToBeKilled(t, dir)
		return
	}
	for _, named := range []bool{false, true} {
		t.Run(fmt.Sprintf("named %t", named), func(t *testing.T) {
			dir := t.TempDir()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
			child.Env = append(os.Environ(), killedIn+"="+dir, fmt.Sprintf("NAMED=%t", named))
			child.Stderr = os.Stderr
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if line != "ready\n" {
				t.Errorf("the child says %q, %v", line, err)
			}
			if err := child.Process.Kill(); err != nil {
				t.Error(err)
			}
			if err := child.Wait(); err == nil || child.ProcessState.Exited() {
				t.Errorf("the child wasn't killed: %v", err)
			}
			isEmpty(t, dir)
		})
	}
}

// waitToBeKilled has contents everywhere, and makes more files as long as it lives
// where these never have a name.
func waitToBeKilled(t *testing.T, dir string) {
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s.names.named = s.names.named || os.Getenv("NAMED") == "true"
	for i := range 10 {
		write(t, s.Take(-1, nil), content(uint64(i), 1<<20))
		free := s.Take(-1, nil)
		write(t, free, []byte("x"))
		free.Release()
	}
	fmt.Println("ready")
	for !s.names.named {
		f := s.Take(-1, nil)
		write(t, f, []byte("x"))
		f.Release()
		if err := s.closeFree(); err != nil {
			t.Fatal(err)
		}
	}
	select {}
}

func isEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// Where a file must have a name, it loses it at once, and works as well. What a
// process left that was killed between the two goes at the next start; what others
// put there stays.
func TestNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"spool-LEFT.tmp", "another.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, 64, func(o *Options) { o.Dir = dir })
	s.names.named = true
	f := s.Take(-1, nil)
	defer f.Release()
	want := content(1, 1<<20)
	write(t, f, want)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "another.tmp" {
		t.Errorf("in the folder: %v, %v", left, err)
	}
	check(t, f, want)
}

// A full disk takes the free files first, then says so; what was written before stays.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("needs /dev/full, which says that the disk is full: %v", err)
	}
	s := open(t, 64, nil)
	free := s.Take(-1, nil)
	write(t, free, make([]byte, 10*granule))
	f := s.Take(inMemory, nil)
	defer f.Release()
	want := content(1, 100)
	write(t, f, want)
	free.Release()
	s.mu.Lock()
	s.free = append(s.free, freeFile{full, 5 * granule})
	s.used += 5 * granule
	s.mu.Unlock()
	err = f.Write(t.Context(), make([]byte, 4*granule+granule/2))
	if !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	check(t, f, want)
	if s.Used() != int64(cap(f.memory)) {
		t.Errorf("%d bytes are used by %d", s.Used(), cap(f.memory))
	}
	write(t, f, []byte("there is room again"))
	check(t, f, append(want, "there is room again"...))
}

// What the budget counts is what the disk gives.
func TestUsedIsTrue(t *testing.T) {
	s := open(t, 640, nil)
	var files []*File
	for i := range 20 {
		f := s.Take(-1, nil)
		defer f.Release()
		write(t, f, content(uint64(i), int64(1+i*granule/3)))
		files = append(files, f)
	}
	var sum int64
	for _, f := range files {
		info, err := f.disk.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += stat.Blocks * 512
		}
	}
	if sum > s.Used() {
		t.Errorf("the files occupy %d bytes, of which %d are counted", sum, s.Used())
	}
}

// What a File costs in memory does not depend on what is in it.
func TestMemoryOfAFile(t *testing.T) {
	const n = 400
	s := open(t, n*20, nil)
	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.TotalAlloc
	}
	files := make([]*File, n)
	piece := make([]byte, granule)
	before := allocated()
	for i := range files {
		files[i] = s.Take(-1, func() {})
		for range 5 {
			write(t, files[i], piece)
		}
	}
	each := (allocated() - before) / n
	for _, f := range files {
		f.Release()
	}
	t.Logf("a File takes %d bytes of memory", each)
	if each > 1200 { // 5 of the allocations are requests for more room, gone at once
		t.Errorf("a File takes %d bytes of memory", each)
	}
}

// Open says what is wrong with the folder.
func TestOpenFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(Options{Dir: name})
	if err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("a file for a folder: %v", err)
	}
}
