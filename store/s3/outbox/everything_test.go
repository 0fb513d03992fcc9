package outbox_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"plateau/hooks"
	"plateau/store/s3/outbox"
)

// uploads are a store's, as far as the outbox knows one: each finishes, is given up,
// or both one after the other, and some are deleted.
type uploads struct {
	b  *box
	mu sync.Mutex
	of map[string]*upload
}

type upload struct {
	mu     sync.Mutex // the upload's lock
	object bool
	ended  bool // what was told to the client: it is finished
}

func (u *uploads) get(id string) *upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of[id] == nil {
		u.of[id] = &upload{}
	}
	return u.of[id]
}

// confirm is what the S3 store does when it is asked.
func (u *uploads) confirm(ctx context.Context, id string, _ time.Time) (hooks.Confirmation, error) {
	one := u.get(id)
	if !one.mu.TryLock() {
		return hooks.Unknown, nil
	}
	defer one.mu.Unlock()
	if one.object {
		return hooks.Finished, nil
	}
	switch i, there, err := u.b.Intent(ctx, id); {
	case err != nil:
		return hooks.Unknown, err
	case there && i.Confirmed:
		return hooks.Finished, nil
	}
	return hooks.Abandoned, u.b.Withdraw(ctx, id)
}

// run is all that happens to one upload. What fails may have been done.
func (u *uploads) run(ctx context.Context, n int, random *rand.Rand) error {
	one := u.get(idOf(n))
	for tries := random.IntN(3); ; tries-- {
		one.mu.Lock()
		err := u.b.Add(ctx, infoOf(n), at(n))
		switch {
		case err != nil:
		case tries > 0 && random.IntN(2) == 0:
			err = u.b.Withdraw(ctx, idOf(n))
		case tries > 0: // nobody hears how it ended
		case tries == 0 && n%10 == 0: // it is never finished
		default:
			one.object, one.ended = true, true
			if random.IntN(4) > 0 {
				u.b.Confirmed(idOf(n))
			}
		}
		if err == nil && one.object && random.IntN(5) == 0 {
			if err = u.b.MarkConfirmed(ctx, idOf(n)); err == nil {
				one.object = false
			}
		}
		one.mu.Unlock()
		if err != nil || tries <= 0 {
			return err
		}
	}
}

// seedOf returns a seed, which it prints; OUTBOX_SEED gives it back.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("OUTBOX_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d (OUTBOX_SEED=%d runs it again)", seed, seed)
	return seed
}

// busy are options with which everything happens often.
func busy() outbox.Options {
	return outbox.Options{
		Keep: 30, Page: 20, Alone: 10, Relist: 50 * time.Millisecond, AskAfter: 5 * time.Millisecond,
		AloneMin: 5 * time.Millisecond, AloneMax: 50 * time.Millisecond,
	}
}

// Whatever happens to uploads at the same time: the events of those that finished
// arrive, of all others none, and nothing is left.
func TestEverything(t *testing.T) {
	everything(t, newBox(t, busy()), seedOf(t), nil)
}

// everything calls calm, if there is one, when no more is done to uploads.
func everything(t *testing.T, b *box, seed uint64, calm func()) {
	t.Helper()
	u := &uploads{b: b, of: map[string]*upload{}}
	b.opts.Confirm = u.confirm
	const rounds, workers, each = 3, 6, 40
	var arrived sink
	for round := range rounds {
		b.reopen(t) // as after a crash
		stop := relay(t, b, &arrived)
		var working sync.WaitGroup
		for w := range workers {
			random := rand.New(rand.NewPCG(seed, uint64(1+round*workers+w)))
			working.Go(func() {
				for i := range each {
					n := (round*workers+w)*each + i
					if err := u.run(t.Context(), n, random); err != nil && calm == nil {
						t.Errorf("upload %d: %v", n, err)
						return
					}
				}
			})
		}
		working.Wait()
		if round < rounds-1 {
			stop()
		}
	}
	if calm != nil {
		calm()
	}
	eventually(t, "nothing waits", func() bool {
		objects, _, err := b.bucket.List(t.Context(), "outbox/pending/", "", 1)
		return err == nil && len(objects) == 0
	})
	ended := 0
	for n := range rounds * workers * each {
		one, times := u.get(idOf(n)), arrived.times(idOf(n))
		if one.ended != (times > 0) {
			t.Errorf("upload %d is finished: %t; its event arrived %d times", n, one.ended, times)
		}
		if one.ended {
			ended++
		}
	}
	t.Logf("%d uploads were finished", ended)
}
