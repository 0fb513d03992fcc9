package server

import "io"

// drainLimit is how much of a body that nobody wants is read, if it has arrived
// already, so that its connection can be used again.
const drainLimit = 64 << 10

// abandon is called before an answer that doesn't need the rest of the body.
// net/http would wait for that rest; so what has arrived is thrown away, and if
// that isn't all, the connection is closed after the answer.
func (b *body) abandon() {
	if b.drain() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		b.stopped = true
		b.hangUp()
	}
}

// drain reports whether the body could be read to its end without waiting.
func (b *body) drain() bool {
	b.mu.Lock()
	ended, stopped := b.ended, b.stopped
	b.mu.Unlock()
	if ended || stopped || b.expects || !b.Poll(true) {
		return ended
	}
	defer b.Poll(false)
	left := drainLimit
	buffer := make([]byte, 4<<10)
	for left > 0 {
		n, err := b.Read(buffer)
		if err != nil {
			return err == io.EOF
		}
		if n == 0 {
			return false
		}
		left -= n
	}
	return false
}

// hasBytes reports whether the body has any bytes. Where its length isn't known
// it waits for the first one.
func (b *body) hasBytes() bool {
	if b.sized {
		return true // a body of length 0 is not let in
	}
	var one [1]byte
	n, _ := b.Read(one[:]) // whatever it is, it is no byte for this upload
	return n > 0
}
