package e2e

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	fakeTopic      = "statusNew"
	fakePartitions = 4
)

// fakeKafka is a broker in the test's process that can go away and come back with what it has.
type fakeKafka struct {
	cluster *kfake.Cluster
	addr    string

	mu       sync.Mutex // guards what follows
	way      awayWay
	open     map[net.Conn]bool // connections that it serves
	silent   []net.Conn        // connections that it took and does not serve
	accepted int               // connections that it has served so far
}

// awayWay is how a broker is away.
type awayWay int

const (
	here    awayWay = iota
	broken          // whoever connects is hung up on
	unheard         // whoever connects hears nothing, as when a network swallows packets
)

// startFakeKafka starts a broker with one topic, and ends it with the test.
func startFakeKafka(t *testing.T) *fakeKafka {
	t.Helper()
	k := &fakeKafka{open: map[net.Conn]bool{}}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(fakePartitions, fakeTopic),
		kfake.ListenFn(func(network, address string) (net.Listener, error) {
			listener, err := net.Listen(network, address)
			return switchedListener{listener, k}, err
		}))
	must(t, err)
	t.Cleanup(func() {
		k.be(here) // which ends those that hear nothing
		cluster.Close()
	})
	k.cluster, k.addr = cluster, cluster.ListenAddrs()[0]
	return k
}

// be changes how the broker is away. Connections that there are end.
func (k *fakeKafka) be(way awayWay) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.way = way
	for _, conn := range k.silent {
		conn.Close()
	}
	k.silent = nil
	for conn := range k.open {
		conn.Close()
	}
	clear(k.open)
}

// connections is how many there are now, and how many there have been.
func (k *fakeKafka) connections() (open, ever int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.open), k.accepted
}

type switchedListener struct {
	net.Listener
	kafka *fakeKafka
}

func (l switchedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.kafka.serves(conn) {
			return countedConn{conn, l.kafka}, nil
		}
	}
}

func (k *fakeKafka) serves(conn net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch k.way {
	case broken:
		conn.Close()
		return false
	case unheard:
		k.silent = append(k.silent, conn)
		return false
	}
	k.open[conn] = true
	k.accepted++
	return true
}

type countedConn struct {
	net.Conn
	kafka *fakeKafka
}

func (c countedConn) Close() error {
	c.kafka.mu.Lock()
	delete(c.kafka.open, c.Conn)
	c.kafka.mu.Unlock()
	return c.Conn.Close()
}

// arrived returns all messages, in each partition in their order.
func (k *fakeKafka) arrived(ctx context.Context, t *testing.T) (all []kafka.Message) {
	t.Helper()
	for partition := range fakePartitions {
		k.read(ctx, t, partition, 0, func(m kafka.Message) { all = append(all, m) })
	}
	return all
}

// read hands over the messages of a partition from an offset on, in their order.
func (k *fakeKafka) read(ctx context.Context, t *testing.T, partition int, at int64, each func(kafka.Message)) {
	t.Helper()
	conn, err := kafka.DialLeader(ctx, "tcp", k.addr, fakeTopic, partition)
	must(t, err)
	last, err := conn.ReadLastOffset()
	must(t, err)
	for at < last {
		_, err := conn.Seek(at, kafka.SeekAbsolute|kafka.SeekDontCheck)
		must(t, err)
		batch := conn.ReadBatch(1, 8<<20)
		for at < last {
			m, err := batch.ReadMessage()
			if err != nil {
				break // the end of the batch: go on with the next
			}
			each(m)
			at = m.Offset + 1
		}
		must(t, batch.Close())
	}
	must(t, conn.Close())
}

// wantArrived wants an event of each upload; duplicates must be the same to the last byte. It returns how many there are of these.
func (k *fakeKafka) wantArrived(ctx context.Context, t *testing.T, ids []string) (again int) {
	t.Helper()
	first := map[string]string{}
	for _, m := range k.arrived(ctx, t) {
		said := fmt.Sprint(strconv.Quote(string(m.Value)), m.Headers, m.Partition)
		if before, seen := first[string(m.Key)]; seen {
			again++
			if before != said {
				t.Errorf("the events of %s differ:\n%s\n%s", m.Key, before, said)
			}
		}
		first[string(m.Key)] = said
		if !isAbout(m) {
			t.Errorf("the message of %s has the headers %v", m.Key, m.Headers)
		}
	}
	for _, id := range ids {
		if first[id] == "" {
			t.Errorf("the event of %s has not arrived", id)
		}
	}
	return again
}

// isAbout says whether a message bears the id of the event of the upload that is its key.
func isAbout(m kafka.Message) bool {
	return slices.ContainsFunc(m.Headers, func(h kafka.Header) bool { return h.Key == "ce_id" && string(h.Value) == string(m.Key)+":finished" })
}
