package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"plateau/config"
	"plateau/server"
)

// BenchmarkLimits is 4 KiB by creation-with-upload, on one connection, without limits and with all of them, directly and by a
// proxy. cpu-us/op is the processor time of server and client together, which other work on the machine changes less than ns/op.
func BenchmarkLimits(b *testing.B) {
	limited := func(c *config.Config) {
		c.LimitAddressConnections, c.LimitOwnerUploads, c.LimitCreations = 1000, 1000, 1_000_000
	}
	for _, c := range []struct {
		name, header string
		change       func(*config.Config)
	}{
		{"none", "", func(*config.Config) {}},
		{"all", "", limited},
		{"none-forwarded", "X-Forwarded-For: 192.0.2.1\r\n", behindProxy},
		{"all-forwarded", "X-Forwarded-For: 192.0.2.1\r\n", func(c *config.Config) { behindProxy(c); limited(c) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			cfg := config.Default()
			cfg.Listen, cfg.AdminListen, cfg.DataDir, cfg.Durability = "127.0.0.1:0", "", b.TempDir(), "none"
			c.change(&cfg)
			s, err := server.New(server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Stop(context.Background()) }()
			if err := s.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			conn, err := net.Dial("tcp", s.Addr())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			request := fmt.Sprintf("POST /files/ HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 4096\r\n%s"+
				"Content-Type: application/offset+octet-stream\r\nContent-Length: 4096\r\n\r\n%s", c.header, strings.Repeat("x", 4096))
			in := bufio.NewReader(conn)
			before := processorTime(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.WriteString(conn, request); err != nil {
					b.Fatal(err)
				}
				a, err := http.ReadResponse(in, nil)
				if err != nil || a.StatusCode != http.StatusCreated {
					b.Fatalf("%v %v", a, err)
				}
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
		})
	}
}
