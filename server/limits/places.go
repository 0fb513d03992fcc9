package limits

import "sync"

// Places counts how many places each client has taken. Several holders share a place: a client that comes back for one whose
// last holder has not gone yet takes no further one.
type Places struct {
	clients *Concurrency

	mu      sync.Mutex // guards what follows
	holders map[place]int
	peak    int // of len(holders), since it was made
}

type place struct{ client, name Key }

// NewPlaces lets each client have so many places, at least one.
func NewPlaces(most int) *Places {
	return &Places{clients: NewConcurrency(most), holders: make(map[place]int)}
}

// Acquire takes a place for a client, or joins those who have it, and says whether it could. Each that could needs its Release.
func (p *Places) Acquire(client, name Key) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := place{client, name}
	if p.holders[at] == 0 {
		if _, ok := p.clients.Acquire(client); !ok {
			return false
		}
	}
	p.holders[at]++
	p.peak = max(p.peak, len(p.holders))
	return true
}

// Release leaves a place, which is free when its last holder has left. It panics if nobody has it.
func (p *Places) Release(client, name Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := place{client, name}
	if p.holders[at] > 1 {
		p.holders[at]--
		return
	}
	if p.holders[at] < 1 {
		panic("limits: a place was left that nobody had")
	}
	delete(p.holders, at)
	p.clients.Release(client)
	if len(p.holders) == 0 && p.peak >= shrinkAt {
		p.holders, p.peak = make(map[place]int), 0
	}
}

// Clients is how many clients have any place.
func (p *Places) Clients() int { return p.clients.Clients() }
