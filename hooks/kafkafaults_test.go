package hooks_test

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"plateau/hooks"
)

// relayed has a relay bring 1,000 events to a cluster while meanwhile is called,
// and checks that each arrived, and that duplicates are the same event.
func relayed(t *testing.T, c *cluster, k hooks.Sink, meanwhile func()) (duplicates int) {
	t.Helper()
	const count = 1_000
	outbox := newFakeOutbox()
	outbox.put(0, count, 0)
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: k})
	meanwhile()
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	if _, _, dead := outbox.state(); dead > 0 {
		t.Errorf("%d were buried", dead)
	}
	seen := map[string]string{}
	for _, m := range c.messages() {
		id := m.headers["ce_id"]
		if text, again := seen[id]; again {
			duplicates++
			if text != m.value {
				t.Errorf("%s is two events: %s and %s", id, text, m.value)
			}
		}
		seen[id] = m.value
	}
	for _, id := range ids(0, count) {
		if seen[id+":finished"] == "" {
			t.Errorf("%s is lost", id)
		}
	}
	return duplicates
}

func TestKafkaRefusedThenHealed(t *testing.T) {
	c := newCluster(t)
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	n := relayed(t, c, c.sink(nil), func() {
		eventually(t, "some are refused", func() bool { return h.Hits() > 5 })
		if c.stored() != 0 {
			t.Errorf("%d are stored though all are refused", c.stored())
		}
		h.Remove()
	})
	if n > 0 {
		t.Errorf("%d duplicates of what was refused", n)
	}
}

// Answered with an error after the work was done: duplicates are the price.
func TestKafkaTimedOutAfterAppend(t *testing.T) {
	c := newCluster(t)
	h := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 3})
	n := relayed(t, c, c.sink(nil), func() {})
	if h.Hits() != 3 || n == 0 {
		t.Errorf("%d faults, %d duplicates", h.Hits(), n)
	}
}

func TestKafkaConnectionDropped(t *testing.T) {
	c := newCluster(t)
	var drops atomic.Int64
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		if drops.Add(1) > 4 {
			return nil, nil, false
		}
		c.KeepControl()
		return nil, errors.New("dropped"), true
	})
	relayed(t, c, c.sink(nil), func() {})
	if drops.Load() < 4 {
		t.Errorf("%d drops", drops.Load())
	}
}

func TestKafkaLeadersMove(t *testing.T) {
	c := newCluster(t, kfake.NumBrokers(3))
	k := c.sink(nil)
	if errs := k.Send(t.Context(), testEvents(t, 0, 100, 0)); errs != nil { // the client knows all leaders
		t.Fatal(errs)
	}
	for _, p := range c.PartitionInfos(topic) {
		if err := c.MoveTopicPartition(topic, p.Partition, (p.Leader+1)%3); err != nil {
			t.Fatal(err)
		}
	}
	relayed(t, c, k, func() {})
}

func TestKafkaDownAtStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	k := newKafka(t, hooks.KafkaOptions{Brokers: []string{address}, Topic: topic})
	outbox := newFakeOutbox()
	outbox.put(0, 1_000, 0)
	var retried atomic.Int64
	r := start(t, hooks.RelayOptions{Outbox: outbox, Sink: k, Observer: hooks.RelayObserver{Retried: func(n int) { retried.Add(int64(n)) }}})
	eventually(t, "the broker was missed", func() bool { return retried.Load() > 0 })
	_, portText, _ := net.SplitHostPort(address)
	port, _ := strconv.Atoi(portText)
	c := newCluster(t, kfake.Ports(port))
	eventually(t, "all are removed", func() bool { waiting, _, _ := outbox.state(); return waiting == 0 })
	if err := r.stopped(); err != nil {
		t.Error(err)
	}
	var got []string
	for _, m := range c.messages() {
		got = append(got, m.key)
	}
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, ids(0, 1_000)) {
		t.Errorf("%d arrived", len(got))
	}
}
