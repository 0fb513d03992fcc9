package spool

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
)

// Whatever is done to a File, and whatever its neighbours do, it holds what was
// written to it; readers see that while it is written.
func TestAnyOrder(t *testing.T) {
	seed := seed(t)
	s := open(t, 8*40, func(o *Options) { o.Memory = 3 * inMemory })
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for round := range 8 {
				if err := anyOrder(t, s, r); err != nil {
					t.Errorf("file %d, round %d: %v", i, round, err)
				}
			}
		})
	}
	all.Wait()
}

func anyOrder(t *testing.T, s *Spool, r *rand.Rand) error {
	f := s.Take([]int64{-1, 1 << 20, 100, inMemory}[r.IntN(4)], nil)
	defer f.Release()
	var readers sync.WaitGroup
	var want []byte
	source := content(r.Uint64(), 3*granule)
	for range 40 {
		switch r.IntN(8) {
		case 0:
			if err := f.Truncate(r.Int64N(int64(len(want)) + 1)); err != nil {
				return err
			}
			want = want[:f.Size():f.Size()]
		case 1:
			if err := f.Reserve(t.Context(), r.Int64N(2*granule)); err != nil {
				return err
			}
		case 2:
			begun := want[:len(want):len(want)]
			at := r.IntN(len(begun) + 1)
			readers.Go(func() {
				got := make([]byte, len(begun)-at)
				n, err := f.ReadAt(got, int64(at))
				if n < len(got) || err != nil && err != io.EOF || !bytes.Equal(got, begun[at:]) {
					t.Errorf("read %d of %d bytes at %d: %v, or other bytes", n, len(got), at, err)
				}
			})
			// Nothing of what is read is taken back meanwhile.
			if err := f.Write(t.Context(), source[:100]); err != nil {
				return err
			}
			want = append(want, source[:100]...)
			readers.Wait()
		default:
			if len(want) > 30*granule {
				continue
			}
			b := source[r.IntN(len(source)):]
			b = b[:min(len(b), 1<<r.IntN(18))]
			if err := f.Write(t.Context(), b); err != nil {
				return err
			}
			want = append(want, b...)
		}
		if f.Size() != int64(len(want)) {
			return fmt.Errorf("size %d, want %d", f.Size(), len(want))
		}
	}
	check(t, f, want)
	return nil
}
