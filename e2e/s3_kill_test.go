package e2e

import (
	"fmt"
	"testing"
	"time"

	"plateau/store/s3/s3test"
)

// TestS3Killed kills the server with -9 at each call that it makes to S3 while an upload comes, is finished, announced or removed: when
// it has made the call and nothing was done, and when it was done and the server hasn't heard so. The server is started again,
// and the client goes on. What was acknowledged is there, what was finished was announced, nothing else was, and nothing is left in
// the folder of temporary files. CI leaves out what is long, and of the rest each second kill.
func TestS3Killed(t *testing.T) {
	for i, way := range s3Ways() {
		if way.long && !fullWanted() {
			continue
		}
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			r := newS3Run(boundedBy(t, 20*time.Minute), t, way)
			kills, met := 0, true
			first, stride := r.pace()
			for n := first; met; n += stride {
				for k, after := range []bool{false, true} {
					if (n+i)%2 == k && !fullWanted() {
						continue
					}
					if met = r.killedAt(n, after); met {
						kills++
					}
				}
			}
			if kills < 2 {
				t.Errorf("%d kills", kills)
			}
			t.Logf("%d kills; events of uploads that nobody knows, and that were never stored: %d", kills, len(r.strays))
		})
	}
}

// killedAt runs the way with a kill at the nth call, before or after its work is done; false: there was no such call.
func (r *s3Run) killedAt(n int, after bool) (met bool) {
	r.t.Helper()
	killed := make(chan struct{})
	kill := func() {
		r.server.kill()
		close(killed)
	}
	r.with(fmt.Sprintf("killed at call %d, its work done: %v", n, after), func(j *journey) { j.killed = killed },
		func(i int, c s3test.Call) s3test.Fault {
			switch {
			case i != n:
				return s3test.Pass()
			case after:
				return s3test.After(kill, s3test.DropAfter())
			}
			return s3test.Before(kill, s3test.DropBefore())
		})
	select {
	case <-killed:
		return true
	default:
		return false
	}
}
