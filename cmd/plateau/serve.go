package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"plateau/config"
	"plateau/server"
)

// serve runs the server until a signal arrives (which ends ctx) or one of its listeners fails.
func serve(ctx context.Context, p process) int {
	l, code, done := load(p, "serve")
	if done {
		return code
	}
	level := new(slog.LevelVar)
	level.Set(l.Config.LogLevel)
	log := newLogger(l.Config, level, p.stderr)
	for _, warning := range l.Warnings {
		log.Warn(warning)
	}
	// A reader of the events or of the log that goes away is an error of a write, and no reason to die.
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	server.LimitMemory(log)
	err := runServer(ctx, server.Options{Config: l.Config, Log: log, Level: level, Out: p.stdout, Version: versionOf()})
	if err != nil {
		log.Error("plateau failed", "error", err)
	}
	return exitCode(err)
}

// runServer returns nil after a graceful stop that ctx asked for. Each SIGHUP has it read again what may change.
func runServer(ctx context.Context, o server.Options) (err error) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	s, err := server.New(o)
	if err != nil {
		return fmt.Errorf("prepare the server: %w", err)
	}
	defer func() {
		if stopErr := stop(s, o.Config); err == nil {
			err = stopErr
		} else if stopErr != nil {
			o.Log.Warn("stop failed too", "error", stopErr)
		}
	}()
	if err := s.Start(ctx); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	for {
		select {
		case err := <-s.Done():
			return fmt.Errorf("serve: %w", err)
		case <-hangups:
			s.Reload()
		case <-ctx.Done():
			o.Log.Info("stopping", "cause", context.Cause(ctx))
			return nil
		}
	}
}

// stop gives a graceful stop the time that it may take. Its context cannot be that of the signal, which has ended.
func stop(s *server.Server, cfg config.Config) error {
	ctx := context.Background()
	if cfg.ShutdownTimeout > 0 {
		limited, cancel := context.WithTimeout(ctx, cfg.ShutdownTimeout)
		defer cancel()
		ctx = limited
	}
	if err := s.Stop(ctx); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	return nil
}

func newLogger(cfg config.Config, level slog.Leveler, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
