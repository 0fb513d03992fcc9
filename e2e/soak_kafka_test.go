package e2e

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// How long Kafka is well and ill by turns, and how long it takes to have had each trouble.
const (
	well     = 4 * time.Second
	ill      = 2 * time.Second
	troubles = 4 * (well + ill)
)

// comeAndGo lets the broker be away, in each way, and refuse what it is sent, again and again until the context ends. Then it is
// there.
func (k *fakeKafka) comeAndGo(ctx context.Context) {
	defer k.be(here)
	refuses := func(err *kerr.Error, count int) func() (better func()) {
		return func() func() {
			fault := k.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: count})
			return func() { fault.Remove() }
		}
	}
	away := func(way awayWay) func() (back func()) {
		return func() func() { k.be(way); return func() { k.be(here) } }
	}
	for {
		for _, trouble := range []func() func(){
			away(broken), refuses(kerr.NotEnoughReplicas, -1), away(unheard), refuses(kerr.RequestTimedOut, 3),
		} {
			if !pauseFor(ctx, well) {
				return
			}
			over := trouble()
			pauseFor(ctx, ill)
			over()
		}
	}
}

// pauseFor waits, and says whether the context has not ended.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// take hands over all messages that there are, in each partition in their order, and removes them from the broker.
func (k *fakeKafka) take(ctx context.Context, t *testing.T, each func(m kafka.Message, said string)) {
	t.Helper()
	for partition := range fakePartitions {
		info := k.cluster.PartitionInfo(fakeTopic, int32(partition))
		k.read(ctx, t, partition, info.LogStartOffset, func(m kafka.Message) {
			each(m, fmt.Sprint(strconv.Quote(string(m.Value)), m.Headers, m.Partition))
		})
		must(t, k.cluster.DeleteRecords(fakeTopic, int32(partition), -1))
	}
}
