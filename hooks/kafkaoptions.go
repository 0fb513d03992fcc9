package hooks

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
)

// KafkaOptions are what a Kafka needs. The zero value of a field with a default
// means the default.
type KafkaOptions struct {
	Brokers []string // host:port; any one that answers will do. Required
	Topic   string   // must exist: it is never created. Required
	// Balancer says which partition a key goes to: "hash" (FNV-1a, as Sarama does)
	// or "murmur2" (as Java's and librdkafka's clients do). Default "hash".
	Balancer string
	// TLS is how brokers are talked to; nil: in the clear.
	TLS *tls.Config
	// SASL is "none", "plain", "scram-sha-256" or "scram-sha-512". Default "none".
	SASL               string
	Username, Password string
	// ClientID is what brokers call us in their logs and quotas. Default "plateau".
	ClientID string
	// Log hears what the client has to say, on level debug. Default: nothing.
	Log *slog.Logger
}

// topicName is what brokers accept.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Validate reports everything that is wrong with the options.
func (o KafkaOptions) Validate() error {
	var errs []error
	if len(o.Brokers) == 0 {
		errs = append(errs, errors.New("kafka: Brokers is empty"))
	}
	if !topicName.MatchString(o.Topic) || o.Topic == "." || o.Topic == ".." {
		errs = append(errs, fmt.Errorf("kafka: Topic %q is not the name of a topic", o.Topic))
	}
	switch o.Balancer {
	case "", "hash", "murmur2":
	default:
		errs = append(errs, fmt.Errorf("kafka: Balancer is %q, not hash or murmur2", o.Balancer))
	}
	switch o.SASL {
	case "", "none":
	case "plain", "scram-sha-256", "scram-sha-512":
		if o.Username == "" {
			errs = append(errs, errors.New("kafka: Username is empty, but SASL is on"))
		}
	default:
		errs = append(errs, fmt.Errorf("kafka: SASL is %q, not none, plain, scram-sha-256 or scram-sha-512", o.SASL))
	}
	return errors.Join(errs...)
}

func (o KafkaOptions) withDefaults() KafkaOptions {
	if o.ClientID == "" {
		o.ClientID = "plateau"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
