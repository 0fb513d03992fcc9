package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// events says where they go.
type events struct {
	brokers []string
	topic   string
}

// writer makes a writer as the seed did, with the old constructor: its transport is its own, and so are its connections. The one
// setting is in the seed's favour: by default a write waits a whole second for others.
func (e events) writer() *kafka.Writer {
	return kafka.NewWriter(kafka.WriterConfig{Brokers: e.brokers, Topic: e.topic, BatchTimeout: 10 * time.Millisecond})
}

// publish is the seed's mistake: the writer is never closed.
func (e events) publish(ctx context.Context, f file) error { return send(ctx, e.writer(), f) }

// send returns when Kafka has the event.
func send(ctx context.Context, w *kafka.Writer, f file) error {
	value, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write the event of %s: %w", f.ID, err)
	}
	if err := w.WriteMessages(ctx, kafka.Message{Key: []byte(f.ID), Value: value}); err != nil {
		return fmt.Errorf("send the event of %s: %w", f.ID, err)
	}
	return nil
}
