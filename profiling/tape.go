package profiling

import (
	"errors"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	tapeBytes     = 64 << 20  // of one recording
	tapesBytes    = 128 << 20 // of all together, those that are being sent included
	largestBlock  = 1 << 20
	smallestBlock = 4 << 10

	// sendPatience is how long a client may take for a block.
	sendPatience = 30 * time.Second
)

// tapes bound the memory of all recordings together.
type tapes struct {
	most int // bytes of one

	mu   sync.Mutex // guards left
	left int        // bytes of all
}

func newTapes(most, together int) *tapes { return &tapes{most: most, left: together} }

// begin returns an empty tape, or refuses if there is next to no room.
func (s *tapes) begin() (*tape, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left < s.most/4 {
		return nil, &refusal{http.StatusTooManyRequests, sendPatience, "other profiles fill the memory for them, because their clients read slowly"}
	}
	return &tape{tapes: s, full: make(chan struct{})}, nil
}

// take takes memory; give gives it back.
func (s *tapes) take(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > s.left {
		return false
	}
	s.left -= n
	return true
}

func (s *tapes) give(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left += n
}

var errTapeFull = errors.New("the profile is larger than what is kept of one")

// tape keeps a recording in memory. The runtime must not be given a client to write to: what it can't write piles up in it
// without bound, and nobody can stop it then. A tape grows as it needs to, and is never waited for.
type tape struct {
	tapes *tapes
	full  chan struct{} // closed when three quarters of it are: what ends a recording has something to write, too

	mu     sync.Mutex // guards what follows
	blocks [][]byte
	size   int  // of what was written
	taken  int  // of the blocks
	isFull bool // full is closed
	cut    bool // not everything had room
	ended  bool // what comes now is not taken any more
}

// Write keeps p, or what of it has room.
func (t *tape) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	written := 0
	for written < len(p) {
		last := len(t.blocks) - 1
		if last < 0 || len(t.blocks[last]) == cap(t.blocks[last]) {
			if !t.grow() {
				t.cut = true
				t.fill()
				return written, errTapeFull
			}
			last++
		}
		b := t.blocks[last]
		n := min(cap(b)-len(b), len(p)-written)
		t.blocks[last] = append(b, p[written:written+n]...)
		written += n
		t.size += n
	}
	if t.size >= t.tapes.most/4*3 {
		t.fill()
	}
	return written, nil
}

// grow adds a block. It is called with t.mu held.
func (t *tape) grow() bool {
	n := min(max(t.taken, smallestBlock), largestBlock, t.tapes.most-t.taken)
	if t.ended || n <= 0 || !t.tapes.take(n) {
		return false
	}
	t.taken += n
	t.blocks = append(t.blocks, make([]byte, 0, n))
	return true
}

// fill is called with t.mu held.
func (t *tape) fill() {
	if !t.isFull {
		t.isFull = true
		close(t.full)
	}
}

// end ends the recording, and reports whether all of it is there.
func (t *tape) end() (whole bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	return !t.cut
}

// bytes returns a copy of the whole.
func (t *tape) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Concat(t.blocks...)
}

// send sends a tape that has ended; each block is free as soon as it is sent.
func (t *tape) send(w http.ResponseWriter, status int) {
	send(w, status, t.size, func(yield func([]byte) bool) {
		for b := t.next(); b != nil && yield(b); b = t.next() {
			t.drop(cap(b))
		}
	})
}

func (t *tape) next() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.blocks) == 0 {
		return nil
	}
	b := t.blocks[0]
	t.blocks[0], t.blocks = nil, t.blocks[1:]
	return b
}

func (t *tape) drop(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken -= n
	t.tapes.give(n)
}

// free gives back all memory. It may be called again.
func (t *tape) free() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tapes.give(t.taken)
	t.blocks, t.taken, t.ended = nil, 0, true
}

// send sends an answer of that size. A client that takes none of it for sendPatience is given up.
func send(w http.ResponseWriter, status, size int, blocks iter.Seq[[]byte]) {
	w.Header().Set("Content-Length", strconv.Itoa(size))
	w.WriteHeader(status)
	connection := http.NewResponseController(w) // where it can't set a deadline, the server has to
	for b := range blocks {
		_ = connection.SetWriteDeadline(time.Now().Add(sendPatience))
		if _, err := w.Write(b); err != nil {
			return // the client has left, or doesn't read
		}
	}
	if connection.Flush() == nil {
		_ = connection.SetWriteDeadline(time.Time{}) // the next answer has its own
	}
}
