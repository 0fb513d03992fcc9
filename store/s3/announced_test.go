package s3_test

import (
	"strings"
	"testing"

	"plateau/store/s3/s3test"
)

// TestAnnouncedByTheDead: a process dies after it has made the event of a small upload safe,
// and before the object. Its client sends the last bytes to the next process. Since the event
// that waits may be sent as soon as the object is there, the one that this finish makes is
// the same, to the last byte.
func TestAnnouncedByTheDead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.quiet = true
	p := r.start()
	c := &client{rig: r, p: p, content: noise(300)}
	r.must(c.create(100))
	object, _, _ := strings.Cut(c.id, "+")
	p.proxy.On(func(call s3test.Call) s3test.Fault {
		if call.Operation == s3test.PutObject && call.Key == object {
			return s3test.Before(p.die, s3test.DropBefore())
		}
		return s3test.Pass()
	})
	if err := c.patch(200); err == nil {
		t.Fatal("the object is there")
	}
	p.ended()
	next := r.start()
	first, waits, err := next.outbox.Intent(t.Context(), c.id)
	r.must(err)
	if !waits {
		t.Fatal("no event waits")
	}
	c.p = next
	r.must(c.head())
	if c.acked != 100 {
		t.Fatalf("the next process has %d bytes, want 100", c.acked)
	}
	r.must(c.patch(200))
	c.check()
	if events := c.events.of(c.id); !events[0].Time.Equal(first.FinishedAt) {
		t.Errorf("the event says %s, an earlier one said %s", events[0].Time, first.FinishedAt)
	}
}
