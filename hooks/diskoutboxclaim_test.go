package hooks

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// What can't be read moves to "dead" with the reason, and the others go on.
func TestDiskOutboxBuriesWhatItCantRead(t *testing.T) {
	broken := nameOf(6)
	opts := DiskOutboxOptions{Durable: true, calls: diskCalls{open: func(dir int, name string) (int, error) {
		if name == broken {
			return -1, syscall.EIO
		}
		return openEntry(dir, name)
	}}}
	o := openTest(t, opts)
	o.mustAdd(1)
	o.put(o.path(2), "")
	o.put(o.path(3), "x")
	if err := os.Truncate(o.path(3), maxRecord+1); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(o.path(4), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(o.path(1), o.path(5)); err != nil {
		t.Fatal(err)
	}
	o.put(o.path(6), "{}")
	if err := syscall.Mkfifo(o.path(7), 0o600); err != nil {
		t.Fatal(err)
	}
	o.mustAdd(8)
	o.wantClaimed(1, 8)
	o.recount(t.Context()) // what was put there, was counted by nobody
	o.wantStats(2, 6)
	dead := map[string]string{nameOf(2): "empty", nameOf(3): "larger", nameOf(4): "directory", nameOf(5): "symbolic", broken: "input/output", nameOf(7): "empty"}
	err := ListOutbox(o.opts.Dir, true, func(e Entry, reason string) error {
		if want := dead[e.Name]; want == "" || !strings.Contains(reason, want) {
			t.Errorf("%s is dead: %q", e.Name, reason)
		}
		delete(dead, e.Name)
		return nil
	})
	if err != nil || len(dead) > 0 {
		t.Errorf("not dead are %v (%v)", dead, err)
	}
}

// A shortage of the process says nothing about an entry.
func TestDiskOutboxShortages(t *testing.T) {
	for _, short := range []error{syscall.EMFILE, syscall.ENFILE, syscall.EACCES, syscall.ENOMEM} {
		t.Run(short.Error(), func(t *testing.T) {
			var fails, ahead atomic.Int64
			opts := DiskOutboxOptions{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, calls: diskCalls{open: func(dir int, name string) (int, error) {
				if fails.Add(-1) >= 0 {
					return -1, short
				}
				return openEntry(dir, name)
			}}}
			o := openTest(t, opts)
			o.mustAdd(1, 2)
			fails.Store(2)
			if entries, err := o.Claim(t.Context(), 10, 1<<20, time.Now().Add(time.Hour)); !errors.Is(err, short) || len(entries) > 0 {
				t.Errorf("claim: %d, %v", len(entries), err)
			}
			o.mustAdd(3) // which need not wait for them
			o.wantClaimed(3)
			ahead.Add(int64(failedFor))
			fails.Store(1) // one of the two
			o.wantClaimed(2)
			ahead.Add(int64(failedFor))
			o.wantClaimed(1)
			o.wantStats(3, 0)
		})
	}
}

// TestDiskOutboxBacklogUnderLoad has more waiting than the window holds, and something new
// for each claim: nothing of it waits for ever.
func TestDiskOutboxBacklogUnderLoad(t *testing.T) {
	o := openTest(t, DiskOutboxOptions{Window: 64, Rescan: time.Hour})
	o.mustAdd(1)
	o.wantClaimed(1) // all is known
	const waiting = 500
	for n := range waiting {
		o.mustAdd(100 + n)
	}
	taken := map[string]bool{}
	for n := 0; len(taken) < waiting && n < 2*waiting; n++ {
		o.mustAdd(10_000 + n)
		entries, err := o.Claim(t.Context(), 20, 1<<20, time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name < nameOf(10_000) {
				taken[e.Name] = true
			}
		}
	}
	if len(taken) < waiting {
		t.Errorf("%d of %d were claimed", len(taken), waiting)
	}
}

// TestDiskOutboxUnreadable has one entry, in front of a backlog, that can't be read
// for now.
func TestDiskOutboxUnreadable(t *testing.T) {
	bad := nameOf(1)
	opts := DiskOutboxOptions{Window: 64, Rescan: time.Hour, calls: diskCalls{open: func(dir int, name string) (int, error) {
		if name == bad {
			return -1, syscall.EACCES
		}
		return openEntry(dir, name)
	}}}
	o := openTest(t, opts)
	const waiting = 300
	for n := range waiting {
		o.mustAdd(1 + n)
	}
	taken := 0
	for range waiting {
		entries, err := o.Claim(t.Context(), 20, 1<<20, time.Now().Add(time.Hour))
		if err != nil && taken < waiting-1 {
			t.Fatalf("after %d entries: %v", taken, err)
		}
		taken += len(entries)
	}
	if taken != waiting-1 {
		t.Errorf("%d of %d were claimed", taken, waiting-1)
	}
}

// An entry that can't be buried now stays where it is.
func TestDiskOutboxCantBury(t *testing.T) {
	var full atomic.Bool
	var ahead atomic.Int64
	opts := DiskOutboxOptions{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, calls: diskCalls{write: func(f *os.File, b []byte) error {
		if full.Load() {
			return syscall.ENOSPC
		}
		_, err := f.Write(b)
		return err
	}}}
	o := openTest(t, opts)
	o.put(o.path(1), "")
	full.Store(true)
	if _, err := o.Claim(t.Context(), 10, 1<<20, time.Now().Add(time.Hour)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("claim: %v", err)
	}
	if got := o.files(pendingFolder); len(got) != 1 {
		t.Errorf("pending are %q", got)
	}
	o.mustAdd(2)
	o.wantClaimed(2) // the others go on
	full.Store(false)
	ahead.Add(int64(failedFor))
	o.wantClaimed()
	o.recount(t.Context())
	o.wantStats(1, 1)
}

// What a crash left, and what others put there.
func TestDiskOutboxStrangers(t *testing.T) {
	now := time.Now()
	var clock atomic.Int64
	opts := DiskOutboxOptions{Now: func() time.Time { return now.Add(time.Duration(clock.Load())) }}
	o := openTest(t, opts)
	o.mustAdd(1)
	half := o.path(2) + ".ABCDEFGHIJ.tmp"
	o.put(half, "{")
	minute := filepath.Dir(o.path(1))
	pending := filepath.Dir(minute)
	o.put(filepath.Join(minute, "README"), "hello")
	o.put(filepath.Join(minute, "20241129T054107.123456789Z-"), "no id")
	o.put(filepath.Join(minute, "20241129T054107.123456789Z-../x")[:len(minute)+1+27]+"..x", "bad id")
	o.put(filepath.Join(minute, "20241131T054107.123456789Z-x"), "no such day")
	o.put(filepath.Join(minute, "20241129T054207.123456789Z-x"), "another minute")
	o.put(filepath.Join(minute, strings.Repeat("n", 255)), "long")
	o.put(filepath.Join(pending, "README"), "hello again")
	o.put(filepath.Join(pending, "2024-11-29T0542"), "a file in the way")
	o.put(filepath.Join(pending, "2024-11-31T0542", "x"), "no such day")
	o.wantClaimed(1)
	if left := o.files(pendingFolder); len(left) != 2 {
		t.Errorf("left are %q", left)
	}
	o.recount(t.Context())
	o.wantStats(1, 9)
	o.mustAdd(60_000) // where the file was in the way
	o.wantClaimed(60_000)
	if got := o.files(deadFolder); len(got) != 18 {
		t.Errorf("dead are %q, want each with its reason", got)
	}
	// A copy that another process makes is left alone, until it must be a crash's.
	clock.Store(int64(2 * leftoverAge))
	o.queue.startOver()
	o.wantClaimed()
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a crash left is still there (%v)", err)
	}
}

// The folder of a minute goes when its last entry does, but not while the
// minute is young; and nothing that is added at that moment is lost.
func TestDiskOutboxRemovesFolders(t *testing.T) {
	at := longAgo.Add(time.Minute)
	var clock atomic.Int64
	o := openTest(t, DiskOutboxOptions{Now: func() time.Time { return at.Add(time.Duration(clock.Load())) }})
	minute := filepath.Dir(o.path(1))
	o.mustAdd(1)
	if err := o.Remove(t.Context(), o.wantClaimed(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(minute); err != nil {
		t.Errorf("the folder of a young minute: %v", err)
	}
	clock.Store(int64(time.Hour))
	o.mustAdd(1, 2)
	entries := o.wantClaimed(1, 2)
	if err := o.Remove(t.Context(), entries[:1]); err != nil {
		t.Fatal(err)
	}
	if err := o.Remove(t.Context(), entries[1:]); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(minute); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of an old minute is still there (%v)", err)
	}
	o.mustAdd(1)
	o.wantClaimed(1)
}

func TestDiskOutboxAddsWhileFoldersGo(t *testing.T) {
	const adders, each = 3, 300
	o := openTest(t, DiskOutboxOptions{Durable: true, calls: diskCalls{fsync: func(*os.File) error { return nil }}})
	for a := range adders {
		o.record("u"+string(rune('a'+a)), `{}`)
	}
	var adding sync.WaitGroup
	for a := range adders {
		adding.Go(func() {
			for n := range each {
				// All in one old minute, whose folder goes whenever it is empty.
				if err := o.Add(t.Context(), handler.FileInfo{ID: "u" + string(rune('a'+a))}, nth(n)); err != nil {
					t.Errorf("add: %v", err)
				}
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), testBound)
	defer cancel()
	for got := 0; got < adders*each; {
		entries, err := o.Claim(ctx, 1, 1, time.Now().Add(time.Hour))
		if err == nil {
			err = o.Remove(ctx, entries)
		}
		if err != nil {
			t.Fatalf("after %d: %v", got, err)
		}
		got += len(entries)
	}
	adding.Wait()
	o.wantClaimed()
	o.wantStats(0, 0)
}

// A claim ends by the clock.
func TestDiskOutboxClaimsEnd(t *testing.T) {
	now := time.Now()
	var clock atomic.Int64
	o := openTest(t, DiskOutboxOptions{Now: func() time.Time { return now.Add(time.Duration(clock.Load())) }})
	o.mustAdd(1, 2)
	if _, err := o.Claim(t.Context(), 1, 1<<20, now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Claim(t.Context(), 1, 1<<20, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	clock.Store(int64(time.Minute - 1))
	o.wantClaimed()
	clock.Store(int64(time.Minute))
	o.wantClaimed(1)
	clock.Store(int64(time.Hour - 1))
	o.wantClaimed()
	clock.Store(int64(time.Hour))
	o.wantClaimed(2)
}
