package server

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"plateau/config"
	"plateau/server/limits"
)

// mostStreams is how many requests an HTTP/2 connection may carry at once: the least that RFC 9113 (6.5.2) recommends, and
// five times what Uppy sends. Each costs as much as one on a connection of its own; net/http would let 250 in.
const mostStreams = 100

// limiter holds each client to what it may do at once and how fast. What isn't limited is nil.
//
// Connections are counted where they are accepted. Those of trusted proxies are not: in their place the requests that they forward
// are, by the client's address. So are the requests of HTTP/2, since one connection carries many.
type limiter struct {
	proxies     proxies
	addresses   bool // of clients are asked for, here or by the policy
	keys        limits.Keys
	most        int // connections of an address, all of whose requests are served
	connections *limits.Concurrency
	requests    *limits.Concurrency
	uploads     *limits.Places
	creations   *limits.Rate

	unnamed atomic.Uint64 // uploads that were begun, each with another number
	dropped prometheus.Counter
	log     *slog.Logger
	notices struct{ connections, uploads, creations notice }
}

func newLimiter(cfg config.Config, log *slog.Logger) (*limiter, error) {
	l := &limiter{proxies: cfg.TrustedProxies, keys: limits.NewKeys(), most: cfg.LimitAddressConnections, log: log}
	l.dropped = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "plateau_connections_dropped_total",
		Help: "Connections that were closed when they came, since their address had twice as many as it may.",
	})
	l.addresses = cfg.LimitAddressConnections > 0 || cfg.LimitOwnerUploads > 0 || cfg.LimitCreations > 0 || cfg.PolicyURL != ""
	if n := cfg.LimitAddressConnections; n > 0 {
		l.connections, l.requests = limits.NewConcurrency(2*n), limits.NewConcurrency(n)
	}
	if n := cfg.LimitOwnerUploads; n > 0 {
		l.uploads = limits.NewPlaces(n)
	}
	if n := cfg.LimitCreations; n > 0 {
		var err error
		if l.creations, err = limits.NewRate(limits.RateOptions{PerSecond: n, Debt: formParts}, time.Now()); err != nil {
			return nil, &UsageError{fmt.Errorf("--limit-creations: %w", err)}
		}
	}
	return l, nil
}

// http2 is for the public listener. A client that is alone at its address waits for its own requests rather than be
// refused one; a proxy has those of many.
func (l *limiter) http2() *http.HTTP2Config {
	streams := mostStreams
	if l.most > 0 && len(l.proxies) == 0 {
		streams = min(streams, l.most)
	}
	return &http.HTTP2Config{
		MaxConcurrentStreams: streams,
		// A client that takes nothing for so long is left. Without it net/http would wait for ever to say goodbye to one.
		WriteByteTimeout: downloadTime,
	}
}

// accept counts a connection, or says that it is to be closed without a word.
func (l *limiter) accept(c *conn) bool {
	if peer, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		c.address = peer.AddrPort().Addr().Unmap()
	}
	c.forwards = l.proxies.trusts(c.address)
	if l.connections == nil || c.forwards {
		return true
	}
	key := l.keys.Address(c.address)
	held, ok := l.connections.Acquire(key)
	if !ok {
		l.dropped.Inc()
		l.notices.connections.refused(l.log, "limit-address-connections", c.address, "")
		return false
	}
	c.beyond.Store(held > l.most)
	c.release = func() { l.connections.Release(key) }
	return true
}

// enter counts a request where requests are counted. Its error is the answer to one too many. leave has to follow.
func (l *limiter) enter(x *exchange, r *http.Request) error {
	if !l.addresses {
		return nil
	}
	c := connOf(r)
	x.address = c.address
	if c.forwards {
		x.address = l.proxies.addressOf(r)
	}
	if l.connections == nil {
		return nil
	}
	key := l.keys.Address(x.address)
	if c.beyond.Load() {
		if l.connections.Held(key) > l.most {
			x.response.Header().Set("Connection", "close")
			return l.refuse(x, &l.notices.connections, "limit-address-connections", tooManyConnections())
		}
		c.beyond.Store(false) // others have left
	}
	if !c.forwards && r.ProtoMajor == 1 {
		return nil
	}
	if _, ok := l.requests.Acquire(key); !ok {
		return l.refuse(x, &l.notices.connections, "limit-address-connections", tooManyConnections())
	}
	x.held.request = key
	return nil
}

// upload counts a request that sends bytes of an upload. One that goes on with an upload in the place of a request that was
// lost on its way is no further one: else a client whose network has changed would wait until the server has noticed.
func (l *limiter) upload(x *exchange) error {
	method := x.request.Method
	if l.uploads == nil || x.response.body == nil || method != http.MethodPost && method != http.MethodPatch {
		return nil
	}
	client, name := l.client(x), limits.Key(l.unnamed.Add(1))
	if x.response.id != "" {
		name = l.keys.Name(x.response.id)
	}
	if !l.uploads.Acquire(client, name) {
		return l.refuse(x, &l.notices.uploads, "limit-owner-uploads", tooManyUploads())
	}
	x.held.client, x.held.upload = client, name
	return nil
}

// create counts a new upload. The files of a form after its first are lent to it: a form can't be sent in part.
func (l *limiter) create(x *exchange) error {
	if l.creations == nil {
		return nil
	}
	begin := l.creations.Take
	if x.held.created {
		begin = l.creations.Overdraw
	}
	if wait := begin(l.client(x), time.Now()); wait > 0 {
		return l.refuse(x, &l.notices.creations, "limit-creations", tooManyCreations(wait))
	}
	x.held.created = true
	return nil
}

// leave lets go of what a request holds.
func (l *limiter) leave(x *exchange) {
	if x.held.request != 0 {
		l.requests.Release(x.held.request)
	}
	if x.held.upload != 0 {
		l.uploads.Release(x.held.client, x.held.upload)
	}
	x.held = held{}
}

// client is who has a share: an owner, or else an address.
func (l *limiter) client(x *exchange) limits.Key {
	if x.client.owner != "" {
		return l.keys.Name(x.client.owner)
	}
	return l.keys.Address(x.address)
}

func (l *limiter) refuse(x *exchange, n *notice, limit string, answer error) error {
	x.refused = true
	n.refused(l.log, limit, x.address, x.client.owner)
	return answer
}

// creationRate says whether the owner, or else the address, may create an upload now.
func (s *Server) creationRate(x *exchange) error { return s.limiter.create(x) }

// held is what a request holds of its client's share.
type held struct {
	request        limits.Key // of limiter.requests; 0: nothing
	client, upload limits.Key // of limiter.uploads; 0: nothing
	created        bool       // an upload
}

// collectors are the limiter's metrics. Refusals that were answered are in plateau_errors_total, by their code.
func (l *limiter) collectors() []prometheus.Collector {
	clients := func(what string, count func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "plateau_limited_clients", Help: "Clients that hold something now of which each may have a share.",
			ConstLabels: prometheus.Labels{"holding": what},
		}, func() float64 { return float64(count()) })
	}
	all := []prometheus.Collector{l.dropped}
	if l.connections != nil {
		all = append(all, clients("connections", l.connections.Clients), clients("requests", l.requests.Clients))
	}
	if l.uploads != nil {
		all = append(all, clients("uploads", l.uploads.Clients))
	}
	return all
}
