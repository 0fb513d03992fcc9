package profiling

import "net/http"

// HandlerWithTapes is a Handler that keeps at most so many bytes of one recording, and of all together.
func HandlerWithTapes(o Options, most, together int) http.Handler {
	o = o.withDefaults()
	r := newRecordings(o)
	r.tapes = newTapes(most, together)
	return handler(o, r)
}

// Kept says how many captures are kept, and their bytes.
func (c *Captures) Kept() (number, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == nil {
		return 0, 0
	}
	return 1 + len(c.kept), c.bytes
}
