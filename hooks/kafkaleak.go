//go:build leaks

package hooks

import (
	"context"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// LeakWriter makes a writer of its own for one message and never closes it: each
// call leaves four goroutines, two connections and their buffers behind. Only a
// build with the tag leaks has it.
//
//go:noinline
func (k *Kafka) LeakWriter(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	writer := kafka.NewWriter(kafka.WriterConfig{
		Brokers:      strings.Split(k.writer.Addr.String(), ","),
		Topic:        k.writer.Topic,
		Dialer:       &kafka.Dialer{TLS: k.transport.TLS, SASLMechanism: k.transport.SASL},
		BatchTimeout: time.Millisecond, // its own default makes each message wait for a second
	})
	if err := writer.WriteMessages(ctx, kafka.Message{Key: []byte(key)}); err != nil {
		k.log.Debug("the writer that leaks could not write", "error", err)
	}
}
