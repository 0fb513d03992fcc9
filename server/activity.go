package server

import "sync"

// activity counts the requests that run, and lets one goroutine wait until none
// does. Unlike a sync.WaitGroup it may be added to while it is waited for.
type activity struct {
	mu      sync.Mutex // guards n and drained
	n       int
	drained chan struct{} // closed when n becomes 0; nil while nobody waits
}

func (a *activity) begin() {
	a.mu.Lock()
	a.n++
	a.mu.Unlock()
}

func (a *activity) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n--
	if a.n == 0 && a.drained != nil {
		close(a.drained)
		a.drained = nil
	}
}

// idle returns a channel that is closed as soon as no request runs.
func (a *activity) idle() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.drained == nil {
		a.drained = make(chan struct{})
	}
	drained := a.drained
	if a.n == 0 {
		close(a.drained)
		a.drained = nil
	}
	return drained
}
