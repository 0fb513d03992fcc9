package spool

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// upload is an owner that does what a store does: fills parts, sends the full ones,
// and stores its bytes as a tail when it has to leave.
type upload struct {
	t       *testing.T
	spool   *Spool
	number  uint64
	part    int64
	mu      sync.Mutex
	file    *File
	sent    []byte // parts
	tail    []byte // what was stored of the part that isn't full
	left    int
	sending sync.WaitGroup
}

// leave stores what the file has; whoever calls it holds the lock.
func (u *upload) leave() {
	if u.file == nil || u.file.Size() <= int64(len(u.tail)) {
		u.drop() // no more than what is stored
		return
	}
	u.left++
	tail, err := io.ReadAll(io.NewSectionReader(u.file, 0, u.file.Size()))
	if err != nil {
		u.t.Error(err)
	}
	if crc32.Checksum(tail, castagnoli) != u.file.CRC32C() {
		u.t.Errorf("upload %d: the checksum of the tail is wrong", u.number)
	}
	u.tail = tail
	u.drop()
}

func (u *upload) drop() {
	if u.file != nil {
		u.file.Release()
		u.file = nil
	}
}

func (u *upload) evict() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.leave()
}

// write brings b into the file, through as many evictions as it takes.
func (u *upload) write(ctx context.Context, b []byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for {
		if u.file == nil {
			u.file = u.spool.Take(-1, u.evict)
			if err := u.file.Reserve(ctx, int64(len(u.tail)+len(b))); err != nil {
				return err
			}
			if len(u.tail) > 0 {
				if err := u.file.Write(ctx, u.tail); err != nil {
					return err
				}
			}
		}
		err := u.file.Write(ctx, b)
		if errors.Is(err, ErrCrowded) {
			u.leave()
			continue
		}
		if err != nil || u.file.Size() < u.part {
			return err
		}
		u.send()
		return nil
	}
}

// send sends the full part, as a store does, in parts of its own pace.
func (u *upload) send() {
	f := u.file
	f.Pin()
	u.file, u.tail = nil, nil
	part := make([]byte, f.Size())
	if _, err := f.ReadAt(part, 0); err != nil {
		u.t.Error(err)
	}
	if crc32.Checksum(part, castagnoli) != f.CRC32C() {
		u.t.Errorf("upload %d: the checksum of a part is wrong", u.number)
	}
	u.sent = append(u.sent, part...)
	u.sending.Go(func() {
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		f.Release()
		f.Unpin()
	})
}

// More uploads than the budget has room for a part of, at all paces: all end, with
// all their bytes, and the budget is kept.
func TestEveryoneGetsAhead(t *testing.T) {
	const part, parts, uploads = 16 * granule, 2, 12
	for _, budget := range []int{16, 17, 24, 50, 1000} {
		t.Run(fmt.Sprint(budget), func(t *testing.T) {
			seed := seed(t)
			s := open(t, budget, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			var all sync.WaitGroup
			var most, left int64
			var mu sync.Mutex
			for i := range uploads {
				all.Go(func() {
					r := rand.New(rand.NewPCG(seed, uint64(i)))
					u := &upload{t: t, spool: s, number: uint64(i), part: part}
					want := content(u.number, parts*part)
					for rest := want; len(rest) > 0; {
						n := min(1+r.IntN(3*granule), len(rest), int(part-int64(len(want)-len(rest))%part))
						if err := u.write(ctx, rest[:n]); err != nil {
							t.Errorf("upload %d, byte %d: %v", i, len(want)-len(rest), err)
							break
						}
						rest = rest[n:]
						mu.Lock()
						most = max(most, s.Used())
						mu.Unlock()
						if r.IntN(50) == 0 { // a client that pauses
							time.Sleep(time.Duration(r.IntN(4)) * patience / 2)
						}
					}
					u.sending.Wait()
					u.mu.Lock()
					u.drop()
					u.mu.Unlock()
					if string(u.sent) != string(want) {
						t.Errorf("upload %d: %d bytes were sent, which aren't the %d of it", i, len(u.sent), len(want))
					}
					mu.Lock()
					left += int64(u.left)
					mu.Unlock()
				})
			}
			all.Wait()
			if most > s.opts.Budget {
				t.Errorf("%d bytes were used of a budget of %d", most, s.opts.Budget)
			}
			if budget >= uploads*16 && left > 0 {
				t.Errorf("%d times one had to leave though there was room", left)
			}
			t.Logf("budget %d granules: one had to leave %d times", budget, left)
		})
	}
}
