package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plateau/store/s3/s3test"
)

// TestS3Faults makes each call fail that the server makes to S3 while an upload comes, is finished, announced or removed, in all ways in
// which a call can fail: once, or until a client has heard of it. Clients hear what DESIGN says, and go on; what is asked of
// the rest is what TestS3Killed asks. CI leaves out what is long, and of the rest lets each call fail in one or two ways.
func TestS3Faults(t *testing.T) {
	for i, way := range s3Ways() {
		if way.long && !fullWanted() {
			continue
		}
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			r := newS3Run(boundedBy(t, 40*time.Minute), t, way)
			list, failures, met := s3Faults(), 0, true
			first, stride := r.pace()
			for n := first; met; n += stride {
				met = false
				for k, f := range list {
					if !fullWanted() && (n+i+k)%len(list) > 1 || fullWanted() && f.slow && (n+k)%4 > 0 {
						continue
					}
					if r.failsAt(n, f) {
						failures++
						met = true
					}
				}
			}
			if failures < 3 {
				t.Errorf("%d failures", failures)
			}
			t.Logf("%d failures; events of uploads that nobody knows, and that were never stored: %d", failures, len(r.strays))
		})
	}
}

// s3Fault is a way in which a call fails.
type s3Fault struct {
	name  string
	fault func(s3test.Call) s3test.Fault
	slow  bool // only each fourth call is let fail so
	lasts bool // all calls from then on fail, until a client has heard of it
}

func s3Faults() []s3Fault {
	always := func(f s3test.Fault) func(s3test.Call) s3test.Fault {
		return func(s3test.Call) s3test.Fault { return f }
	}
	hang := func() { time.Sleep(time.Second) }
	if fullWanted() {
		hang = func() { time.Sleep(12 * time.Second) } // longer than the server waits for an answer to a small call
	}
	return []s3Fault{
		{name: "500", fault: always(s3test.Fail(http.StatusInternalServerError, "InternalError"))},
		{name: "500, its work done", fault: always(s3test.FailAfter(http.StatusInternalServerError, "InternalError"))},
		{name: "503 for a while", fault: always(s3test.Fail(http.StatusServiceUnavailable, "SlowDown")), lasts: true},
		{name: "no answer", fault: always(s3test.DropBefore())},
		{name: "no answer, its work done", fault: always(s3test.DropAfter())},
		{name: "no answers for a while, their work done", fault: always(s3test.DropAfter()), lasts: true},
		{name: "hangs", fault: always(s3test.Before(hang, s3test.DropBefore())), slow: true},
		{name: "hangs, its work done", fault: always(s3test.After(hang, s3test.DropAfter())), slow: true},
		{name: "a late answer", fault: always(s3test.After(func() { time.Sleep(time.Second) }, s3test.Pass()))},
		{name: "a cut body", fault: func(c s3test.Call) s3test.Fault {
			if c.Length > 0 {
				return s3test.CutBody(c.Length / 2)
			}
			return s3test.DropBefore()
		}},
		{name: "500 for a while, the work done", fault: always(s3test.FailAfter(http.StatusInternalServerError, "InternalError")), lasts: true},
	}
}

// failsAt runs the way with a fault at the nth call; false: there was no such call.
func (r *s3Run) failsAt(n int, f s3Fault) (met bool) {
	r.t.Helper()
	var healed, hit atomic.Bool
	r.with(fmt.Sprintf("%s at call %d", f.name, n), func(j *journey) { j.hindered = func() { healed.Store(true) } },
		func(i int, c s3test.Call) s3test.Fault {
			if i < n || i > n && !f.lasts || healed.Load() {
				return s3test.Pass()
			}
			hit.Store(true)
			return f.fault(c)
		})
	return hit.Load()
}

// TestS3RecordUnsure has an upload of unknown length outgrow its first part, while the record that says so is written and nobody
// hears so: what was acknowledged before is there, and the client goes on.
func TestS3RecordUnsure(t *testing.T) {
	t.Parallel()
	r := newS3Run(bounded(t), t, s3Way{name: "unknown length", size: 16_000_000, goes: func(j *journey, content []byte) {
		j.upload(content, leg{inPOST: -1, chunk: 7_000_000, deferred: true})
	}})
	var outgrown, healed atomic.Bool
	r.with("the record's fate unknown", func(j *journey) { j.hindered = func() { healed.Store(true) } },
		func(_ int, c s3test.Call) s3test.Fault {
			if c.Operation == s3test.CreateMultipartUpload {
				outgrown.Store(true)
			}
			if outgrown.Load() && !healed.Load() && c.Operation == s3test.PutObject && strings.HasSuffix(c.Key, ".info") {
				return s3test.DropAfter()
			}
			return s3test.Pass()
		})
}
