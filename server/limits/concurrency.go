package limits

import "sync"

// shrinkAt is how many entries a map must have had for a new one to take its place when it is empty: Go's maps keep the
// memory of the most that they have had.
const shrinkAt = 1024

// Concurrency counts what each client holds at once.
type Concurrency struct {
	most int

	mu   sync.Mutex // guards what follows
	held map[Key]int
	peak int // of len(held), since it was made
}

// NewConcurrency lets each client hold so many, at least one.
func NewConcurrency(most int) *Concurrency {
	return &Concurrency{most: max(most, 1), held: make(map[Key]int)}
}

// Acquire counts one more for a client and says how many it holds with this one, or returns false if it holds the most
// already. Each one that was counted needs its Release.
func (c *Concurrency) Acquire(client Key) (held int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held = c.held[client]
	if held >= c.most {
		return held, false
	}
	c.held[client] = held + 1
	c.peak = max(c.peak, len(c.held))
	return held + 1, true
}

// Release counts one less. It panics if the client holds none: the caller's counting is wrong then, and with it the limit.
func (c *Concurrency) Release(client Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch held := c.held[client]; {
	case held > 1:
		c.held[client] = held - 1
		return
	case held < 1:
		panic("limits: released more than was acquired")
	}
	delete(c.held, client)
	if len(c.held) == 0 && c.peak >= shrinkAt {
		c.held, c.peak = make(map[Key]int), 0
	}
}

// Held is how many a client holds now.
func (c *Concurrency) Held(client Key) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[client]
}

// Clients is how many clients hold any.
func (c *Concurrency) Clients() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.held)
}
