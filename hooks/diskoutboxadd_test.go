package hooks

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// syncs counts fsyncs by the folder's name, and fails those that it is told to.
type syncs struct {
	mu    sync.Mutex
	names []string
	err   error
}

func (s *syncs) call(f *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, filepath.Base(f.Name()))
	return s.err
}

// take returns the fsyncs since the last take, and says how the next ones end.
func (s *syncs) take(next error) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.names
	s.names, s.err = nil, next
	return names
}

func TestDiskOutboxSyncsNames(t *testing.T) {
	var s syncs
	o := openTest(t, DiskOutboxOptions{Durable: true, calls: diskCalls{fsync: s.call}})
	if got := s.take(nil); !slices.Equal(got, []string{"outbox", filepath.Base(o.dir)}) {
		t.Errorf("the start fsyncs %q", got)
	}
	const minute = "2024-11-29T0541"
	o.mustAdd(1)
	if got := s.take(nil); !slices.Equal(got, []string{minute, pendingFolder}) {
		t.Errorf("the first entry of a minute fsyncs %q", got)
	}
	o.mustAdd(2)
	if got := s.take(nil); !slices.Equal(got, []string{minute}) {
		t.Errorf("the second fsyncs %q", got)
	}
	// An earlier Add may have ended before its fsync, so the name alone says little.
	o.mustAdd(2)
	if err := o.Add(t.Context(), handler.FileInfo{ID: "u2"}, nth(2)); err != nil {
		t.Fatal(err)
	}
	if got := s.take(nil); !slices.Equal(got, []string{minute, minute}) {
		t.Errorf("entries that are there already fsync %q", got)
	}
	o.reopen(DiskOutboxOptions{Durable: true, calls: diskCalls{fsync: s.call}})
	s.take(nil)
	o.mustAdd(3)
	if got := s.take(nil); !slices.Equal(got, []string{minute, pendingFolder}) {
		t.Errorf("after a crash the first entry fsyncs %q", got)
	}
	o.reopen(DiskOutboxOptions{calls: diskCalls{fsync: s.call}})
	o.mustAdd(4)
	if got := s.take(nil); len(got) > 0 {
		t.Errorf("an outbox that need not be durable fsyncs %q", got)
	}
}

// After an fsync that failed none is believed, in no folder, until a restart.
func TestDiskOutboxBelievesNoFsyncAfterAFailure(t *testing.T) {
	var s syncs
	opts := DiskOutboxOptions{Durable: true, calls: diskCalls{fsync: s.call}}
	o := openTest(t, opts)
	o.mustAdd(1)
	s.take(syscall.EIO)
	if err := o.tryAdd(2); !errors.Is(err, syscall.EIO) {
		t.Errorf("the fsync failed, and Add says %v", err)
	}
	s.take(nil)
	if err := o.tryAdd(2); !errors.Is(err, syscall.EIO) {
		t.Errorf("the next Add says %v", err)
	}
	if err := o.tryAdd(120_000); !errors.Is(err, syscall.EIO) { // another minute
		t.Errorf("an Add in another folder says %v", err)
	}
	if got := s.take(nil); len(got) > 0 {
		t.Errorf("fsyncs were called again: %q", got)
	}
	o.reopen(opts)
	o.mustAdd(2)
	o.wantClaimed(1, 2) // what could not be made durable is not announced
}

// A full disk is different: it passes.
func TestDiskOutboxFull(t *testing.T) {
	var s syncs
	var full error
	calls := diskCalls{fsync: s.call, link: func(fromDir int, from string, toDir int, to string) error {
		if full != nil {
			return full
		}
		return link(fromDir, from, toDir, to)
	}}
	o := openTest(t, DiskOutboxOptions{Durable: true, calls: calls})
	for _, full = range []error{syscall.ENOSPC, syscall.EDQUOT} {
		if err := o.tryAdd(1); !errors.Is(err, full) {
			t.Errorf("the disk is full, and Add says %v", err)
		}
	}
	full = nil
	s.take(syscall.ENOSPC)
	if err := o.tryAdd(1); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the disk is full, and Add says %v", err)
	}
	s.take(nil)
	o.mustAdd(1)
	o.wantClaimed(1)
}

// Where no link can be made, an entry is a copy that is complete or not there.
func TestDiskOutboxCopies(t *testing.T) {
	for _, no := range []syscall.Errno{syscall.EXDEV, syscall.EPERM, syscall.EMLINK, syscall.ENOTSUP, syscall.ENOSYS} {
		t.Run(no.Error(), func(t *testing.T) {
			var s syncs
			var fails error
			calls := diskCalls{
				fsync: s.call,
				link: func(_ int, _ string, toDir int, to string) error {
					if fd, err := openEntry(toDir, to); err == nil {
						return errors.Join(syscall.EEXIST, syscall.Close(fd)) // the kernel looks at the name first
					}
					return no
				},
				write: func(f *os.File, b []byte) error {
					if fails != nil {
						_, _ = f.Write(b[:len(b)/2])
						return fails
					}
					_, err := f.Write(b)
					return err
				},
			}
			o := openTest(t, DiskOutboxOptions{Durable: true, calls: calls})
			s.take(nil)
			fails = syscall.ENOSPC
			if err := o.tryAdd(1); !errors.Is(err, fails) {
				t.Errorf("the copy failed, and Add says %v", err)
			}
			if left := o.files(pendingFolder); len(left) > 0 {
				t.Errorf("a copy that failed leaves %q", left)
			}
			fails = nil
			s.take(nil)
			o.mustAdd(1)
			if got := s.take(nil); len(got) < 2 || got[1] != "2024-11-29T0541" {
				t.Errorf("a copy fsyncs %q, want itself first", got)
			}
			o.record("u1", `{"ID":"u1","Size":7}`)
			if err := o.Add(t.Context(), handler.FileInfo{ID: "u1"}, nth(1)); err != nil {
				t.Fatal(err)
			}
			o.wantStats(1, 0)
			e := o.wantClaimed(1)[0]
			if string(e.Record) != `{"ID":"u1","Size":7}` {
				t.Errorf("the copy is %s", e.Record)
			}
			if left := o.files(pendingFolder); len(left) != 1 {
				t.Errorf("in the folder are %q", left)
			}
		})
	}
}

// A link and its record are one file, so that nothing is written twice.
func TestDiskOutboxLinks(t *testing.T) {
	o := openTest(t, DiskOutboxOptions{})
	o.mustAdd(1)
	entry, err := os.Stat(o.path(1))
	if err != nil {
		t.Fatal(err)
	}
	record, err := os.Stat(filepath.Join(o.opts.Records, "u1.info"))
	if err != nil || !os.SameFile(entry, record) {
		t.Errorf("the entry is not the record (%v)", err)
	}
	o.record("u1", `{"ID":"u1","Size":7}`) // another file now
	if err := o.Add(t.Context(), handler.FileInfo{ID: "u1"}, nth(1)); err != nil {
		t.Fatal(err)
	}
	if e := o.wantClaimed(1)[0]; string(e.Record) != `{"ID":"u1","Size":7}` {
		t.Errorf("the entry is still %s", e.Record)
	}
	if left := o.files(pendingFolder); len(left) != 1 {
		t.Errorf("in the folder are %q", left)
	}
	// A rename of one link to another of the same file leaves both.
	f, err := o.minutes.enter(keyOf(nameOf(1)), false)
	if err != nil {
		t.Fatal(err)
	}
	defer o.minutes.leave(f)
	if err := o.replace(f, nameOf(1), "u1.info"); err != nil {
		t.Fatal(err)
	}
	if left := o.files(pendingFolder); len(left) != 1 {
		t.Errorf("after a link to the same file, in the folder are %q", left)
	}
	o.wantStats(1, 0)
}

// All that wait while one fsync runs share the next; who can't wait, goes.
func TestDiskOutboxSharesFsyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const waiters = 20
		count := 0
		goOn := make(chan struct{})
		o := openTest(t, DiskOutboxOptions{Durable: true, calls: diskCalls{fsync: func(f *os.File) error {
			if filepath.Base(f.Name()) == "2024-11-29T0541" {
				count++ // one at a time
				<-goOn
			}
			return nil
		}}})
		add := func(ctx context.Context, n int) error {
			return o.Add(ctx, handler.FileInfo{ID: "u" + string(rune('a'+n))}, nth(n))
		}
		var adding sync.WaitGroup
		for n := range waiters {
			o.record("u"+string(rune('a'+n)), `{}`)
			adding.Go(func() {
				if err := add(t.Context(), n); err != nil {
					t.Error(err)
				}
			})
			if n == 0 {
				synctest.Wait() // the first has begun its fsync
			}
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := add(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while the fsync hangs, Add says %v", err)
		}
		close(goOn)
		adding.Wait()
		if count != 2 {
			t.Errorf("%d entries took %d fsyncs, want 2", waiters, count)
		}
	})
}

// An entry that is there but not durable may have to be taken back with its
// upload. So nobody claims it before, though a scan finds it.
func TestDiskOutboxClaimsNothingThatMayBeTakenBack(t *testing.T) {
	for _, fails := range []error{nil, syscall.ENOSPC} {
		reached, release := make(chan struct{}), make(chan struct{})
		var blocked atomic.Bool
		o := openTest(t, DiskOutboxOptions{Durable: true, calls: diskCalls{fsync: func(*os.File) error {
			if blocked.Load() {
				select {
				case reached <- struct{}{}:
				case <-release:
				}
				<-release
				return fails
			}
			return nil
		}}})
		blocked.Store(true)
		added := make(chan error, 1)
		go func() { added <- o.tryAdd(1) }()
		<-reached
		o.queue.startOver() // and look through the folders
		o.wantClaimed()
		close(release)
		if err := <-added; !errors.Is(err, fails) {
			t.Errorf("Add says %v, want %v", err, fails)
		}
		blocked.Store(false)
		if fails == nil {
			o.wantClaimed(1)
		} else {
			o.queue.startOver()
			o.wantClaimed()
		}
	}
}
