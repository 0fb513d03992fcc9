package server

import (
	"context"
	"log/slog"
	"path/filepath"
	"runtime"

	"plateau/server/flags"
)

// newFlags reads what may change while the server runs. What is configured is what
// holds where no flag says otherwise.
func (s *Server) newFlags() (*flags.Flags, error) {
	cfg := s.cfg
	pool := cfg.BufferPool
	if pool == 0 {
		pool = automaticPool(cfg.WriteBlock)
	}
	f, err := flags.New(flags.Options{
		Defaults: flags.Values{
			WriteBlock: cfg.WriteBlock, BufferPool: pool, MaxUploads: cfg.MaxUploads, Multipart: cfg.Multipart,
			MinRate: cfg.MinRate, LogLevel: cfg.LogLevel, Profiling: cfg.Profiling,
		},
		Bounds: map[string]flags.Bounds{
			"write-block": {Min: 64 << 10, Max: 64 << 20},
			"buffer-pool": {Min: 64 << 10, Max: mostBuffers},
		},
		File:      cfg.FlagsFile,
		Host:      cfg.GrowthBookHost,
		ClientKey: cfg.GrowthBookClientKey,
		LastGood:  filepath.Join(cfg.DataDir, "flags.json"),
		Poll:      cfg.GrowthBookPoll,
		Adjust:    s.fitBuffers,
		Changed:   s.changed,
		Observed:  s.looked,
		Log:       s.log,
	})
	if err != nil {
		return nil, &UsageError{err}
	}
	return f, nil
}

// mostBuffers is the largest pool that a flag may ask for, in bytes.
const mostBuffers = 4 << 30

// fitBuffers has a pool that nobody set follow the block, and a pool hold a block: with
// less, uploads would wait for each other.
func (s *Server) fitBuffers(v *flags.Values, given func(name string) bool) {
	if s.cfg.BufferPool == 0 && !given("buffer-pool") {
		v.BufferPool = min(automaticPool(v.WriteBlock), mostBuffers)
	}
	v.BufferPool = max(v.BufferPool, v.WriteBlock)
}

// automaticPool is the memory of two blocks for each processor, in bytes.
func automaticPool(block int64) int64 { return 2 * int64(runtime.GOMAXPROCS(0)) * block }

// startFlags begins to look for changes, until stopFlags.
func (s *Server) startFlags(ctx context.Context) {
	ctx, s.endFlags = context.WithCancel(context.WithoutCancel(ctx))
	s.flagging.Go(func() { s.flags.Run(ctx) })
}

// stopFlags ends that. It doesn't wait longer than groupWord for what hangs: a folder
// on a network that is away.
func (s *Server) stopFlags() error {
	if s.endFlags != nil {
		s.endFlags()
	}
	return awaitGroup(&s.flagging, "the flags were still being read")
}

// looked notes how a look at a source of flags has ended.
func (s *Server) looked(source string, err error) {
	up := 1.0
	if err != nil {
		up = 0
	}
	s.flagSources.WithLabelValues(source).Set(up)
	if source == "growthbook" {
		s.flagServerAway.Store(err != nil)
	}
}

// changed brings flags to where they are used. What runs goes on as it began. The
// others are asked for where they matter: forms, profiling.
func (s *Server) changed(v flags.Values) {
	s.bodies.max.Store(int64(v.MaxUploads))
	s.bodies.minRate.Store(v.MinRate)
	s.store.SetBuffers(int(v.WriteBlock), v.BufferPool)
	if s.insight != nil {
		s.insight.profilesChanged()
	}
	if s.level != nil {
		s.level.Set(v.LogLevel)
	}
}

// Reload reads the flags, the tokens and the TLS certificate again. It may be called at any
// time between Start and Stop; it is what SIGHUP is for. What can't be read stays as
// it was, and the log says so.
func (s *Server) Reload() {
	s.flags.Reload()
	s.auth.reload()
	if s.certificate == nil {
		return
	}
	if err := s.certificate.load(); err != nil {
		s.log.Error("the certificate could not be read again; the old one stays", "error", err)
		return
	}
	s.log.Info("the certificate was read again", slog.Time("valid_until", s.certificate.expires()))
}
