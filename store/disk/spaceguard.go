package disk

import (
	"fmt"
	"sync"
	"time"

	"plateau/store"
)

const (
	// claimTime is for how many minutes after its last byte an upload is expected to go
	// on. Its minute itself is one more.
	claimTime = 10
	// spaceLook is how long it is believed how much space there is, less what was written
	// since.
	spaceLook = 100 * time.Millisecond
	// mostClaim bounds sums of claims: clients may declare what they like.
	mostClaim = 1 << 58
)

// spaceGuard keeps space free on the disk. Beside what is free, it knows how many bytes
// are still to come of the uploads that had one within the last minutes: not of which,
// only their sum for each minute of a last byte, so that its memory is fixed. That sum is
// an estimate: after a start it is what the first sweep finds, and it is never less than 0.
type spaceGuard struct {
	least int64 // to be left; 0: the guard is off
	space func() (free, total int64, known bool)
	now   func() time.Time

	mu      sync.Mutex // guards what follows
	newest  int64      // the minute of the last sum
	sums    [claimTime + 1]int64
	free    int64
	known   bool
	looked  time.Time // when free was
	written int64     // since then
}

// claim is what is still to come of one upload.
type claim struct {
	minute int64 // of its last byte, or of its creation
	bytes  int64
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// claimOf is the claim of an upload that was opened.
func claimOf(u *upload) claim {
	if u.sealed || u.info.SizeIsDeferred || u.info.IsFinal {
		return claim{}
	}
	return claim{minuteOf(u.modified), u.info.Size - u.info.Offset}
}

// take claims room for bytes that are to come, or answers 507.
func (g *spaceGuard) take(bytes int64) (claim, error) {
	if g.least == 0 {
		return claim{}, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.enough(g.advance(), bytes); err != nil {
		return claim{}, err
	}
	c := claim{g.newest, bytes}
	g.add(c)
	return c, nil
}

// fits answers 507 if there is no room for bytes of which nobody knows how many will come.
func (g *spaceGuard) fits() error {
	if g.least == 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.enough(g.advance(), 0)
}

// wrote says that n bytes of a claim have come; fewer than 0: they were taken back. The
// claim then is one of this minute.
func (g *spaceGuard) wrote(c *claim, n int64) {
	if g.least == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance()
	g.remove(*c)
	*c = claim{g.newest, max(0, c.bytes-n)}
	g.add(*c)
	g.written += max(0, n)
}

// release gives a claim up: the upload is gone.
func (g *spaceGuard) release(c claim) {
	if g.least == 0 || c.bytes == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance()
	g.remove(c)
}

// restore enters a claim of an upload that an earlier process had.
func (g *spaceGuard) restore(c claim) {
	if g.least == 0 || c.bytes == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance()
	g.add(c)
}

// enough answers 507 unless there is room for more. The caller holds mu.
func (g *spaceGuard) enough(now time.Time, more int64) error {
	if now.Sub(g.looked).Abs() > spaceLook {
		g.free, _, g.known = g.space()
		g.looked, g.written = now, 0
	}
	if !g.known {
		return nil
	}
	left := g.free - g.written
	for _, sum := range g.sums {
		left -= sum
	}
	if left-g.least < more {
		return fmt.Errorf("of the disk's free space %d bytes are left, %d are to come and %d to stay: %w", left, more, g.least, store.Full())
	}
	return nil
}

// advance forgets the minutes that have passed, and returns the time. The caller holds mu.
func (g *spaceGuard) advance() time.Time {
	now := g.now()
	minute := minuteOf(now)
	if ahead := minute - g.newest; ahead < -1 || ahead > claimTime { // back: the time was set
		g.sums = [claimTime + 1]int64{}
		g.newest = minute
	}
	for ; g.newest < minute; g.newest++ {
		g.sums[(g.newest+1)%int64(len(g.sums))] = 0
	}
	return now
}

func (g *spaceGuard) add(c claim) {
	if sum := g.sum(c.minute); sum != nil {
		*sum = min(*sum+min(c.bytes, mostClaim), mostClaim)
	}
}

func (g *spaceGuard) remove(c claim) {
	if sum := g.sum(c.minute); sum != nil {
		*sum = max(0, *sum-c.bytes)
	}
}

// sum returns the sum of a minute; nil: that is too long ago.
func (g *spaceGuard) sum(minute int64) *int64 {
	minute = min(minute, g.newest)
	if g.newest-minute > claimTime || minute < 0 {
		return nil
	}
	return &g.sums[minute%int64(len(g.sums))]
}
