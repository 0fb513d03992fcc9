package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"plateau/config"
	"plateau/hooks"
)

// lastWord is how long the sink may take to close, however late it is; longWord,
// where the shutdown has no limit.
const (
	lastWord = time.Second
	longWord = 30 * time.Second
)

// events is what lies behind the finish: the outbox that events are safe in (the
// storage's), the relay that takes them on, and the sink that it hands them to.
type events struct {
	outbox eventOutbox
	relay  *hooks.Relay
	sink   hooks.Sink
	kafka  *hooks.Kafka // the sink, or nil if it is another one
	where  []any        // for the log: where events go
	*eventMetrics

	stopRelay context.CancelFunc // nil before start
	relaying  sync.WaitGroup
	relayErr  error // of its end; read it after relaying
}

// newEvents makes what lies behind an outbox. What the sink writes to standard
// output goes to out. tried is told of each try to deliver an event; it may be nil.
func newEvents(cfg config.Config, log *slog.Logger, out io.Writer, outbox eventOutbox, m *eventMetrics, tried func(hooks.Try)) (*events, error) {
	e := &events{eventMetrics: m, outbox: outbox}
	if err := e.openSink(cfg, log, out); err != nil {
		return nil, &UsageError{err}
	}
	observer := m.observer()
	observer.Tried = tried
	var err error
	e.relay, err = hooks.NewRelay(hooks.RelayOptions{
		Outbox:   outbox,
		Sink:     e.sink,
		Source:   cfg.EventSource,
		Observer: observer,
		Log:      log,
	})
	if err != nil {
		return nil, errors.Join(err, e.sink.Close(context.Background()))
	}
	return e, nil
}

// openSink makes the one sink. It connects to nobody yet, so that a server
// starts while Kafka is away.
func (e *events) openSink(cfg config.Config, log *slog.Logger, out io.Writer) (err error) {
	switch {
	case len(cfg.KafkaBrokers) > 0:
		var over *tls.Config
		if cfg.KafkaTLS {
			if over, err = kafkaTLS(cfg.KafkaTLSCA); err != nil {
				return err
			}
		}
		e.kafka, err = hooks.NewKafka(hooks.KafkaOptions{
			Brokers:  cfg.KafkaBrokers,
			Topic:    cfg.KafkaTopic,
			Balancer: cfg.KafkaBalancer,
			TLS:      over,
			SASL:     cfg.KafkaSASL,
			Username: cfg.KafkaUsername,
			Password: cfg.KafkaPassword,
			Log:      log,
		})
		e.sink = e.kafka
		e.where = []any{"to", "kafka", "brokers", strings.Join(cfg.KafkaBrokers, ","), "topic", cfg.KafkaTopic}
	case cfg.WebhookURL != "":
		e.sink, err = hooks.NewWebhook(hooks.WebhookOptions{URL: cfg.WebhookURL, Secret: cfg.WebhookSecret})
		if u, parsed := url.Parse(cfg.WebhookURL); parsed == nil {
			e.where = []any{"to", "webhook", "host", u.Host} // path and query may be secrets
		}
	default:
		e.sink = hooks.NewLog(out)
		e.where = []any{"to", "standard output"}
	}
	if err != nil {
		return fmt.Errorf("set up where events go: %w", err)
	}
	return nil
}

// kafkaTLS checks brokers by the certificates of a file, or by the system's.
func kafkaTLS(ca string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return c, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("read --kafka-tls-ca: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read --kafka-tls-ca: %s has no certificate in PEM", ca)
	}
	return c, nil
}

// start begins to send what waits, in the background, and says on failed if
// that can't go on.
func (e *events) start(ctx context.Context, failed chan<- error) {
	ctx, e.stopRelay = context.WithCancel(context.WithoutCancel(ctx))
	e.relaying.Go(func() {
		e.relayErr = e.relay.Run(ctx)
		if e.relayErr != nil && ctx.Err() == nil {
			failed <- fmt.Errorf("send events: %w", e.relayErr)
		}
	})
}

// stop ends the relay and waits for it, then closes the sink. What was not
// sent waits in the outbox. It returns when ctx ends, or lastWord from now if
// that is later, even if something hangs, and after longWord if ctx doesn't end.
func (e *events) stop(ctx context.Context) error {
	ctx, cancel := atLeast(ctx, lastWord)
	defer cancel()
	var errs []error
	if e.stopRelay != nil {
		e.stopRelay()
		stopped := make(chan struct{})
		go func() { e.relaying.Wait(); close(stopped) }()
		select {
		case <-stopped:
			errs = append(errs, e.relayErr)
		case <-ctx.Done():
			errs = append(errs, fmt.Errorf("the relay was still sending: %w", ctx.Err()))
		}
	}
	if err := e.sink.Close(ctx); err != nil {
		errs = append(errs, fmt.Errorf("close the way to where events go: %w", err))
	}
	return errors.Join(errs...)
}

// atLeast returns ctx, or where that ends before then, a context that ends
// after that time; without a deadline, one that has longWord.
func atLeast(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	switch {
	case ctx.Err() == nil && !limited:
		return context.WithTimeout(ctx, longWord)
	case ctx.Err() == nil && time.Until(deadline) > d:
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), d)
}

// tooLate is the age at which an event that waits is worth a word.
const tooLate = time.Minute

// troubles are lines about what keeps events from arriving, for /readyz; empty
// if nothing does.
func (e *events) troubles() string {
	var b strings.Builder
	if e.blocked.Load() {
		b.WriteString("the outbox: events wait for an operator, see the log\n")
	}
	stats, err := e.outbox.Stats()
	if err != nil {
		return b.String() + "the outbox: it can't be looked at\n"
	}
	if !stats.Oldest.IsZero() && time.Since(stats.Oldest) > tooLate {
		fmt.Fprintf(&b, "the outbox: %d events wait, the oldest for %s\n", stats.Pending, time.Since(stats.Oldest).Round(time.Second))
	}
	if stats.Dead > 0 {
		fmt.Fprintf(&b, "the outbox: %d events can't be delivered, see plateau outbox ls\n", stats.Dead)
	}
	return b.String()
}
