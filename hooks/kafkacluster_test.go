package hooks_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"plateau/hooks"
)

const (
	topic      = "statusNew"
	partitions = 6
)

// cluster is a Kafka in this process.
type cluster struct {
	*kfake.Cluster
	t     *testing.T
	conns conns
}

// conns are the connections that brokers have accepted.
type conns struct {
	mu    sync.Mutex
	open  map[net.Conn]bool
	total int
}

func (c *conns) count() (open, total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open), c.total
}

type countedListener struct {
	net.Listener
	conns *conns
}

func (l countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	counted := &countedConn{Conn: conn, conns: l.conns}
	l.conns.mu.Lock()
	defer l.conns.mu.Unlock()
	l.conns.open[counted] = true
	l.conns.total++
	return counted, nil
}

type countedConn struct {
	net.Conn
	conns *conns
}

func (c *countedConn) Close() error {
	c.conns.mu.Lock()
	delete(c.conns.open, c)
	c.conns.mu.Unlock()
	return c.Conn.Close()
}

func newCluster(t *testing.T, opts ...kfake.Opt) *cluster {
	t.Helper()
	c := &cluster{t: t, conns: conns{open: map[net.Conn]bool{}}}
	listen := func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		return countedListener{l, &c.conns}, err
	}
	opts = append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic), kfake.ListenFn(listen)}, opts...)
	var err error
	if c.Cluster, err = kfake.NewCluster(opts...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// sink returns a Kafka sink for the cluster.
func (c *cluster) sink(change func(*hooks.KafkaOptions)) *hooks.Kafka {
	c.t.Helper()
	opts := hooks.KafkaOptions{Brokers: c.ListenAddrs(), Topic: topic}
	if change != nil {
		change(&opts)
	}
	return newKafka(c.t, opts)
}

func newKafka(t *testing.T, opts hooks.KafkaOptions) *hooks.Kafka {
	t.Helper()
	k, err := hooks.NewKafka(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := k.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return k
}

// stored is how many messages the topic has.
func (c *cluster) stored() (n int64) {
	for _, p := range c.PartitionInfos(topic) {
		n += p.HighWatermark
	}
	return n
}

// message is what a consumer sees.
type message struct {
	partition  int32
	key, value string
	headers    map[string]string
}

// messages reads the whole topic, without the client that wrote it.
func (c *cluster) messages() (all []message) {
	c.t.Helper()
	for _, p := range c.PartitionInfos(topic) {
		for offset := int64(0); offset < p.HighWatermark; {
			for _, b := range c.fetch(p.Partition, p.Leader, offset) {
				records := b.Records
				for range b.NumRecords {
					length, n := binary.Varint(records)
					var r kmsg.Record
					if err := r.ReadFrom(records[:n+int(length)]); err != nil {
						c.t.Fatalf("read a record: %v", err)
					}
					records = records[n+int(length):]
					m := message{partition: p.Partition, key: string(r.Key), value: string(r.Value), headers: map[string]string{}}
					for _, h := range r.Headers {
						m.headers[h.Key] = string(h.Value)
					}
					all = append(all, m)
				}
				offset = b.FirstOffset + int64(b.NumRecords)
			}
		}
	}
	return all
}

// fetch asks the leader of a partition for batches from an offset on.
func (c *cluster) fetch(partition, leader int32, offset int64) (batches []kmsg.RecordBatch) {
	c.t.Helper()
	wanted := kmsg.NewFetchRequestTopicPartition()
	wanted.Partition, wanted.FetchOffset, wanted.PartitionMaxBytes = partition, offset, 1<<26
	from := kmsg.NewFetchRequestTopic()
	from.Topic, from.Partitions = topic, []kmsg.FetchRequestTopicPartition{wanted}
	request := kmsg.NewPtrFetchRequest()
	request.SetVersion(4)
	request.MaxBytes, request.Topics = 1<<26, []kmsg.FetchRequestTopic{from}
	text, err := ask(c.ListenAddrs()[leader], request)
	if err != nil {
		c.t.Fatalf("fetch: %v", err)
	}
	response := request.ResponseKind().(*kmsg.FetchResponse)
	if err := response.ReadFrom(text); err != nil {
		c.t.Fatalf("fetch: %v", err)
	}
	p := response.Topics[0].Partitions[0]
	if p.ErrorCode != 0 || len(p.RecordBatches) == 0 {
		c.t.Fatalf("fetch from %d of %d: error %d, %d bytes", offset, partition, p.ErrorCode, len(p.RecordBatches))
	}
	for raw := p.RecordBatches; len(raw) > 12; {
		end := 12 + int(binary.BigEndian.Uint32(raw[8:]))
		if end > len(raw) {
			break
		}
		var b kmsg.RecordBatch
		if err := b.ReadFrom(raw[:end]); err != nil {
			c.t.Fatalf("read a batch: %v", err)
		}
		batches, raw = append(batches, b), raw[end:]
	}
	return batches
}

// ask sends one request to a broker, and returns what comes after its header.
func ask(address string, request kmsg.Request) ([]byte, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, request, 1)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	text := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(conn, text); err != nil {
		return nil, err
	}
	if len(text) < 4 {
		return nil, fmt.Errorf("an answer of %d bytes", len(text))
	}
	return text[4:], nil
}
