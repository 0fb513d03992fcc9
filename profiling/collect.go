package profiling

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"time"
)

// collectEvery bounds how often a profile makes the garbage collector run.
const collectEvery = 30 * time.Second

// collector makes the garbage collector run before a heap profile, which is as of the last collection: otherwise what was
// allocated since would be missing from it, and what is dead be in it.
type collector struct {
	now  func() time.Time
	turn chan struct{} // has room for one
	last time.Time     // belongs to whose turn it is
}

func newCollector(now func() time.Time) *collector {
	return &collector{now: now, turn: make(chan struct{}, 1)}
}

// begin waits for its turn and collects, if that was not lately done. Without an error, end must be called.
func (c *collector) begin(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("waiting for another profile of the memory: %w", context.Cause(ctx))
	}
	if now := c.now(); c.last.IsZero() || now.Sub(c.last) >= collectEvery {
		runtime.GC()
		c.last = now
	}
	return nil
}

func (c *collector) end() { <-c.turn }

// snapshot writes a profile of the runtime's that takes no time.
func snapshot(name string) ([]byte, error) {
	p := pprof.Lookup(name)
	if p == nil {
		return nil, fmt.Errorf("this Go has no %s profile", name)
	}
	var b bytes.Buffer
	if err := p.WriteTo(&b, 0); err != nil {
		return nil, fmt.Errorf("writing the %s profile: %w", name, err)
	}
	return bytes.Clone(b.Bytes()), nil // a buffer is up to twice as large
}
