package bucket

import (
	"fmt"
	"time"
)

// idleWorker is how long a goroutine waits for its next call.
const idleWorker = 10 * time.Second

// aside runs a call's attempt on a goroutine that was used before, if there is one. The
// SDK's chain of calls is deep: on the goroutine of an upload, its stack would grow to
// three times its size, and stay so while the upload waits for its client.
func (b *Bucket) aside(attempt func() error) error {
	done := make(chan error, 1)
	job := func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %v", p)
			}
		}()
		done <- attempt()
	}
	select {
	case b.jobs <- job:
	default:
		b.running.Go(func() { b.work(job) }) // the caller's own call is counted, so nobody has done waiting
	}
	return <-done
}

// work does a job, and those that come while it is idle.
func (b *Bucket) work(job func()) {
	idle := time.NewTimer(idleWorker)
	defer idle.Stop()
	for {
		job()
		idle.Reset(idleWorker)
		select {
		case job = <-b.jobs:
		case <-b.life.Done():
			return
		case <-idle.C:
			return
		}
	}
}
