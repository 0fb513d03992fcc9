package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"plateau/hooks"
)

func TestKafkaOptions(t *testing.T) {
	err := hooks.KafkaOptions{Topic: "no topic", Balancer: "round", SASL: "gssapi"}.Validate()
	for _, want := range []string{"Brokers", "no topic", "round", "gssapi"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v doesn't speak of %s", err, want)
		}
	}
	if err := (hooks.KafkaOptions{Brokers: []string{"a:1"}, Topic: topic, SASL: "plain"}).Validate(); err == nil {
		t.Error("SASL without a user name is taken")
	}
}

// A message is a CloudEvent in binary mode, keyed by the upload's id.
func TestKafkaMessage(t *testing.T) {
	c := newCluster(t)
	k := c.sink(nil)
	e := testEvents(t, 0, 1, 0)[0]
	e.Trace = traceparent
	if errs := k.Send(t.Context(), []hooks.Event{e}); errs != nil {
		t.Fatal(errs)
	}
	got := c.messages()
	if len(got) != 1 || got[0].key != "u000000" || got[0].value != string(e.Data) {
		t.Fatalf("arrived: %+v", got)
	}
	want := map[string]string{
		"ce_specversion": "1.0", "ce_id": "u000000:finished", "ce_source": "/plateau/test",
		"ce_type": "dev.plateau.upload.finished.v1", "ce_subject": "u000000",
		"ce_time": "2026-11-29T05:41:07.123456789Z", "ce_traceparent": traceparent, "content-type": "application/json",
	}
	if fmt.Sprint(got[0].headers) != fmt.Sprint(want) {
		t.Errorf("the headers are %v", got[0].headers)
	}
}

// 500 events in one call arrive once each, in order in each partition, and the
// same key always comes to the same partition.
func TestKafkaOrder(t *testing.T) {
	for _, balancer := range []string{"hash", "murmur2"} {
		c := newCluster(t)
		k := c.sink(func(o *hooks.KafkaOptions) { o.Balancer = balancer })
		events := testEvents(t, 0, 500, 0)
		for range 2 {
			if errs := k.Send(t.Context(), events); errs != nil {
				t.Fatal(errs)
			}
		}
		at, last, count := map[string]int32{}, map[int32]string{}, map[string]int{}
		used := map[int32]bool{}
		for _, m := range c.messages() {
			if p, known := at[m.key]; known && p != m.partition {
				t.Errorf("%s: %s is in partitions %d and %d", balancer, m.key, p, m.partition)
			}
			if count[m.key] == 0 && m.key < last[m.partition] {
				t.Errorf("%s: %s comes after %s", balancer, m.key, last[m.partition])
			}
			at[m.key], last[m.partition], used[m.partition] = m.partition, m.key, true
			count[m.key]++
		}
		if len(count) != 500 || len(used) != partitions || c.stored() != 1_000 {
			t.Errorf("%s: %d keys in %d partitions, %d messages", balancer, len(count), len(used), c.stored())
		}
	}
}

// The hashes are those of Apache Kafka's own tests, which librdkafka's
// "murmur2" agrees with; the sign bit goes before the remainder is taken.
func TestKafkaMurmur2(t *testing.T) {
	c := newCluster(t)
	k := c.sink(func(o *hooks.KafkaOptions) { o.Balancer = "murmur2" })
	hashes := map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	}
	var events []hooks.Event
	for key := range hashes {
		events = append(events, hooks.Event{ID: key + ":finished", Source: "/x", Subject: key, Time: finishedAt, Data: []byte("{}")})
	}
	if errs := k.Send(t.Context(), events); errs != nil {
		t.Fatal(errs)
	}
	got := c.messages()
	if len(got) != len(hashes) {
		t.Errorf("%d arrived", len(got))
	}
	for _, m := range got {
		if want := (hashes[m.key] & 0x7fffffff) % partitions; m.partition != want {
			t.Errorf("%s is in partition %d, want %d", m.key, m.partition, want)
		}
	}
}

// What the operator has to put right is told apart from what passes.
func TestKafkaVerdicts(t *testing.T) {
	for _, test := range []struct {
		err      *kerr.Error
		operator bool
	}{
		{kerr.TopicAuthorizationFailed, true},
		{kerr.ClusterAuthorizationFailed, true},
		{kerr.InvalidTopicException, true},
		{kerr.NotEnoughReplicas, false},
		{kerr.KafkaStorageError, false},
		{kerr.UnknownServerError, false},
	} {
		c := newCluster(t)
		k := c.sink(nil)
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: test.err, Count: -1})
		errs := k.Send(t.Context(), testEvents(t, 0, 2, 0))
		if len(errs) != 2 || errs[0] == nil || errs[1] == nil || errors.Is(errs[0], hooks.ErrOperator) != test.operator || errors.Is(errs[0], hooks.ErrPoison) {
			t.Errorf("%s: %v", test.err.Message, errs)
		}
	}
}

func TestKafkaUnknownTopic(t *testing.T) {
	c := newCluster(t)
	k := c.sink(func(o *hooks.KafkaOptions) { o.Topic = "missing" })
	errs := k.Send(t.Context(), testEvents(t, 0, 2, 0))
	if len(errs) != 2 || !errors.Is(errs[0], hooks.ErrOperator) || !errors.Is(errs[1], hooks.ErrOperator) {
		t.Errorf("errors are %v", errs)
	}
	if c.TopicInfo("missing") != nil {
		t.Error("the topic was made")
	}
}

// An event that no batch can hold is poison; the others arrive.
func TestKafkaTooLarge(t *testing.T) {
	c := newCluster(t)
	errs := c.sink(nil).Send(t.Context(), slices.Concat(testEvents(t, 0, 3, 0), testEvents(t, 3, 4, 2<<20), testEvents(t, 4, 6, 0)))
	if len(errs) != 6 || !errors.Is(errs[3], hooks.ErrPoison) || c.stored() != 5 {
		t.Errorf("errors are %v, %d arrived", errs, c.stored())
	}
	for i, err := range errs {
		if i != 3 && err != nil {
			t.Errorf("event %d: %v", i, err)
		}
	}
}

// A broker that takes less than we think refuses the batch; then each event has
// its own try, and only what is too large alone is poison.
func TestKafkaBatchTooLarge(t *testing.T) {
	c := newCluster(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "20000"}))
	errs := c.sink(nil).Send(t.Context(), slices.Concat(testEvents(t, 0, 30, 8_000), testEvents(t, 30, 31, 30_000)))
	if len(errs) != 31 || !errors.Is(errs[30], hooks.ErrPoison) {
		t.Fatalf("errors are %v", errs)
	}
	for i, err := range errs[:30] {
		if err != nil {
			t.Errorf("event %d: %v", i, err)
		}
	}
	if c.stored() != 30 {
		t.Errorf("%d arrived", c.stored())
	}
}

// One writer: over 2,000 events neither goroutines nor connections grow, and
// after Close there are none.
func TestKafkaOneWriter(t *testing.T) {
	before := runtime.NumGoroutine()
	c := newCluster(t)
	idle := runtime.NumGoroutine()
	k, err := hooks.NewKafka(hooks.KafkaOptions{Brokers: c.ListenAddrs(), Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	send := func(from, to int) {
		for n := from; n < to; n += 10 {
			if errs := k.Send(t.Context(), testEvents(t, n, n+10, 0)); errs != nil {
				t.Fatal(errs)
			}
		}
	}
	send(0, 200)
	goroutines := runtime.NumGoroutine()
	_, conns := c.conns.count()
	send(200, 2_000)
	if k.Writers() != 1 {
		t.Errorf("%d writers", k.Writers())
	}
	_, now := c.conns.count()
	t.Logf("goroutines %d before the cluster, %d with it, %d and %d after 200 and 2,000 events; connections %d and %d",
		before, idle, goroutines, runtime.NumGoroutine(), conns, now)
	// One for each of the 180 calls would be many more; the client may open another one
	// while a broker is slow.
	if now > conns+10 {
		t.Errorf("connections grow from %d to %d", conns, now)
	}
	if n := runtime.NumGoroutine(); n > goroutines+60 {
		t.Errorf("goroutines grow from %d to %d", goroutines, n)
	}
	if err := k.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if k.Writers() != 0 {
		t.Errorf("%d writers after Close", k.Writers())
	}
	eventually(t, "no connection is open", func() bool { open, _ := c.conns.count(); return open == 0 })
	eventually(t, "no goroutine of the client is left", func() bool { return runtime.NumGoroutine() <= idle })
}

// A broker that takes connections and says nothing can't keep Close.
func TestKafkaCloseWhileBrokerHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	k, err := hooks.NewKafka(hooks.KafkaOptions{Brokers: []string{l.Addr().String()}, Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if errs := k.Send(ctx, testEvents(t, 0, 1, 0)); len(errs) != 1 || errs[0] == nil {
		t.Errorf("nobody answers, but the errors are %v", errs)
	}
	start := time.Now()
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = k.Close(ctx)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Close took %s", took)
	}
	if (err != nil) != (k.Writers() == 1) {
		t.Errorf("Close says %v, and %d writers are open", err, k.Writers())
	}
}
