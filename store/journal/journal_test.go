package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// opened is a journal over a folder, with what its checkpoints ask for.
type opened struct {
	*Journal
	t     *testing.T
	dir   string
	syncs atomic.Int64
	// onSync is called by each checkpoint; nil: nothing happens.
	onSync func() error
}

func open(t *testing.T, dir string, change ...func(*Options)) *opened {
	t.Helper()
	o := &opened{t: t, dir: dir}
	options := Options{Dir: dir, Size: preparedStep, Place: "here", CheckpointAfter: time.Hour, Sync: func() error {
		o.syncs.Add(1)
		if o.onSync != nil {
			return o.onSync()
		}
		return nil
	}}
	for _, c := range change {
		c(&options)
	}
	j, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	o.Journal = j
	return o
}

// at makes a journal that stands at another place.
func at(place string) func(*Options) { return func(o *Options) { o.Place = place } }

// append puts a piece into the journal, which must take it, sooner or later.
func (o *opened) append(text string) (written func()) {
	o.t.Helper()
	for {
		written, err := o.put(text)
		if err == nil {
			return written
		}
		if !errors.Is(err, ErrNoRoom) {
			o.t.Fatal(err)
		}
		o.running.Wait() // it is being prepared, or checkpointed
	}
}

func (o *opened) put(text string) (func(), error) {
	return o.Append(len(text), func(b []byte) error { copy(b, text); return nil })
}

// crash lets go of the files without a checkpoint.
func (o *opened) crash() {
	o.t.Helper()
	o.mu.Lock()
	o.closing, o.active = true, nil
	o.mu.Unlock()
	o.close()
}

func (o *opened) close() {
	o.t.Helper()
	if err := o.Close(o.t.Context()); err != nil {
		o.t.Error(err)
	}
}

// wantRecovered wants these pieces of a journal, in this order.
func (o *opened) wantRecovered(want ...string) {
	o.t.Helper()
	var got []string
	if err := o.Recover(func(piece []byte) error { got = append(got, string(piece)); return nil }); err != nil {
		o.t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		o.t.Errorf("recovered %q, want %q", got, want)
	}
	o.running.Wait()
}

func TestRecover(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir)
	j.wantRecovered()
	for _, text := range []string{"a", "", "b"} {
		j.append(text) // and its own file is never written
	}
	j.crash()

	j = open(t, dir, at("elsewhere"))
	j.wantRecovered("a", "", "b")
	if j.syncs.Load() != 1 {
		t.Errorf("%d checkpoints, want 1", j.syncs.Load())
	}
	j.append("c")()
	j.crash()

	// In the same place all is there, and is synced before the journal is used.
	j = open(t, dir, at("elsewhere"))
	j.wantRecovered()
	if j.syncs.Load() != 1 {
		t.Errorf("%d checkpoints, want 1", j.syncs.Load())
	}
	j.crash()
	j = open(t, dir)
	j.wantRecovered()
	j.close()
}

func TestRecoverFails(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	j.append("a")
	j.crash()
	failure := errors.New("disk full")
	j = open(t, dir, at("elsewhere"))
	if err := j.Recover(func([]byte) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("error %v, want %v", err, failure)
	}
	j.close()
	j = open(t, dir, at("elsewhere"))
	j.wantRecovered("a")
	j.close()
}

func TestCloseCheckpoints(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	j.append("a")()
	j.close()
	if j.syncs.Load() != 1 {
		t.Errorf("%d checkpoints, want 1", j.syncs.Load())
	}
	j = open(t, dir, at("elsewhere"))
	j.wantRecovered()
	j.close()
}

// TestFull fills both files, while nothing is written to its own file, and makes
// room again.
func TestFull(t *testing.T) {
	j := open(t, t.TempDir())
	piece := string(bytes.Repeat([]byte("x"), 100_000))
	var pending []func()
	for tries := 0; tries < 3; {
		written, err := j.put(piece)
		if err == nil {
			pending, tries = append(pending, written), 0
			continue
		}
		tries++
		j.running.Wait()
	}
	if n := len(pending); n < 18 || n > 20 { // of a MiB each, less the heads and what fills up blocks
		t.Errorf("%d pieces of 100,000 bytes fit into two files of 1 MiB", n)
	}
	if j.syncs.Load() != 0 {
		t.Error("a file was checkpointed before all in it was written")
	}
	for _, written := range pending {
		written()
	}
	j.append(piece)()
	if j.syncs.Load() == 0 {
		t.Error("room was made without a checkpoint")
	}
	if _, err := j.put(string(make([]byte, maxPiece+1))); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a piece that is too large: error %v", err)
	}
	j.close()
}

func TestSmallDiskHasNoJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir, func(o *Options) { o.Size = 0 })
	if _, err := j.put("a"); !errors.Is(err, ErrNoRoom) {
		t.Errorf("error %v, want %v", err, ErrNoRoom)
	}
	j.close()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
}

func TestTogether(t *testing.T) {
	var fsyncs atomic.Int64
	j := open(t, t.TempDir(), func(o *Options) {
		o.Expected = func() int64 { return 64 }
		o.SyncFile = func(f *os.File) error { fsyncs.Add(1); return f.Sync() }
	})
	j.append("first")()
	j.running.Wait()
	before := fsyncs.Load()
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			written, err := j.put(fmt.Sprint(i))
			if err != nil {
				t.Error(err)
				return
			}
			written()
		})
	}
	all.Wait()
	if n := fsyncs.Load() - before; n > 32 { // two or three on a quiet machine
		t.Errorf("%d pieces that came together took %d syncs", 64, n)
	}
	j.close()
}

// TestCheckpointAfter wants a piece to leave the journal some time, with nothing
// after it.
func TestCheckpointAfter(t *testing.T) {
	synced := make(chan struct{}, 10)
	j := open(t, t.TempDir(), func(o *Options) { o.CheckpointAfter = time.Millisecond })
	j.onSync = func() error { synced <- struct{}{}; return nil }
	written := j.append("a")
	written()
	select {
	case <-synced:
	case <-t.Context().Done():
	case <-time.After(20 * time.Second):
		t.Error("no checkpoint")
	}
	j.close()
}

func TestFillFails(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	j.append("a")()
	failure := errors.New("the data file can't be read")
	if _, err := j.Append(1, func([]byte) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("error %v, want %v", err, failure)
	}
	j.append("b")()
	j.crash()
	j = open(t, dir, at("elsewhere"))
	j.wantRecovered("a", "b")
	j.close()
}
