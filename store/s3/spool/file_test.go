package spool

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

// Small contents that are announced are in memory, others in a file; what goes in
// comes out of either.
func TestContents(t *testing.T) {
	for _, c := range []struct {
		name           string
		expected, size int64
		inMemory       bool
	}{
		{"nothing", 0, 0, true},
		{"small", 4 << 10, 4 << 10, true},
		{"the largest in memory", inMemory, inMemory, true},
		{"more than announced", 4 << 10, 5 << 10, false},
		{"small, not announced", -1, 100, false},
		{"large", 1 << 20, 1<<20 + 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, 64, nil)
			f := s.Take(c.expected, nil)
			defer f.Release()
			want := content(1, c.size)
			for at := 0; at < len(want); at += 1000 {
				write(t, f, want[at:min(at+1000, len(want))])
			}
			check(t, f, want)
			if (f.disk == nil) != c.inMemory {
				t.Errorf("in memory: %t", f.disk == nil)
			}
			if cap(f.memory) > inMemory {
				t.Errorf("%d bytes of memory", cap(f.memory))
			}
			if used := s.Used(); used < c.size || used > c.size+granule {
				t.Errorf("%d bytes are used for %d", used, c.size)
			}
		})
	}
}

// A content that comes in one piece takes no byte of memory more than it has.
func TestMemoryIsExact(t *testing.T) {
	s := open(t, 64, nil)
	f := s.Take(5000, nil)
	defer f.Release()
	write(t, f, content(1, 5000))
	if cap(f.memory) != 5000 || s.Used() != 5000 {
		t.Errorf("%d bytes of memory, %d used, for 5000", cap(f.memory), s.Used())
	}
}

// All contents together have at most Options.Memory in memory; the others go to
// files, and so does one that grows.
func TestMemoryIsBounded(t *testing.T) {
	s := open(t, 640, func(o *Options) { o.Memory = 100 << 10 })
	var files []*File
	for i := range 20 {
		f := s.Take(inMemory, nil)
		defer f.Release()
		write(t, f, content(uint64(i), 10<<10))
		files = append(files, f)
	}
	inside := 0
	for i, f := range files {
		check(t, f, content(uint64(i), 10<<10))
		if f.disk == nil {
			inside++
		}
	}
	if inside != 10 || s.memory != 100<<10 {
		t.Errorf("%d in memory with %d bytes, want 10 with all of it", inside, s.memory)
	}
	write(t, files[0], []byte("more"))
	check(t, files[0], append(content(0, 10<<10), "more"...))
	if files[0].disk == nil || s.memory != 90<<10 {
		t.Errorf("grew in memory: %d bytes", s.memory)
	}
}

// What the one before wrote can't be read, and the file's place on the disk counts.
func TestReuse(t *testing.T) {
	s := open(t, 64, nil)
	first := s.Take(-1, nil)
	write(t, first, content(1, 10*granule))
	disk := first.disk
	first.Release()
	if s.Used() != 10*granule {
		t.Errorf("%d bytes are used by a free file of 10 granules", s.Used())
	}
	second := s.Take(-1, nil)
	defer second.Release()
	write(t, second, content(2, 100))
	if second.disk != disk || s.Used() != 10*granule {
		t.Errorf("another file, or %d bytes used", s.Used())
	}
	check(t, second, content(2, 100))
	if n, err := second.ReadAt(make([]byte, 10), 100); n != 0 || err != io.EOF {
		t.Errorf("read beyond the end: %d bytes, %v", n, err)
	}
	if n, err := second.ReadAt(make([]byte, 10), 95); n != 5 || err != io.EOF {
		t.Errorf("read across the end: %d bytes, %v", n, err)
	}
}

// A small content takes the smallest free file that it fits in.
func TestBestFree(t *testing.T) {
	s := open(t, 64, nil)
	var files []*File
	for _, size := range []int{3, 9, 1, 5} {
		f := s.Take(-1, nil)
		write(t, f, make([]byte, size*granule))
		files = append(files, f)
	}
	for _, f := range files {
		f.Release()
	}
	for _, c := range []struct{ ask, gets int64 }{{4, 5}, {1, 1}, {20, 9}, {2, 3}} {
		best := s.bestFree(c.ask * granule)
		if got := s.free[best].room / granule; got != c.gets {
			t.Errorf("for %d granules a file of %d", c.ask, got)
		}
	}
}

// So many files as may be free are kept, and no more.
func TestFreeFilesAreBounded(t *testing.T) {
	s := open(t, 2*mostFree, nil)
	var files []*File
	for range mostFree + 10 {
		f := s.Take(-1, nil)
		write(t, f, []byte("x"))
		files = append(files, f)
	}
	for _, f := range files {
		f.Release()
	}
	if len(s.free) != mostFree || s.Used() != mostFree*granule {
		t.Errorf("%d files are free and %d granules used", len(s.free), s.Used()/granule)
	}
}

func TestTruncate(t *testing.T) {
	for _, expected := range []int64{-1, inMemory} {
		t.Run(fmt.Sprint(expected), func(t *testing.T) {
			s := open(t, 64, nil)
			f := s.Take(expected, nil)
			defer f.Release()
			size := int64(15 << 10)
			if expected < 0 {
				size = 8*granule + 17
			}
			want := content(1, size)
			write(t, f, want)
			for _, left := range []int64{size, size - 1, size / 3, 0} {
				if err := f.Truncate(left); err != nil {
					t.Fatal(err)
				}
				check(t, f, want[:left])
				write(t, f, []byte("another end"))
				check(t, f, append(want[:left:left], "another end"...))
				if err := f.Truncate(left); err != nil {
					t.Fatal(err)
				}
				if used := s.Used(); expected < 0 && left > 0 && used != granules(left) {
					t.Errorf("%d bytes used after Truncate(%d)", used, left)
				}
			}
			for _, wrong := range []int64{-1, 1} {
				if f.Truncate(wrong) == nil {
					t.Errorf("Truncate(%d) of nothing", wrong)
				}
			}
		})
	}
}

func TestReleased(t *testing.T) {
	s := open(t, 64, nil)
	for _, expected := range []int64{-1, 100} {
		f := s.Take(expected, nil)
		write(t, f, []byte("something"))
		f.Pin()
		f.Release()
		f.Release()
		f.Unpin()
		_, read := f.ReadAt(make([]byte, 1), 0)
		for _, err := range []error{read, f.Write(t.Context(), []byte("x")), f.Reserve(t.Context(), 1), f.Truncate(0)} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("after Release: %v", err)
			}
		}
	}
}

func TestTooLarge(t *testing.T) {
	s := open(t, 4, nil)
	f := s.Take(-1, nil)
	defer f.Release()
	write(t, f, make([]byte, 4*granule))
	if err := f.Write(t.Context(), []byte("x")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a byte more than the budget: %v", err)
	}
	check(t, f, make([]byte, 4*granule))
}

func TestValidate(t *testing.T) {
	err := Options{Budget: -1, Memory: -1}.Validate()
	if err == nil || len(err.Error()) < 40 {
		t.Errorf("not everything is reported: %v", err)
	}
	if _, err := Open(Options{}); err == nil {
		t.Error("opened without a folder")
	}
}
