package memorylock

// Kept is how many ids the Locker has an entry for.
func (l *Locker) Kept() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.locks)
}
