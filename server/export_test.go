package server

import (
	"net/http"
	"time"
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
