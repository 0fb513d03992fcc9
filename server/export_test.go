package server

import (
	"net/http"
	"net/netip"
	"time"

	"plateau/store"
)

// What tests outside the package may change, before Start.

// WrapRoutes puts a handler of the test around what the edge serves.
func (s *Server) WrapRoutes(wrap func(http.Handler) http.Handler) { s.routes = wrap(s.routes) }

// SetRateGrace changes how long a body may be slower than the least rate.
func (s *Server) SetRateGrace(grace time.Duration) { s.bodies.grace = grace }

// BeforeFinish has every finish call f before its event is made safe.
func (s *Server) BeforeFinish(f func()) { s.beforeFinish = f }

// Running is the number of requests that run.
func (s *Server) Running() int {
	s.active.mu.Lock()
	defer s.active.mu.Unlock()
	return s.active.n
}

// Bodies is the number of bodies that run.
func (s *Server) Bodies() int { return s.bodies.count() }

// Stopping reports whether Stop has cut the bodies.
func (s *Server) Stopping() bool {
	s.bodies.mu.Lock()
	defer s.bodies.mu.Unlock()
	return s.bodies.stopping
}

// KafkaWriters is the number of open Kafka writers.
func (s *Server) KafkaWriters() int {
	if s.events.kafka == nil {
		return 0
	}
	return s.events.kafka.Writers()
}

// Edge is what serves the public listener's requests, for requests that came on no
// connection.
func (s *Server) Edge() http.Handler {
	c := &conn{address: netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.edge(w, r.WithContext(withConn(r.Context(), c))) })
}

// Connections is how many connections of an address are counted.
func (s *Server) Connections(address string) int {
	return s.limiter.connections.Held(s.limiter.keys.Address(netip.MustParseAddr(address)))
}

// LimitedClients is how many clients hold any of their shares of requests and uploads.
func (s *Server) LimitedClients() int {
	n := 0
	if s.limiter.requests != nil {
		n += s.limiter.requests.Clients()
	}
	if s.limiter.uploads != nil {
		n += s.limiter.uploads.Clients()
	}
	return n
}

// CutBodies cuts all bodies that run, as Stop does.
func (s *Server) CutBodies() {
	s.bodies.mu.Lock()
	defer s.bodies.mu.Unlock()
	for in := range s.bodies.running {
		in.Cut(store.ShuttingDown())
	}
}

// SetTimeouts changes how long a connection may take for a header, and be idle.
func (s *Server) SetTimeouts(header, idle time.Duration) {
	s.public.ReadHeaderTimeout, s.public.IdleTimeout = header, idle
}

// SetHTTP2WriteTimeout changes how long an HTTP/2 client may take nothing.
func (s *Server) SetHTTP2WriteTimeout(d time.Duration) { s.public.HTTP2.WriteByteTimeout = d }

// Spans is how many spans the collector has taken, and how many were dropped.
func (s *Server) Spans() (sent, dropped int64) { return s.tracer.Sent(), s.tracer.Dropped() }

// OwnersByHeader believes a request's header of this name, which says whose it is.
func (s *Server) OwnersByHeader(name string) {
	s.WrapRoutes(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x := exchangeOf(r)
			x.client.owner = r.Header.Get(name)
			x.request.Owner = x.client.owner
			next.ServeHTTP(w, r)
		})
	})
}

// QuotasFilled reports whether what there was at the start is counted.
func (s *Server) QuotasFilled() bool { return s.quotas.filled.Load() }
