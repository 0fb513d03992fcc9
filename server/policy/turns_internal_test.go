package policy

import (
	"context"
	"sync"
	"testing"
)

// Nothing is kept of askers that are done, whether they had their turn or left.
func TestTurnsAreForgotten(t *testing.T) {
	turns := newTurns(4)
	ended, end := context.WithCancel(t.Context())
	end()
	var asking sync.WaitGroup
	for n := range 200 {
		asking.Go(func() {
			ctx := t.Context()
			if n%3 == 0 {
				ctx = ended
			}
			if who := uint64(n % 7); turns.take(ctx, who) {
				turns.give(who)
			}
		})
	}
	asking.Wait()
	if len(turns.askers) != 0 || len(turns.all) != 0 {
		t.Errorf("%d askers, %d turns are left", len(turns.askers), len(turns.all))
	}
}
