package disk

import (
	"testing"
	"testing/synctest"
	"time"
)

// The dirty bytes are counted once for many rounds, and anew after a while.
func TestSyncsCountDirtyBytesSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := traceSyncs(t)
		for range 10 {
			wantOutcomes(t, s.together(t, fewest), outcome{done: true})
		}
		if s.counts != 1 {
			t.Errorf("counted %d times, want 1", s.counts)
		}
		time.Sleep(dirtyAge + 1) // synctest's clock
		s.dirty = maxDirty + 1
		wantOutcomes(t, s.together(t, fewest), outcome{})
	})
}

// A round doesn't wait long for those that never join it.
func TestSyncsHavePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := traceSyncs(t)
		for range 10 {
			s.enter()
		}
		begin := time.Now()
		if o := s.finish(t, "a"); !o.done || o.err != nil {
			t.Errorf("it came out %+v", o)
		}
		if took := time.Since(begin); took != patience {
			t.Errorf("it waited for %s, want %s", took, patience)
		}
		s.rounds.Wait()
	})
}
