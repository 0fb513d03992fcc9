package server_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"plateau/config"
	"plateau/server"
)

func TestTwoServersInOneProcess(t *testing.T) {
	one, two := run(t), run(t)
	location := one.upload("one", "Upload-Length: 3")
	if a := two.do("HEAD", location, ""); a.status != 404 {
		t.Errorf("the other server knows it: %v", a)
	}
	one.stop()
	if a := two.do("GET", "/readyz", ""); a.status != 200 {
		t.Errorf("the other server: %v", a)
	}
}

func TestStartAgainOnOneFolder(t *testing.T) {
	p := run(t)
	location := p.upload("12345", "Upload-Length: 10")
	for range 3 {
		p.stop()
		p = p.again()
		if got := p.offset(location); got != "5" {
			t.Fatalf("offset %s", got)
		}
	}
	if a := p.patch(location, 5, "67890"); a.status != 204 {
		t.Error(a)
	}
}

func TestTakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, which := range []string{"public", "admin"} {
		t.Run(which, func(t *testing.T) {
			cfg := settings(t)
			if which == "public" {
				cfg.Listen = taken.Addr().String()
			} else {
				cfg.AdminListen = taken.Addr().String()
			}
			p := prepare(t, cfg)
			err := p.Start(t.Context())
			if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
				t.Errorf("start: %v", err)
			}
			if coded, ok := errors.AsType[interface {
				error
				ExitCode() int
			}](err); ok {
				t.Errorf("exit code %d, want the ordinary one", coded.ExitCode())
			}
			public := p.Addr()
			p.stop()
			if public != "" && which == "admin" {
				if c, err := net.Dial("tcp", public); err == nil {
					_ = c.Close()
					t.Error("the public listener is still open")
				}
			}
			if files := p.folder(); len(files) > 0 {
				t.Errorf("left over: %v", files)
			}
			p.again() // the folder is free
		})
	}
}

func TestStopTwiceAndWithoutStart(t *testing.T) {
	p := run(t)
	p.stop()
	p.stop()
	p.again().stop()

	p = prepare(t, settings(t))
	p.stop()
	if p.Addr() != "" || p.AdminAddr() != "" {
		t.Error("an address without Start")
	}
	p.again()
}

func TestFolderInUse(t *testing.T) {
	p := run(t)
	cfg := settings(t)
	cfg.DataDir = p.dir
	_, err := server.New(server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
	usage, ok := errors.AsType[*server.UsageError](err)
	if !ok || usage.ExitCode() != 2 {
		t.Fatalf("%T %v", err, err)
	}
	host, _ := os.Hostname()
	if !strings.Contains(err.Error(), p.dir) || !strings.Contains(err.Error(), host) {
		t.Errorf("the error names neither the folder nor the first server: %v", err)
	}
	if a := p.do("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("the first server: %v", a)
	}
}

func TestStopWithSilentConnections(t *testing.T) {
	p := run(t)
	for range 10 {
		p.dial()
	}
	p.accepted()
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Stop took %s", took)
	}
}

// Stop gives up when its context ends, and says so.
func TestStopInVain(t *testing.T) {
	p := prepare(t, settings(t))
	block, blocked := make(chan struct{}), make(chan struct{})
	p.WrapRoutes(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(blocked); <-block })
	})
	p.start()
	p.dial().begin("GET", "/healthz")
	await(t, "blocked", blocked)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := p.Stop(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "still running") {
		t.Errorf("stop: %v", err)
	}
	close(block)
	until(t, "the request has ended", func() bool { return p.Running() == 0 })
	if again := p.Stop(t.Context()); again == nil || again.Error() != err.Error() {
		t.Errorf("the second Stop says %v", again)
	}
	p.Server = prepare(t, settings(t)).Server // so that the clean-up stops without an error
}

// accepted waits until the server has accepted all connections made so far: it
// has once a later one has been answered.
func (p *plateau) accepted() {
	w := p.dial()
	w.begin("GET", "/healthz", "Connection: close")
	w.mustHear("GET")
}

// startError is why a server with these settings can't be made.
func startError(cfg config.Config) error {
	_, err := server.New(server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
	return err
}
