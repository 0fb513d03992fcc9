package spool

import (
	"bytes"
	"context"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
)

// open makes a Spool of so many granules that must be empty at the end of the test.
func open(t testing.TB, budget int, change func(*Options)) *Spool {
	t.Helper()
	opts := Options{Dir: t.TempDir(), Budget: int64(budget) * granule}
	if change != nil {
		change(&opts)
	}
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.used != 0 || s.memory != 0 || s.coming != 0 || s.wanted != 0 || s.fixed != 0 || s.asking != 0 || s.steady.Len() != 0 || len(s.free) != 0 {
			t.Errorf("left in the end: used %d, memory %d, coming %d, wanted %d, fixed %d, asking %d, steady %d, free %d",
				s.used, s.memory, s.coming, s.wanted, s.fixed, s.asking, s.steady.Len(), len(s.free))
		}
	})
	return s
}

// seed is printed; SPOOL_SEED gives it back.
func seed(t *testing.T) uint64 {
	seed := rand.Uint64()
	if s := os.Getenv("SPOOL_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SPOOL_SEED=%d", seed)
	return seed
}

// content is bytes that only this number has.
func content(number uint64, size int64) []byte {
	b := make([]byte, size)
	var seed [32]byte
	seed[0], seed[1] = byte(number), byte(number>>8)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

func write(t testing.TB, f *File, b []byte) {
	t.Helper()
	if err := f.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// check compares all that can be known of a File's content.
func check(t testing.TB, f *File, want []byte) {
	t.Helper()
	if f.Size() != int64(len(want)) {
		t.Errorf("size %d, want %d", f.Size(), len(want))
	}
	if sum := crc32.Checksum(want, castagnoli); f.CRC32C() != sum {
		t.Errorf("CRC-32C %x, want %x", f.CRC32C(), sum)
	}
	if got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, error %v, are not the %d that were written", len(got), err, len(want))
	}
}

// owner is the least that an owner does: it stores its bytes in a map's place.
type owner struct {
	lock   lock
	file   *File
	stored []byte
	asked  int
	stays  bool // it doesn't leave
}

// lock is a mutex that lets synctest's clock go on while someone waits for it.
type lock struct {
	once sync.Once
	held chan struct{}
}

func (l *lock) lock() (unlock func()) {
	l.once.Do(func() { l.held = make(chan struct{}, 1) })
	l.held <- struct{}{}
	return func() { <-l.held }
}

func (o *owner) take(s *Spool) *File {
	o.file = s.Take(-1, o.evict)
	return o.file
}

func (o *owner) evict() {
	defer o.lock.lock()()
	o.asked++
	if !o.stays {
		o.leave()
	}
}

func (o *owner) leave() {
	if o.file == nil {
		return
	}
	o.stored = make([]byte, o.file.Size())
	if _, err := o.file.ReadAt(o.stored, 0); err != nil {
		panic(err)
	}
	o.file.Release()
	o.file = nil
}

// asks is how often the owner was asked, once nothing moves any more.
func (o *owner) asks() int {
	synctest.Wait()
	defer o.lock.lock()()
	return o.asked
}

// writing is a Write on its way.
type writing struct{ done chan error }

func begin(ctx context.Context, f *File, granules int) *writing {
	w := &writing{make(chan error, 1)}
	go func() { w.done <- f.Write(ctx, make([]byte, granules*granule)) }()
	synctest.Wait()
	return w
}

func (w *writing) waits() bool {
	synctest.Wait()
	return len(w.done) == 0
}

func (w *writing) ended(t *testing.T, want error) {
	t.Helper()
	if err := <-w.done; !errors.Is(err, want) {
		t.Errorf("Write says %v, want %v", err, want)
	}
}
