package memorylock_test

import (
	"testing"

	"plateau/store/memorylock"
	"plateau/store/storetest"
)

// Every test ends with all locks free; then nothing may be kept for them.
func TestContract(t *testing.T) {
	storetest.TestLocker(t, func(t *testing.T) storetest.Locker {
		l := memorylock.New()
		t.Cleanup(func() {
			if n := l.Kept(); n != 0 {
				t.Errorf("%d entries are kept for locks that nobody holds", n)
			}
		})
		return l
	})
}
