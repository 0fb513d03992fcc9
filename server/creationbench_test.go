package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plateau/config"
	"plateau/server"
)

// BenchmarkCreationWithUpload is an upload of 4 KiB in one request over loopback, without and with the shares of owners and of the
// disk, and with tokens and limits too: what these cost is the difference.
func BenchmarkCreationWithUpload(b *testing.B) {
	content := strings.Repeat("x", 4<<10)
	tokens := filepath.Join(b.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte(tokenLine("alice", "a-secret")+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	shares := func(c *config.Config) {
		c.MinFreeSpace, c.MaxParts = 1<<20, 100
		c.QuotaBytes, c.QuotaOpenBytes, c.QuotaUploads = 1<<50, 1<<50, 1<<30
	}
	for _, bench := range []struct {
		name   string
		change func(*config.Config)
	}{
		{"nothing", func(c *config.Config) { c.MinFreeSpace = 0 }},
		{"shares", shares},
		{"tokens, shares and limits", func(c *config.Config) {
			shares(c)
			c.Auth, c.AuthTokensFile = "token", tokens
			c.LimitAddressConnections, c.LimitOwnerUploads, c.LimitCreations, c.MaxUploads = 1000, 1000, 1_000_000, 1000
			c.MinRate = 1 << 10
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			cfg := config.Default()
			cfg.Listen, cfg.AdminListen, cfg.DataDir, cfg.Durability = "127.0.0.1:0", "", b.TempDir(), "none"
			bench.change(&cfg)
			s, err := server.New(server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Stop(context.WithoutCancel(b.Context())) }()
			if err := s.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			files := "http://" + s.Addr() + "/files/"
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
			defer client.CloseIdleConnections()
			b.ReportAllocs()
			before := processorTime(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, files, strings.NewReader(content))
					if err != nil {
						b.Error(err)
						return
					}
					r.Header.Set("Tus-Resumable", "1.0.0")
					r.Header.Set("Content-Type", "application/offset+octet-stream")
					r.Header.Set("Upload-Length", fmt.Sprint(len(content)))
					r.Header.Set("Authorization", "Bearer a-secret") // passed over without --auth
					answer, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusCreated {
						b.Errorf("heard %d, error %v", answer.StatusCode, err)
						return
					}
				}
			})
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}
