package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// eventSettings are the rows about finished uploads and their events.
func eventSettings() []setting {
	return []setting{
		{
			group: "Events of finished uploads", name: "event-source", arg: "URI", fallback: "/plateau",
			help:  "source of the events, a URI reference that tells this server from others",
			value: uriReference(func(c *Config) *string { return &c.EventSource }),
		},
		{
			group: "Events of finished uploads", name: "kafka-brokers", arg: "LIST",
			help: "brokers to begin with, HOST:PORT separated by commas; events go to Kafka. Without these and without " +
				"--webhook-url each event is a line on standard output",
			value: brokers(func(c *Config) *[]string { return &c.KafkaBrokers }),
		},
		{
			group: "Events of finished uploads", name: "kafka-topic", arg: "NAME", fallback: "statusNew",
			help:  "topic of the events; it is never made by Plateau",
			value: topic(func(c *Config) *string { return &c.KafkaTopic }),
		},
		{
			group: "Events of finished uploads", name: "kafka-balancer", arg: "hash|murmur2", fallback: "hash",
			help:  "how the upload's id chooses the partition: hash as Go's clients do, murmur2 as Java's do",
			value: oneOf(func(c *Config) *string { return &c.KafkaBalancer }, "hash", "murmur2"),
		},
		{
			group: "Events of finished uploads", name: "kafka-tls", arg: "true|false", fallback: "false",
			help:  "speak TLS to the brokers",
			value: boolean(func(c *Config) *bool { return &c.KafkaTLS }),
		},
		{
			group: "Events of finished uploads", name: "kafka-tls-ca", arg: "FILE",
			help:  "certificates in PEM that the brokers' are checked by, in place of the system's",
			value: text(func(c *Config) *string { return &c.KafkaTLSCA }, true),
		},
		{
			group: "Events of finished uploads", name: "kafka-sasl", arg: "MECHANISM", fallback: "none",
			help:  "how to log in at the brokers: none, plain, scram-sha-256 or scram-sha-512",
			value: oneOf(func(c *Config) *string { return &c.KafkaSASL }, "none", "plain", "scram-sha-256", "scram-sha-512"),
		},
		{
			group: "Events of finished uploads", name: "kafka-username", arg: "NAME",
			help:  "name for --kafka-sasl",
			value: printable(func(c *Config) *string { return &c.KafkaUsername }),
		},
		{
			group: "Events of finished uploads", name: "kafka-password", arg: "PASSWORD", secret: true,
			help:  "password for --kafka-sasl",
			value: printable(func(c *Config) *string { return &c.KafkaPassword }),
		},
		{
			group: "Events of finished uploads", name: "webhook-url", arg: "URL", secret: true,
			help:  "address that each event is posted to, as CloudEvents over HTTP; in place of Kafka",
			value: webAddress(func(c *Config) *string { return &c.WebhookURL }, "https://app.example/uploaded"),
		},
		{
			group: "Events of finished uploads", name: "webhook-secret", arg: "SECRET", secret: true,
			help:  "key of the HMAC-SHA256 in X-Signature, which tells the receiver that a post is ours",
			value: printable(func(c *Config) *string { return &c.WebhookSecret }),
		},
	}
}

// uriReference accepts what CloudEvents takes as a source: it may be relative.
func uriReference(field func(*Config) *string) value {
	return of(field, func(s string) (string, error) {
		_, err := url.Parse(s)
		if s == "" || err != nil || strings.ContainsFunc(s, func(r rune) bool {
			return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r)
		}) {
			return "", errors.New("a URI or the path of one, in ASCII without spaces, such as /plateau or https://uploads.example/eu")
		}
		return s, nil
	}, verbatim)
}

func brokers(field func(*Config) *[]string) value {
	v := of(field, func(s string) ([]string, error) {
		all := splitList(s)
		for _, entry := range all {
			host, port, err := net.SplitHostPort(entry)
			if err != nil || host == "" || !validName(host) || !validPort(port) || strings.Trim(port, "0") == "" {
				return nil, fmt.Errorf("brokers as host:port, such as kafka-1:9092,kafka-2:9092, but %q is none", entry)
			}
		}
		return all, nil
	}, func(all []string) string { return strings.Join(all, ",") })
	v.list = true
	return v
}

// topic follows Kafka's own rule.
func topic(field func(*Config) *string) value {
	legal := regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
	return of(field, func(s string) (string, error) {
		if !legal.MatchString(s) || s == "." || s == ".." {
			return "", errors.New("a topic's name (not . or ..): 1 to 249 letters, digits, dots, underscores and hyphens")
		}
		return s, nil
	}, verbatim)
}

// printable accepts what a person can type, and refuses what WriteYAML prints in place of a secret.
func printable(field func(*Config) *string) value {
	return of(field, func(s string) (string, error) {
		switch {
		case s != "" && !isPrintable(s):
			return "", errors.New("printable characters")
		case s == masked:
			return "", fmt.Errorf("the secret itself: %s is what plateau config prints in its place", masked)
		}
		return s, nil
	}, verbatim)
}

func isPrintable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == '\uFFFD' })
}

// eventContradictions reports settings of events that are right by themselves but not together.
func eventContradictions(c Config) []Mistake {
	var all []Mistake
	add := func(name, given, problem string) {
		all = append(all, Mistake{Setting: name, Given: given, Problem: problem})
	}
	if len(c.KafkaBrokers) > 0 && c.WebhookURL != "" {
		add("webhook-url", masked, "is given together with kafka-brokers; events go to one of them")
	}
	login := c.KafkaUsername != "" && c.KafkaPassword != ""
	if c.KafkaSASL != "none" && !login {
		add("kafka-sasl", c.KafkaSASL, "needs kafka-username and kafka-password (or kafka-password-file)")
	}
	if c.KafkaSASL == "none" && c.KafkaUsername != "" {
		add("kafka-username", c.KafkaUsername, "needs kafka-sasl too")
	}
	if c.KafkaSASL == "none" && c.KafkaPassword != "" {
		add("kafka-password", masked, "needs kafka-sasl too")
	}
	if c.KafkaTLSCA != "" && !c.KafkaTLS {
		add("kafka-tls-ca", c.KafkaTLSCA, "needs kafka-tls too")
	}
	if c.WebhookSecret != "" && c.WebhookURL == "" {
		add("webhook-secret", masked, "needs webhook-url too")
	}
	if len(c.KafkaBrokers) > 0 {
		return all
	}
	for _, s := range eventSettings() {
		given := s.value.show(c)
		if strings.HasPrefix(s.name, "kafka-") && s.name != "kafka-brokers" && given != s.fallback {
			add(s.name, s.shown(given), "needs kafka-brokers too")
		}
	}
	return all
}
