package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/tus/tusd/v2/pkg/prometheuscollector"
)

// metrics are what /metrics shows: tusd's own under their names, the process's
// and Go's from the client library, and ours. Every label has few values.
type metrics struct {
	registry *prometheus.Registry
	duration *prometheus.HistogramVec
	errors   *prometheus.CounterVec
}

func newMetrics(t *tusd, inFlight func() int) *metrics {
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
		}, func() float64 { return float64(inFlight()) }),
		prometheuscollector.New(t.Metrics),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
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
	code := x.response.code
	if code == "" {
		code, _ = x.request.Failure() // HEAD has no body to tell it
	}
	if code == "" {
		code = "none"
	}
	m.errors.WithLabelValues(code).Inc()
}

// methodLabel keeps a client from making up label values.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
