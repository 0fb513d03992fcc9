package hooks_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"plateau/hooks"
)

// A start over a backlog, and its way out, take memory that doesn't depend on
// it. All entries are of one minute: that is the worst case. PLATEAU_E2E=full
// runs it with a million.
func TestDiskOutboxBacklog(t *testing.T) {
	count, window := 20_000, 1_000
	if os.Getenv("PLATEAU_E2E") == "full" {
		count, window = 1_000_000, 65_536
	}
	dir := t.TempDir()
	fill(t, dir, count, 1)
	before := heap()
	start := time.Now()
	o, err := hooks.OpenDiskOutbox(hooks.DiskOutboxOptions{Dir: filepath.Join(dir, "outbox"), Records: filepath.Join(dir, "uploads"), Window: window})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	opened := time.Since(start)
	if opened > time.Second {
		t.Errorf("the start over %d entries took %v", count, opened)
	}
	// Names are all that is kept: 80 bytes each, in at most two windows, and arrays
	// that have room for as many again; and 500 records of 300 bytes.
	most := uint64(3*window*150 + 500*1000 + 1<<20)
	var peak uint64
	done, last := 0, ""
	for {
		entries, err := o.Claim(t.Context(), 500, 2<<20, time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if done%5_000 == 0 {
			peak = max(peak, heap())
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if e.Name <= last {
				t.Fatalf("%q comes after %q", e.Name, last)
			}
			last = e.Name
		}
		if err := o.Remove(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		done += len(entries)
	}
	took := time.Since(start)
	t.Logf("%d entries: open after %v, all gone after %v, %d bytes of heap at most (%d before)", count, opened, took, int64(peak)-int64(before), before)
	if done != count {
		t.Errorf("claimed %d of %d", done, count)
	}
	if peak > before+most {
		t.Errorf("the heap grew by %d bytes, want at most %d", peak-before, most)
	}
	if s, err := o.Stats(); err != nil || s.Pending != 0 || !s.Oldest.IsZero() {
		t.Errorf("afterwards the outbox has %+v, %v", s, err)
	}
}

// heap is what is in use, garbage aside.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
