package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"plateau/config"
	"plateau/server/flags"
	"plateau/server/tracing"
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
	level   *slog.LevelVar // of log; may be nil
	base    *url.URL       // nil: addresses are paths
	cors    cors
	proxies proxies
	labels  routeLabels

	auth     *authentication
	quotas   *quotaLedger // nil: there are none
	store    *storage
	events   *events
	flags    *flags.Flags
	flagging sync.WaitGroup // runs flags
	endFlags context.CancelFunc

	flagSources    *prometheus.GaugeVec // 1 or 0 by source
	flagServerAway atomic.Bool
	insight        *insight
	tracer         *tracing.Tracer // nil: there are no spans
	tusd           *tusd
	bodies         *bodies
	limiter        *limiter
	downloads      downloads
	policing       *policing
	metrics        *metrics
	routes         http.Handler

	active       activity // requests of the public listener
	looking      activity // and of the admin listener
	ready        atomic.Bool
	beforeFinish func() // may be nil; for tests, which hold a finish back by it
	leaks        leaks  // none, but in a build that is to have some

	certificate   *certificate // nil without TLS
	public, admin httpServer
	failed        chan error
	stopOnce      sync.Once
	stopErr       error
}

// groupWord is how long what was told to end may take: on a busy machine a capture that
// has just begun takes more than a second.
const groupWord = 3 * time.Second

// awaitGroup waits for what was told to end, for groupWord at most.
func awaitGroup(running *sync.WaitGroup, late string) error {
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	timer := time.NewTimer(groupWord)
	defer timer.Stop()
	select {
	case <-ended:
		return nil
	case <-timer.C:
		return errors.New(late)
	}
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
func New(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, &UsageError{err}
	}
	cfg, log := o.Config, o.Log
	s := &Server{
		cfg:     cfg,
		log:     log,
		level:   o.Level,
		cors:    newCORS(cfg.CORSOrigins),
		proxies: cfg.TrustedProxies,
		labels:  newRouteLabels(),
		bodies: &bodies{
			idle:    cfg.IdleTimeout,
			grace:   rateGrace,
			proxies: cfg.TrustedProxies,
			running: make(map[*body]struct{}),
		},
		flagSources: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "plateau_flag_source_up",
			Help: "1 if the last look at a source of flags succeeded, else 0.",
		}, []string{"source"}),
		failed: make(chan error, 3), // one for each that can fail
	}
	if cfg.TLSCert != "" {
		s.certificate = &certificate{certFile: cfg.TLSCert, keyFile: cfg.TLSKey}
		if err := s.certificate.load(); err != nil {
			return nil, &UsageError{err}
		}
	}
	if cfg.BaseURL != "" {
		base, err := url.Parse(cfg.BaseURL)
		if err != nil {
			return nil, &UsageError{fmt.Errorf("read --base-url: %w", err)}
		}
		s.base = base
	}
	var err error
	if s.limiter, err = newLimiter(cfg, log); err != nil {
		return nil, err
	}
	if s.tracer, err = openTracer(o); err != nil {
		return nil, &UsageError{err}
	}
	if s.auth, err = newAuthentication(cfg, log); err != nil {
		return nil, err
	}
	if s.policing, err = newPolicing(cfg, log); err != nil {
		return nil, &UsageError{err}
	}
	s.quotas = newQuotas(cfg)
	locker := memorylock.New()
	counts := newEventMetrics()
	if s.store, err = s.openStorage(locker, counts); err != nil {
		return nil, err
	}
	if s.events, err = newEvents(cfg, log, o.Out, s.store.outbox, counts, deliveries(s.tracer, cfg)); err != nil {
		return nil, errors.Join(err, s.store.Close(context.Background()), s.store.closeRest())
	}
	if err := s.assemble(locker); err != nil {
		return nil, errors.Join(err, s.store.Close(context.Background()),
			s.events.stop(context.Background()), s.store.closeRest())
	}
	s.events.register(s.metrics.registry, log)
	s.routes = s.newRoutes()
	s.public = httpServer{addr: cfg.Listen, limiter: s.limiter, Server: &http.Server{
		Handler:           http.HandlerFunc(s.edge),
		ConnContext:       withConn,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       keepAlive,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             s.limiter.http2(),
		ErrorLog:          connectionLog(log),
	}}
	if s.certificate != nil {
		s.public.TLSConfig = s.certificate.config()
	}
	s.admin = httpServer{addr: cfg.AdminListen, Server: &http.Server{
		Handler:           s.newAdmin(o.Version),
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      adminAnswer,
		IdleTimeout:       keepAlive,
		ErrorLog:          s.public.ErrorLog,
	}}
	return s, nil
}

// assemble makes what needs the store and the events.
func (s *Server) assemble(locker *memorylock.Locker) (err error) {
	if s.tusd, err = newTusd(s, s.store.uploadStore, locker, s.cfg.MaxSize); err != nil {
		return fmt.Errorf("set up tusd: %w", err)
	}
	if s.flags, err = s.newFlags(); err != nil {
		return err
	}
	if s.insight, err = newInsight(s); err != nil {
		return err
	}
	s.metrics = newMetrics(s)
	return nil
}

// Start binds both listeners, so that a taken port is said at once, and serves
// in the background. After an error call Stop.
func (s *Server) Start(ctx context.Context) error {
	if s.store.begin != nil {
		if err := s.store.begin(ctx); err != nil {
			return err
		}
	}
	ctx = context.WithoutCancel(ctx) // only Stop stops
	if err := s.public.listen(ctx); err != nil {
		return fmt.Errorf("listen for uploads: %w", err)
	}
	if s.admin.addr != "" {
		if err := s.admin.listen(ctx); err != nil {
			return fmt.Errorf("listen for the admin: %w", err)
		}
	}
	s.auth.start(ctx)
	s.tracer.Start()
	s.store.Start(ctx)
	s.quotas.start(ctx, s.store.Occupants, s.log)
	s.events.start(ctx, s.failed)
	s.startFlags(ctx)
	s.insight.start(ctx)
	s.admin.serve(s.failed)
	s.public.serve(s.failed)
	s.ready.Store(true)

	s.leaks.warn(s.log)
	scheme := "http"
	if s.cfg.TLSCert != "" {
		scheme = "https"
	}
	s.log.Info("serving", "listen", s.Addr(), "url", scheme+"://"+s.Addr()+filesPath, "admin", s.AdminAddr())
	s.log.Info("storing", s.store.where...)
	s.log.Info("events: each finished upload is announced", s.events.where...)
	return nil
}

// Addr is the address that uploads are served at; empty before Start.
func (s *Server) Addr() string { return s.public.bound() }

// AdminAddr is the admin listener's address; empty before Start, or if it is off.
func (s *Server) AdminAddr() string { return s.admin.bound() }

// Done yields an error if a listener or the relay fails while the server serves.
func (s *Server) Done() <-chan error { return s.failed }

// Stop ends the server in order, until ctx ends: no new connections, running
// bodies are cut (what came is kept, the clients hear 503 and resume), running
// requests and finishes are waited for, then the relay is stopped and the way to
// Kafka closed; events that were not delivered wait for the next start.
// Downloads are cut too; clients resume them by range. It may be called more
// than once. If requests don't end in time, the data folder stays locked until
// the process ends, and what comes last has another second.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

func (s *Server) stop(ctx context.Context) error {
	s.ready.Store(false)
	var errs []error
	s.bodies.stop()
	s.downloads.stop()
	s.policing.close()
	s.store.Interrupt()
	stored := false // all that could add an event has ended
	err := s.public.stop(ctx, s.active.idle)
	s.quotas.stop()
	quiet := errors.Join(s.auth.stop(), s.stopFlags(), s.insight.stop()) // ends the pages of operators
	errs = append(errs, quiet)
	if err != nil {
		errs = append(errs, fmt.Errorf("stop serving uploads: %w", err))
	} else if err := s.store.Close(ctx); err != nil {
		errs = append(errs, fmt.Errorf("close the store: %w", err))
	} else {
		stored = true
	}
	err = s.events.stop(ctx)
	s.stopTracing(ctx)
	s.admin.close()
	s.awaitOperators()
	if err != nil {
		errs = append(errs, fmt.Errorf("stop sending events: %w", err))
	} else if stored && quiet == nil {
		if err := s.store.closeRest(); err != nil {
			errs = append(errs, fmt.Errorf("close the outbox: %w", err))
		}
	}
	return errors.Join(errs...)
}
