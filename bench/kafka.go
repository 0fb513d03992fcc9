package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
)

// partitions of each topic.
const partitions = 3

// broker is a running Apache Kafka, started by the script that the tests of e2e use. It lasts until kill.
type broker struct {
	cmd    *exec.Cmd
	addr   string
	script string
	output tail
	exited chan struct{} // closed when the process has ended
}

// startBroker starts Kafka with its data in a fresh folder, and waits until it answers.
func (b *bench) startBroker(ctx context.Context) (*broker, error) {
	folder, err := os.MkdirTemp(b.work, "kafka-*")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	port, err := freePortPair()
	if err != nil {
		return nil, err
	}
	script, err := filepath.Abs(filepath.Join(b.repo, "e2e", "kafka", "kafka"))
	if err != nil {
		return nil, fmt.Errorf("find Kafka: %w", err)
	}
	k := &broker{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), script: script, exited: make(chan struct{})}
	k.cmd = exec.CommandContext(ctx, script, "run", folder, strconv.Itoa(port))
	k.cmd.Stdout, k.cmd.Stderr = &k.output, &k.output
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it outlives the script's exec
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	go func() {
		defer close(k.exited)
		_ = k.cmd.Wait() // it says only that the process was killed
	}()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	err = poll(ctx, 100*time.Millisecond, func() (bool, error) {
		select {
		case <-k.exited:
			return false, errors.New("it ended")
		default:
		}
		c, err := kafka.DialContext(ctx, "tcp", k.addr)
		if err != nil {
			return false, nil // not yet
		}
		defer c.Close()
		_, err = c.Brokers()
		return err == nil, nil
	})
	if err != nil {
		k.kill()
		return nil, fmt.Errorf("start Kafka: %w; it said: %s", err, k.output.String())
	}
	return k, nil
}

func (k *broker) kill() {
	_ = k.cmd.Process.Kill() // fails only if it has ended already
	<-k.exited
}

// topic makes a topic, and waits until each of its partitions has a leader.
func (k *broker) topic(ctx context.Context, name string) error {
	client := &kafka.Client{Addr: kafka.TCP(k.addr), Timeout: 30 * time.Second}
	made, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err == nil {
		err = made.Errors[name]
	}
	if err != nil {
		return fmt.Errorf("make a topic: %w", err)
	}
	for partition := range partitions {
		err := poll(ctx, 50*time.Millisecond, func() (bool, error) {
			c, err := kafka.DialLeader(ctx, "tcp", k.addr, name, partition)
			if err != nil {
				return false, nil // not yet
			}
			return true, c.Close()
		})
		if err != nil {
			return fmt.Errorf("wait for partition %d: %w", partition, err)
		}
	}
	return nil
}

// records returns how many records the topic has.
func (k *broker) records(ctx context.Context, topic string) (int, error) {
	sum := 0
	for partition := range partitions {
		c, err := kafka.DialLeader(ctx, "tcp", k.addr, topic, partition)
		if err != nil {
			return 0, fmt.Errorf("ask for the number of records: %w", err)
		}
		last, err := c.ReadLastOffset()
		if err := errors.Join(err, c.Close()); err != nil {
			return 0, fmt.Errorf("ask for the number of records: %w", err)
		}
		sum += int(last)
	}
	return sum, nil
}

// sending returns the server with its events sent to a topic of the broker at addr.
func (s server) sending(addr, topic string) server {
	return s.with("--kafka-brokers", addr, "--kafka-topic", topic)
}

// idOf is an upload's id, the last part of its path.
func idOf(location string) string { return location[strings.LastIndexByte(location, '/')+1:] }

// freePortPair finds a port that nobody uses, with a free one after it.
func freePortPair() (int, error) {
	for range 20 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+1)))
		first.Close()
		if err == nil {
			second.Close()
			return port, nil
		}
	}
	return 0, errors.New("find two free ports in a row: none in 20 tries")
}
