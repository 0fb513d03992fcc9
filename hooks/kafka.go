package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Kafka is the sink that writes to one topic, in CloudEvents' binary mode. It
// has the one kafka.Writer of the process. This is the only file that imports
// kafka-go.
//
// kafka-go's own retries are few, since the outbox tries for ever; an event that
// fails may have arrived all the same, and is then there twice, with the same
// id. A topic that is missing or may not be written is for the operator.
type Kafka struct {
	log       *slog.Logger
	transport *kafka.Transport
	writer    *kafka.Writer
	writers   atomic.Int32
}

// NewKafka returns a sink that has not connected yet.
func NewKafka(opts KafkaOptions) (*Kafka, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	mechanism, err := opts.mechanism()
	if err != nil {
		return nil, fmt.Errorf("kafka: set up SASL: %w", err)
	}
	k := &Kafka{log: opts.Log}
	k.transport = &kafka.Transport{
		ClientID:       opts.ClientID,
		DialTimeout:    5 * time.Second,
		IdleTimeout:    time.Minute, // brokers end connections that idle for ten
		MetadataTTL:    10 * time.Second,
		MetadataTopics: []string{opts.Topic}, // else it keeps all of the cluster's
		TLS:            opts.TLS,
		SASL:           mechanism,
	}
	k.writer = &kafka.Writer{
		Addr:            kafka.TCP(opts.Brokers...),
		Topic:           opts.Topic,
		Transport:       k.transport,
		Balancer:        opts.balancer(),
		RequiredAcks:    kafka.RequireAll, // its own default is none
		BatchSize:       1_000,            // more than come in one call
		BatchBytes:      1 << 20,          // no more than brokers take by default
		BatchTimeout:    time.Millisecond, // the relay gathers what waits
		MaxAttempts:     3,
		WriteBackoffMin: 100 * time.Millisecond,
		WriteBackoffMax: time.Second,
		ReadTimeout:     10 * time.Second,
		WriteTimeout:    10 * time.Second,
		ErrorLogger: kafka.LoggerFunc(func(format string, args ...any) {
			k.log.Debug("kafka client: " + fmt.Sprintf(format, args...))
		}),
	}
	k.writers.Store(1)
	return k, nil
}

func (o KafkaOptions) balancer() kafka.Balancer {
	if o.Balancer == "murmur2" {
		return kafka.Murmur2Balancer{}
	}
	return &kafka.Hash{}
}

func (o KafkaOptions) mechanism() (sasl.Mechanism, error) {
	switch o.SASL {
	case "plain":
		return plain.Mechanism{Username: o.Username, Password: o.Password}, nil
	case "scram-sha-256":
		return scram.Mechanism(scram.SHA256, o.Username, o.Password)
	case "scram-sha-512":
		return scram.Mechanism(scram.SHA512, o.Username, o.Password)
	}
	return nil, nil
}

// Writers is the number of open writers: 1, and 0 once Close has closed it.
func (k *Kafka) Writers() int { return int(k.writers.Load()) }

// Send is part of Sink.
func (k *Kafka) Send(ctx context.Context, events []Event) []error {
	errs := make([]error, len(events))
	k.send(ctx, events, errs)
	if len(events) > 1 {
		// A batch may be too large as a whole: each is asked about by itself.
		for i := range events {
			if errors.Is(errs[i], kafka.MessageSizeTooLarge) && !errors.Is(errs[i], ErrPoison) {
				k.send(ctx, events[i:i+1], errs[i:i+1])
			}
		}
	}
	if !slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		return nil
	}
	return errs
}

// send writes events in one call, and puts what became of each into errs.
func (k *Kafka) send(ctx context.Context, events []Event, errs []error) {
	messages := make([]kafka.Message, 0, len(events))
	at := make([]int, 0, len(events)) // of which event each message is
	for i, e := range events {
		m := message(e)
		errs[i] = nil
		if size := m.size(); size > k.writer.BatchBytes {
			errs[i] = fmt.Errorf("%w: it has %d bytes, more than %d", ErrPoison, size, k.writer.BatchBytes)
			continue
		}
		messages, at = append(messages, m.Message), append(at, i)
	}
	err := k.writer.WriteMessages(ctx, messages...)
	if err == nil {
		return
	}
	each, known := errors.AsType[kafka.WriteErrors](err)
	for j, i := range at {
		switch {
		case !known:
			errs[i] = judge(err, len(messages))
		case each[j] != nil:
			errs[i] = judge(each[j], len(messages))
		}
	}
}

// sized is a message whose size is known as kafka-go counts it.
type sized struct{ kafka.Message }

// size is what kafka-go compares with BatchBytes, rounded up.
func (m sized) size() int64 {
	n := 64 + len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += 20 + len(h.Key) + len(h.Value)
	}
	return int64(n)
}

// message is an event as CloudEvents' Kafka binding wants it.
func message(e Event) sized {
	attributes := e.Attributes()
	headers := make([]kafka.Header, 0, len(attributes)+1)
	for _, a := range attributes {
		headers = append(headers, kafka.Header{Key: "ce_" + a.Name, Value: []byte(a.Value)})
	}
	headers = append(headers, kafka.Header{Key: "content-type", Value: []byte(ContentType)})
	return sized{kafka.Message{Key: []byte(e.Subject), Value: e.Data, Headers: headers}}
}

// judge says what an error of one event means; it came in a call of that many.
func judge(err error, together int) error {
	var code kafka.Error
	switch {
	case unverified(err):
		return fmt.Errorf("%w: %w", ErrOperator, err)
	case !errors.As(err, &code):
		return err
	}
	switch code {
	case kafka.MessageSizeTooLarge:
		if together == 1 {
			return fmt.Errorf("%w: %w", ErrPoison, err)
		}
	case kafka.UnknownTopicOrPartition, kafka.InvalidTopic, kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed,
		kafka.GroupAuthorizationFailed, kafka.SASLAuthenticationFailed, kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState,
		kafka.SecurityDisabled, kafka.PolicyViolation:
		return fmt.Errorf("%w: %w", ErrOperator, err)
	}
	return err
}

// Close is part of Sink. kafka-go's Close waits for its retries, and now and then
// for ever: after ctx it is left.
func (k *Kafka) Close(ctx context.Context) error {
	closed := make(chan error, 1)
	go func() {
		err := k.writer.Close()
		k.writers.Store(0)
		closed <- err
	}()
	var err error
	select {
	case err = <-closed:
	case <-ctx.Done():
		err = fmt.Errorf("close the Kafka writer: %w", ctx.Err())
	}
	k.transport.CloseIdleConnections()
	return err
}
