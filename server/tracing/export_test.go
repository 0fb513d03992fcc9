package tracing

import "time"

// What tests outside the package may change, before Start, and look at.

// QueueSize is how many spans may wait.
const QueueSize = queueSize

// SetTimes changes how long spans wait for others, and the first pause between two tries.
func (t *Tracer) SetTimes(gathering, pause time.Duration) {
	t.queue.gathering, t.queue.pause = gathering, pause
}

// Waiting is how many spans wait, without those that are being sent.
func (t *Tracer) Waiting() int {
	t.queue.mu.Lock()
	defer t.queue.mu.Unlock()
	return len(t.queue.waiting)
}
