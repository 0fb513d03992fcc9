package server

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/tus/tusd/v2/pkg/prometheuscollector"

	"plateau/profiling"
	"plateau/server/flags"
)

// metrics are what /metrics shows: tusd's own under their names, the process's
// and Go's from the client library, and ours. Every label has few values.
type metrics struct {
	registry *prometheus.Registry
	duration *prometheus.HistogramVec
	errors   *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "plateau_http_request_duration_seconds",
			Help: "How long requests on the public listener took, from their header to their answer.",
			// From a small upload on a fast disk to a large one on a slow line.
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600, 3600},
		}, []string{"method", "code"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "plateau_errors_total",
			Help: "Error answers, by their code.",
		}, []string{"code"}),
	}
	m.registry.MustRegister(
		m.duration,
		m.errors,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "plateau_uploads_in_flight",
			Help: "Requests that are sending bytes of an upload now.",
		}, func() float64 { return float64(s.bodies.count()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "plateau_received_bytes_total",
			Help: "Bytes of request bodies that were read, whatever became of them.",
		}, func() float64 { return float64(s.bodies.total.Load()) }),
		flagGauge{s.flags},
		s.flagSources,
		s.policing.seconds,
		s.insight.captured,
		watchdogGauge{s.insight},
		prometheuscollector.New(s.tusd.Metrics),
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.GoRuntimeMetricsRule{Matcher: liveHeap()})),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.registry.MustRegister(s.store.collectors...)
	m.registry.MustRegister(s.limiter.collectors()...)
	m.registry.MustRegister(spanCounters(s.tracer)...)
	m.registry.MustRegister(quotaGauges(s.quotas)...)
	return m
}

// observe counts an exchange that has ended.
func (m *metrics) observe(x *exchange) {
	status := "closed" // without an answer
	if x.response.status != 0 {
		status = strconv.Itoa(x.response.status)
	}
	m.duration.WithLabelValues(methodLabel(x.request.Method), status).Observe(time.Since(x.start).Seconds())
	if x.response.status < 400 {
		return
	}
	m.errors.WithLabelValues(x.failureCode()).Inc()
}

// failureCode is the code of an error answer, "none" if it has none; else it is empty.
func (x *exchange) failureCode() string {
	if x.response.status < 400 {
		return ""
	}
	if x.response.code != "" {
		return x.response.code
	}
	if code, _ := x.request.Failure(); code != "" { // HEAD has no body to tell it
		return code
	}
	return "none"
}

// methodLabel keeps a client from making up label values.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// flagGauge shows what may change while the server runs.
type flagGauge struct{ flags *flags.Flags }

func (flagGauge) desc() *prometheus.Desc {
	return prometheus.NewDesc("plateau_flag_value", "Settings that may change while the server runs; true is 1, a level is that of slog.",
		[]string{"name"}, nil)
}

// Describe is part of prometheus.Collector.
func (g flagGauge) Describe(descs chan<- *prometheus.Desc) { descs <- g.desc() }

// Collect is part of prometheus.Collector.
func (g flagGauge) Collect(metrics chan<- prometheus.Metric) {
	g.flags.Each(func(name string, value float64) {
		metrics <- prometheus.MustNewConstMetric(g.desc(), prometheus.GaugeValue, value, name)
	})
}

// liveHeap is what the last garbage collection found in use, which says more than
// what is allocated: that rises and falls with each collection.
func liveHeap() *regexp.Regexp { return regexp.MustCompile(`^/gc/heap/live:bytes$`) }

// watchdogGauge shows what the watchdog sees too much of.
type watchdogGauge struct{ *insight }

func (watchdogGauge) desc() *prometheus.Desc {
	return prometheus.NewDesc("plateau_watchdog_alarm", "1 while the watchdog sees too much of it, else 0.", []string{"cause"}, nil)
}

// Describe is part of prometheus.Collector.
func (g watchdogGauge) Describe(descs chan<- *prometheus.Desc) { descs <- g.desc() }

// Collect is part of prometheus.Collector.
func (g watchdogGauge) Collect(metrics chan<- prometheus.Metric) {
	alarms := g.watchdog.State().Alarms
	for _, cause := range profiling.WatchdogCauses() {
		value := 0.0
		if slices.Contains(alarms, cause) {
			value = 1
		}
		metrics <- prometheus.MustNewConstMetric(g.desc(), prometheus.GaugeValue, value, cause)
	}
}
