package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"plateau/config"
	"plateau/server"
	"plateau/server/tracing/tracingtest"
)

// What spans cost: a creation with an upload of 4 KiB, which makes four of them. The
// processor time is that of all, client and collector too.
func BenchmarkSpans(b *testing.B) {
	c := tracingtest.New()
	defer c.Close()
	c.Answer(http.StatusOK) // without a look at them
	for _, bench := range []struct {
		name     string
		endpoint string
		ratio    float64
	}{{"off", "", 1}, {"unsampled", c.URL, 0}, {"on", c.URL, 1}} {
		b.Run(bench.name, func(b *testing.B) {
			cfg := config.Default()
			cfg.Listen, cfg.AdminListen, cfg.DataDir, cfg.Durability = "127.0.0.1:0", "", b.TempDir(), "none"
			cfg.OTelEndpoint, cfg.OTelSampleRatio = bench.endpoint, bench.ratio
			benchmarkUploads(b, cfg)
		})
	}
}

// benchmarkUploads makes uploads of 4 KiB, one request each.
func benchmarkUploads(b *testing.B, cfg config.Config) {
	s, err := server.New(server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Stop(context.Background()) }()
	if err := s.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	data := strings.Repeat("x", 4096)
	b.ReportAllocs()
	before := processorMicros(b)
	for b.Loop() {
		r, err := http.NewRequest("POST", "http://"+s.Addr()+"/files/", strings.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		r.Header = http.Header{"Tus-Resumable": {"1.0.0"}, "Upload-Length": {"4096"}, "Content-Type": {"application/offset+octet-stream"}}
		a, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != http.StatusCreated {
			b.Fatal(a.Status)
		}
	}
	b.ReportMetric((processorMicros(b)-before)/float64(b.N), "cpu-µs/op")
}

// processorMicros is what the process has used, in microseconds.
func processorMicros(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec)*1e6 + float64(u.Utime.Usec+u.Stime.Usec)
}
