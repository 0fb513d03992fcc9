package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/config"
	"plateau/store/disk"
	"plateau/store/memorylock"
)

const (
	headerTimeout = 10 * time.Second  // for a request's header to arrive
	keepAlive     = 120 * time.Second // for the next request on a connection
	maxHeader     = 64 << 10          // bytes
	adminAnswer   = 5 * time.Minute   // for an answer of the admin listener; the longest profile takes two
)

// Server is one Plateau. Make it by New; then Start once, Stop once.
type Server struct {
	cfg     config.Config
	log     *slog.Logger
	base    *url.URL // nil: addresses are paths
	cors    cors
	proxies proxies

	store     *disk.Store
	tusd      *tusd
	bodies    *bodies
	downloads downloads
	metrics   *metrics
	routes    http.Handler

	active activity
	ready  atomic.Bool

	public, admin httpServer
	failed        chan error
	stopOnce      sync.Once
	stopErr       error
}

// UsageError is a mistake of whoever starts the server.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

func (e *UsageError) Unwrap() error { return e.Err }

// ExitCode is the exit code of a process that ends by this error.
func (e *UsageError) ExitCode() int { return 2 }

// New opens the data folder and makes a server that is not serving yet. Stop
// lets go of the folder, whether or not Start was called. A folder that another
// server has is a *UsageError.
func New(cfg config.Config, log *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, &UsageError{err}
	}
	s := &Server{
		cfg:     cfg,
		log:     log,
		cors:    newCORS(cfg.CORSOrigins),
		proxies: cfg.TrustedProxies,
		bodies: &bodies{
			max:     cfg.MaxUploads,
			idle:    cfg.IdleTimeout,
			minRate: cfg.MinRate,
			grace:   rateGrace,
			running: make(map[*body]struct{}),
		},
		failed: make(chan error, 2),
	}
	var certificates []tls.Certificate
	if cfg.TLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
		if err != nil {
			return nil, &UsageError{fmt.Errorf("load --tls-cert and --tls-key: %w", err)}
		}
		certificates = append(certificates, certificate)
	}
	if cfg.BaseURL != "" {
		base, err := url.Parse(cfg.BaseURL)
		if err != nil {
			return nil, &UsageError{fmt.Errorf("read --base-url: %w", err)}
		}
		s.base = base
	}
	locker := memorylock.New()
	uploads, err := disk.Open(disk.Options{
		Dir:     cfg.DataDir,
		Locker:  locker,
		Finish:  s.finished,
		Durable: cfg.Durability == "finish",
		MaxSize: cfg.MaxSize,
		Log:     log,
	})
	if err != nil {
		if _, inUse := errors.AsType[*disk.InUseError](err); inUse {
			return nil, &UsageError{err}
		}
		return nil, err
	}
	s.store = uploads
	if s.tusd, err = newTusd(uploads, locker, cfg.MaxSize); err != nil {
		return nil, errors.Join(fmt.Errorf("set up tusd: %w", err), uploads.Close(context.Background()))
	}
	s.metrics = newMetrics(s.tusd, s.bodies.count)
	s.routes = s.newRoutes()
	s.public = httpServer{addr: cfg.Listen, Server: &http.Server{
		Handler:           http.HandlerFunc(s.edge),
		ConnContext:       withConn,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       keepAlive,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          connectionLog(log),
	}}
	if certificates != nil {
		s.public.TLSConfig = &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12}
	}
	s.admin = httpServer{addr: cfg.AdminListen, Server: &http.Server{
		Handler:           s.newAdmin(),
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      adminAnswer,
		IdleTimeout:       keepAlive,
		ErrorLog:          s.public.ErrorLog,
	}}
	return s, nil
}

// finished makes the finished event of an upload safe. It is the seam for the
// outbox: until there is one, the event is a line in the log.
func (s *Server) finished(_ context.Context, info handler.FileInfo) error {
	s.log.Info("upload finished", "upload", info.ID, "size", info.Size)
	return nil
}

// Start binds both listeners, so that a taken port is said at once, and serves
// in the background. After an error call Stop.
func (s *Server) Start(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // only Stop stops
	if err := s.public.listen(ctx); err != nil {
		return fmt.Errorf("listen for uploads: %w", err)
	}
	if s.admin.addr != "" {
		if err := s.admin.listen(ctx); err != nil {
			return fmt.Errorf("listen for the admin: %w", err)
		}
	}
	s.store.Start(ctx)
	s.admin.serve(s.failed)
	s.public.serve(s.failed)
	s.ready.Store(true)

	scheme := "http"
	if s.cfg.TLSCert != "" {
		scheme = "https"
	}
	s.log.Info("serving", "listen", s.Addr(), "url", scheme+"://"+s.Addr()+filesPath, "admin", s.AdminAddr())
	s.log.Info("storing", "data_dir", s.cfg.DataDir, "durability", s.cfg.Durability)
	s.log.Info("events: each finished upload is one line in this log")
	return nil
}

// Addr is the address that uploads are served at; empty before Start.
func (s *Server) Addr() string { return s.public.bound() }

// AdminAddr is the admin listener's address; empty before Start, or if it is off.
func (s *Server) AdminAddr() string { return s.admin.bound() }

// Done yields an error if a listener fails while the server serves.
func (s *Server) Done() <-chan error { return s.failed }

// Stop ends the server in order, until ctx ends: no new connections, running
// bodies are cut (what came is kept, the clients hear 503 and resume), running
// requests and finishes are waited for. Downloads are cut too; clients resume
// them by range. It may be called more than once. If requests don't end in time,
// the data folder stays locked until the process ends.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

func (s *Server) stop(ctx context.Context) error {
	s.ready.Store(false)
	var errs []error
	s.bodies.stop()
	s.downloads.stop()
	s.store.Interrupt()
	if err := s.public.stop(ctx, s.active.idle); err != nil {
		errs = append(errs, fmt.Errorf("stop serving uploads: %w", err))
	} else if err := s.store.Close(ctx); err != nil {
		errs = append(errs, fmt.Errorf("close the store: %w", err))
	}
	s.admin.close()
	return errors.Join(errs...)
}
