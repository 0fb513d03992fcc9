package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// kafkaBroker is a real Apache Kafka of one node, which e2e/kafka/kafka runs.
type kafkaBroker struct {
	addr   string // host:port
	cmd    *exec.Cmd
	said   lockedBuffer
	exited chan struct{}
}

// sharedKafka is the one broker of all tests, started by the first that needs it and ended by TestMain.
type sharedKafka struct {
	folder string
	once   sync.Once
	broker *kafkaBroker
	err    error
}

// needKafkaParts skips the test for want of a part of Kafka.
func needKafkaParts(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("java"); err != nil {
		missing(t, "Java 17", "apt-get install -y openjdk-17-jre-headless")
	}
	if jars, _ := filepath.Glob(filepath.Join("kafka", "libs", "kafka_*.jar")); len(jars) == 0 {
		missing(t, "Apache Kafka", "mvn -q -f e2e/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=libs")
	}
}

// needKafka returns the broker that all tests share, or skips the test for want of a part of it.
func needKafka(ctx context.Context, t *testing.T) *kafkaBroker {
	t.Helper()
	needKafkaParts(t)
	binaries.kafka.once.Do(func() {
		addr := freePair(t)
		_, port, err := net.SplitHostPort(addr)
		if err == nil {
			err = os.MkdirAll(binaries.kafka.folder, 0o755)
		}
		if err != nil {
			binaries.kafka.err = fmt.Errorf("prepare Kafka: %w", err)
			return
		}
		binaries.kafka.broker, binaries.kafka.err = startKafka(addr, "run", binaries.kafka.folder, port)
	})
	if binaries.kafka.err != nil {
		t.Fatal(binaries.kafka.err)
	}
	binaries.kafka.broker.ready(ctx, t)
	return binaries.kafka.broker
}

// ready waits until the broker answers.
func (k *kafkaBroker) ready(ctx context.Context, t *testing.T) {
	t.Helper()
	await(ctx, t, "Kafka answers", func() bool {
		select {
		case <-k.exited:
			t.Fatalf("Kafka ended: %s", k.said.String())
		default:
		}
		conn, err := kafka.DialContext(ctx, "tcp", k.addr)
		if err != nil {
			return false
		}
		defer conn.Close()
		brokers, err := conn.Brokers()
		return err == nil && len(brokers) == 1
	})
}

// startKafka runs the script, which becomes a broker that listens on addr.
func startKafka(addr string, args ...string) (*kafkaBroker, error) {
	k := &kafkaBroker{addr: addr, exited: make(chan struct{})}
	k.cmd = exec.Command(filepath.Join("kafka", "kafka"), args...)
	k.cmd.Stdout, k.cmd.Stderr = &k.said, &k.said
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	go func() {
		defer close(k.exited)
		_ = k.cmd.Wait()
	}()
	return k, nil
}

// freePair is a free address whose next port is free too.
func freePair(t *testing.T) string {
	t.Helper()
	for {
		addr := freeAddr(t)
		host, port, _ := net.SplitHostPort(addr)
		n, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		if next, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(n+1))); err == nil && next.Close() == nil {
			return addr
		}
	}
}

// end ends the broker. It keeps nothing.
func (s *sharedKafka) end() {
	if s.broker != nil {
		s.broker.kill()
	}
}

func (k *kafkaBroker) kill() {
	_ = k.cmd.Process.Signal(syscall.SIGKILL)
	<-k.exited
}

// topic makes a topic named after the test, and waits until each partition has its leader.
func (k *kafkaBroker) topic(ctx context.Context, t *testing.T, name string, partitions int) string {
	t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(k.addr), Timeout: 30 * time.Second}
	made, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err := errors.Join(err, made.Errors[name]); err != nil {
		t.Fatalf("make topic %s: %v", name, err)
	}
	for partition := range partitions {
		await(ctx, t, name+"/"+strconv.Itoa(partition)+" has a leader", func() bool {
			conn, err := kafka.DialLeader(ctx, "tcp", k.addr, name, partition)
			if err != nil {
				return false
			}
			return conn.Close() == nil
		})
	}
	return name
}

// lockedBuffer keeps what a process prints.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
