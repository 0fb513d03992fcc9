package s3_test

import (
	"fmt"
	"net/http"
	"testing"

	"plateau/store/s3/s3test"
)

// trouble is a way in which a call can go wrong.
type trouble struct {
	name  string
	fault s3test.Fault
}

func troubles() []trouble {
	return []trouble{
		{"500", s3test.Fail(http.StatusInternalServerError, "InternalError")},
		{"500 though the work is done", s3test.FailAfter(http.StatusInternalServerError, "InternalError")},
		{"503", s3test.Fail(http.StatusServiceUnavailable, "SlowDown")},
		{"no answer", s3test.DropBefore()},
		{"no answer, the work done", s3test.DropAfter()},
		{"a body that is cut", s3test.CutBody(1000)},
	}
}

// TestTrouble has calls of each way fail, in each of these ways: once, which is not to be
// noticed, and with all that follow until the client hears of it. Then it goes on: from no
// earlier than it was told. Of each operation it takes the first call of each way, and shares
// the troubles out between every two ways that make it (PLATEAU_E2E=full: all of each).
func TestTrouble(t *testing.T) {
	makers := make(map[s3test.Operation]int) // the ways so far that make this call
	for _, w := range ways() {
		var ordeals []ordeal
		met := make(map[s3test.Operation]int)
		for _, call := range w.calls(t) {
			operation := call.Operation
			met[operation]++
			nth := met[operation]
			if nth == 1 {
				makers[operation]++
			} else if !full() {
				continue
			}
			add := func(name string, count int, fault s3test.Fault) {
				name = fmt.Sprintf("%s %d: %s", operation, nth, name)
				ordeals = append(ordeals, ordeal{name, func(t *testing.T) { w.troubleAt(t, operation, nth, count, fault) }})
			}
			for k, trouble := range troubles() {
				if (k+makers[operation])%2 == 0 || full() {
					add(trouble.name, 1, trouble.fault)
				}
			}
			if makers[operation]%2 == 1 || full() {
				add("away", 1<<30, s3test.DropBefore())
			}
			if makers[operation]%2 == 0 || full() {
				add("nothing is heard", 1<<30, s3test.DropAfter())
			}
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			together(t, ordeals)
		})
	}
	for operation, n := range makers {
		if n < 2 {
			t.Errorf("only one way makes %s: it doesn't meet all troubles", operation)
		}
	}
}

// troubleAt lets the nth call of an operation meet the fault, and those that come after it:
// count in all.
func (w way) troubleAt(t *testing.T, operation s3test.Operation, nth, count int, fault s3test.Fault) {
	r := w.rig(t)
	p := r.start()
	c := w.start(r, p)
	met := 0
	p.proxy.On(func(call s3test.Call) s3test.Fault {
		if met == 0 && (call.Operation != operation || call.Nth != nth) || met == count {
			return s3test.Pass()
		}
		met++
		return fault
	})
	err := w.upload(c)
	p.proxy.On(nil)
	if err != nil {
		c.wantPassing(err)
	}
	c.resume()
	c.check()
	r.wantTidy(c)
}
