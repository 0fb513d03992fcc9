package e2e

import (
	"sync"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// switched is a toxic that each new connection gets a copy of while it is on.
type switched[T any, P pipe[T]] struct {
	mu   sync.Mutex
	next func() T // makes the copy; nil: off
	met  int      // the connections that got one
}

// pipe is a toxic whose methods are those of a pointer.
type pipe[T any] interface {
	*T
	toxics.Toxic
}

// turnOn is for the connections from now on. next is called once for each, never by two at the same time.
func (s *switched[T, P]) turnOn(next func() T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = next
}

func (s *switched[T, P]) turnOff() { s.turnOn(nil) }

// NewState is called when a connection begins.
func (s *switched[T, P]) NewState() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		return toxics.Toxic(new(toxics.NoopToxic))
	}
	s.met++
	toxic := s.next()
	return toxics.Toxic(P(&toxic))
}

// count is how many connections it has met so far.
func (s *switched[T, P]) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.met
}

// Pipe passes a connection's bytes on as its copy of the toxic does.
func (s *switched[T, P]) Pipe(stub *toxics.ToxicStub) { stub.State.(toxics.Toxic).Pipe(stub) }

// breakToxic closes a connection after a number of bytes. toxiproxy's own limit_data looks at bytes that it has passed on
// already, which is a race with the next toxic.
type breakToxic struct{ left int64 }

// Pipe passes bytes on until there were enough.
func (b *breakToxic) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil {
				stub.Close()
				return
			}
			data := chunk.Data[:min(int64(len(chunk.Data)), b.left)]
			b.left -= int64(len(data))
			if len(data) > 0 {
				stub.Output <- &stream.StreamChunk{Data: data, Timestamp: chunk.Timestamp}
			}
			if b.left == 0 {
				stub.Close()
				return
			}
		}
	}
}
