package server

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"plateau/hooks"
)

// eventMetrics count what happens to finished uploads and their events, and
// what the store does by itself.
type eventMetrics struct {
	events   *prometheus.CounterVec
	delivery prometheus.Histogram
	redriven *prometheus.CounterVec
	synced   *prometheus.CounterVec
	expired  prometheus.Counter
	reread   prometheus.Counter
	blocked  atomic.Bool // somebody has to put the sink right
}

func newEventMetrics() *eventMetrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &eventMetrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "plateau_events_total",
			Help: "Finished events: delivered, tries that have to be repeated, and buried as dead.",
		}, []string{"result"}),
		delivery: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "plateau_event_delivery_seconds",
			Help: "From the finish of an upload to the acknowledgement of its event; after a replay that may be long.",
			// From a broker next door to one that was away for a day.
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 600, 3600, 6 * 3600, 24 * 3600},
		}),
		redriven: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "plateau_finish_redriven_total",
			Help: "Uploads finished that an earlier request or process had left complete, by who found them.",
		}, []string{"by"}),
		synced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "plateau_finish_synced_total",
			Help: "Uploads brought to stable storage: by the journal, by a sync shared with others, or alone.",
		}, []string{"by"}),
		expired: counter("plateau_expired_bytes_total", "Bytes of uploads that the janitor removed."),
		reread:  counter("plateau_digest_reread_bytes_total", "Bytes that were read again for a digest."),
	}
	for _, result := range []string{"delivered", "retried", "dead"} {
		m.events.WithLabelValues(result)
	}
	for _, by := range []string{"request", "sweep"} {
		m.redriven.WithLabelValues(by)
	}
	for _, by := range []string{"journal", "shared", "alone"} {
		m.synced.WithLabelValues(by)
	}
	return m
}

// What the store tells.

func (m *eventMetrics) finishedAgain(by string) { m.redriven.WithLabelValues(by).Inc() }
func (m *eventMetrics) durable(by string)       { m.synced.WithLabelValues(by).Inc() }
func (m *eventMetrics) readAgain(bytes int64)   { m.reread.Add(float64(bytes)) }
func (m *eventMetrics) removed(bytes int64)     { m.expired.Add(float64(bytes)) }

// observer is what the relay tells.
func (m *eventMetrics) observer() hooks.RelayObserver {
	return hooks.RelayObserver{
		Delivered: func(age time.Duration) {
			m.events.WithLabelValues("delivered").Inc()
			m.delivery.Observe(max(age, 0).Seconds())
		},
		Retried:  func(n int) { m.events.WithLabelValues("retried").Add(float64(n)) },
		Dead:     func() { m.events.WithLabelValues("dead").Inc() },
		Operator: func(blocked bool) { m.blocked.Store(blocked) },
	}
}

// register adds all that concerns events to what /metrics shows.
func (e *events) register(r *prometheus.Registry, log *slog.Logger) {
	r.MustRegister(
		e.events, e.delivery, e.redriven, e.expired, e.reread,
		outboxGauges{e, log},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "plateau_outbox_blocked",
			Help: "1 while events wait for somebody to put something right where they go, else 0.",
		}, func() float64 {
			if e.blocked.Load() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "plateau_kafka_writers",
			Help: "Open Kafka writers of this process: 1, or 0 where events go elsewhere.",
		}, func() float64 {
			if e.kafka == nil {
				return 0
			}
			return float64(e.kafka.Writers())
		}),
	)
}

// outboxGauges show the outbox, at one look for all three. Where it can't be
// looked at, they are missing.
type outboxGauges struct {
	*events
	log *slog.Logger
}

// outboxDescs describe the gauges: pending, oldest age, dead.
func outboxDescs() [3]*prometheus.Desc {
	return [3]*prometheus.Desc{
		prometheus.NewDesc("plateau_outbox_pending", "Events that wait to be delivered.", nil, nil),
		prometheus.NewDesc("plateau_outbox_oldest_age_seconds", "Time since the finish of the oldest event that waits; 0 if none does.", nil, nil),
		prometheus.NewDesc("plateau_outbox_dead", "Events that can't be delivered: see plateau outbox ls.", nil, nil),
	}
}

// Describe is part of prometheus.Collector.
func (g outboxGauges) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range outboxDescs() {
		descs <- d
	}
}

// Collect is part of prometheus.Collector.
func (g outboxGauges) Collect(metrics chan<- prometheus.Metric) {
	stats, err := g.outbox.Stats()
	if err != nil {
		g.log.Warn("the outbox can't be looked at", "error", err)
		return
	}
	values := [3]float64{float64(stats.Pending), 0, float64(stats.Dead)}
	if !stats.Oldest.IsZero() {
		values[1] = max(time.Since(stats.Oldest).Seconds(), 0)
	}
	for i, d := range outboxDescs() {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, values[i])
	}
}
