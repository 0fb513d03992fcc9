package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"plateau/config"
	"plateau/server"
)

// serve runs the server until a signal arrives (which ends ctx) or one of its listeners fails.
func serve(ctx context.Context, p process) int {
	l, code, done := load(p, "serve")
	if done {
		return code
	}
	log := newLogger(l.Config, p.stderr)
	for _, warning := range l.Warnings {
		log.Warn(warning)
	}
	err := runServer(ctx, l.Config, log)
	if err != nil {
		log.Error("plateau failed", "error", err)
	}
	return exitCode(err)
}

// runServer returns nil after a graceful stop that ctx asked for.
func runServer(ctx context.Context, cfg config.Config, log *slog.Logger) (err error) {
	s, err := server.New(cfg, log)
	if err != nil {
		return fmt.Errorf("prepare the server: %w", err)
	}
	defer func() {
		if stopErr := stop(s, cfg); err == nil {
			err = stopErr
		} else if stopErr != nil {
			log.Warn("stop failed too", "error", stopErr)
		}
	}()
	if err := s.Start(ctx); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	select {
	case err := <-s.Done():
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		log.Info("stopping", "cause", context.Cause(ctx))
		return nil
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

func newLogger(cfg config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
