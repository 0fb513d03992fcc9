package s3

import "sync"

// inParallel calls do for 0 to n-1, some at a time, and returns the error of the first
// that has one. After an error it begins no more.
func inParallel(n, atOnce int, do func(i int) error) error {
	var mu sync.Mutex
	next, failed := 0, n
	var failure error
	var running sync.WaitGroup
	for range min(n, atOnce) {
		running.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				stop := i >= n || failed < n
				mu.Unlock()
				if stop {
					return
				}
				if err := do(i); err != nil {
					mu.Lock()
					if i < failed {
						failed, failure = i, err
					}
					mu.Unlock()
				}
			}
		})
	}
	running.Wait()
	return failure
}
