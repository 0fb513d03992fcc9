package journal

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestFailures lets each call of an append and its checkpoint fail once.
func TestFailures(t *testing.T) {
	failure := syscall.EIO
	for n := 1; ; n++ {
		dir, calls := t.TempDir(), 0
		next := func() error {
			if calls++; calls == n {
				return failure
			}
			return nil
		}
		faulty := func(o *Options) {
			o.write = func(f *os.File, b []byte, offset int64) error {
				if err := next(); err != nil {
					return err
				}
				_, err := f.WriteAt(b, offset)
				return err
			}
			o.SyncFile = func(*os.File) error { return next() }
		}
		j := open(t, dir, faulty)
		j.onSync = next
		var acknowledged []string
		for _, text := range []string{"a", "b", "c"} {
			for range 3 {
				written, err := j.put(text)
				if err == nil {
					acknowledged = append(acknowledged, text)
					written()
					break
				}
				j.running.Wait()
			}
		}
		checkpointed := calls
		j.close()
		hit := calls >= n
		if _, err := j.put("d"); !errors.Is(err, ErrNoRoom) {
			t.Errorf("after the end, and a failure of call %d: error %v", n, err)
		}
		// After a sync of the files failed, they aren't believed, even in the same place.
		if n == checkpointed+1 && hit {
			j = open(t, dir)
			j.wantRecovered(acknowledged...)
			j.close()
		}
		if !hit {
			if n < 8 {
				t.Errorf("only %d calls were seen", n)
			}
			return
		}
	}
}

// fill puts pieces into a segment and retires it. It returns what ends the pieces'
// waiting.
func (o *opened) fill(name string) (written []func()) {
	o.t.Helper()
	for range 8 {
		written = append(written, o.append(name+strings.Repeat("x", 100_000)))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retire()
	return written
}

// recovered are the first letters of all pieces.
func (o *opened) recovered() (names string) {
	o.t.Helper()
	if err := o.Recover(func(piece []byte) error { names += string(piece[:1]); return nil }); err != nil {
		o.t.Fatal(err)
	}
	o.running.Wait()
	return names
}

// TestSyncFailsOnce: the system reports an error once, so after it no other sync
// is believed, of no segment.
func TestSyncFailsOnce(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	var fails atomic.Bool
	fails.Store(true)
	j.onSync = func() error {
		if fails.Swap(false) {
			return syscall.EIO
		}
		return nil
	}
	written := append(j.fill("a"), j.fill("b")...)
	for _, w := range written {
		w()
	}
	j.running.Wait()
	if _, err := j.put("c"); !errors.Is(err, ErrNoRoom) {
		t.Errorf("after a sync that failed: error %v", err)
	}
	j.close()
	j = open(t, dir) // the machine ran on
	if got := j.recovered(); got != "aaaaaaaabbbbbbbb" {
		t.Errorf("recovered %q", got)
	}
	j.close()
}

// TestOrder: a later segment isn't freed before an earlier one, since a piece in it
// may make one in that void.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	for range 3 { // so that the second file is the older one in the end
		for _, w := range j.fill("-") {
			w()
		}
		j.running.Wait()
	}
	_ = j.fill("a") // which nobody has written to their own files
	for _, w := range j.fill("b") {
		w()
	}
	j.running.Wait()
	j.crash()
	for range 2 { // the first is told to fail in the middle
		j = open(t, dir, at("elsewhere"))
		failing := errors.New("no power")
		_ = j.Recover(func(piece []byte) error {
			if piece[0] == 'b' {
				return failing
			}
			return nil
		})
		j.close()
	}
	j = open(t, dir, at("elsewhere"))
	if got := j.recovered(); got != "aaaaaaaabbbbbbbb" {
		t.Errorf("recovered %q", got)
	}
	j.close()
}

func TestDamagedHead(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	j.append("a")
	name := j.segments[0].name
	j.crash()
	if err := os.WriteFile(name, []byte(strings.Repeat("?", block)), 0o600); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, at("elsewhere"))
	j.wantRecovered()
	j.append("b")()
	j.close()
	if _, err := os.Stat(name + ".damaged"); err != nil {
		t.Error(err)
	}
}
