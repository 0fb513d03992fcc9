package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is a TCP connection that can be read without waiting: while polling is
// on, Read returns 0, nil where it would wait. net/http passes that on to
// whoever reads the body. So a store can tell bytes that are here from bytes
// that are to come, and hold memory only for the former, without asking the
// kernel twice.
//
// Not every body may be polled, see pollable.
type conn struct {
	*net.TCPConn
	raw     syscall.RawConn
	polling atomic.Bool
	unread  atomic.Bool  // an answer was given before the client has sent all
	hurry   *atomic.Bool // of the listener: Close doesn't linger any more

	// Set by limiter.accept, before anybody reads.
	address  netip.Addr
	forwards bool        // it is a trusted proxy's
	beyond   atomic.Bool // its address had more than it may when it came
	release  func()      // of its address's share, called once; may be nil
	closed   atomic.Bool

	// Of the Read that polls now; net/http has one reader at a time.
	into []byte
	n    int
	err  error
	try  func(fd uintptr) bool // tryRead, bound once
}

func newConn(tcp *net.TCPConn, hurry *atomic.Bool) (*conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{TCPConn: tcp, raw: raw, hurry: hurry}
	c.try = c.tryRead
	return c, nil
}

// Read reads as net.Conn does. A read of one byte always waits: it is
// net/http's own, which watches for the client's leaving after the body.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) < 2 || !c.polling.Load() {
		return c.TCPConn.Read(p)
	}
	c.into, c.n, c.err = p, 0, nil // past the deadline, try isn't called
	err := c.raw.Read(c.try)
	c.into = nil
	if err == nil {
		err = c.err
	}
	return c.n, err
}

func (c *conn) tryRead(fd uintptr) bool {
	for {
		n, err := syscall.Read(int(fd), c.into)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
		case err != nil:
			c.err = os.NewSyscallError("read", err)
		case n == 0:
			c.err = io.EOF
		default:
			c.n = n
		}
		return true
	}
}

// lingerTime is how long a connection is kept for an early answer to arrive.
const lingerTime = 500 * time.Millisecond

// Close is io.Closer. If the client is still sending, the kernel would reset
// the connection, and the answer would be lost on its way. net/http waits for
// that only after a large body, and not if the request said "Connection: close".
func (c *conn) Close() error {
	if c.unread.Load() && !c.hurry.Load() && c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.Copy(io.Discard, c.TCPConn) // until the client has closed, or the deadline
	}
	err := c.TCPConn.Close()
	if c.release != nil && c.closed.CompareAndSwap(false, true) {
		c.release()
	}
	return err
}

// listener accepts conns.
type listener struct {
	*net.TCPListener
	hurry   atomic.Bool
	limiter *limiter // nil: none
}

// Accept is net.Listener. Connections that are far too many are closed here, and cost nothing more.
func (l *listener) Accept() (net.Conn, error) {
	for {
		tcp, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		c, err := newConn(tcp, &l.hurry)
		if err != nil {
			return nil, errors.Join(err, tcp.Close())
		}
		if l.limiter == nil || l.limiter.accept(c) {
			return c, nil
		}
		_ = tcp.SetLinger(0) // a reset: the kernel keeps nothing of it either
		_ = tcp.Close()
	}
}

type connKey struct{}

// withConn is http.Server.ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection that r came on, below TLS.
func connOf(r *http.Request) *conn {
	switch c := r.Context().Value(connKey{}).(type) {
	case *conn:
		return c
	case *tls.Conn:
		below, _ := c.NetConn().(*conn)
		return below
	}
	return nil
}

// pollable returns the connection of r if its body may be polled, else nil: the
// readers of TLS and of chunked bodies would spin on 0, nil, or give up.
func pollable(r *http.Request) *conn {
	if r.ProtoMajor != 1 || r.TLS != nil || r.ContentLength < 0 {
		return nil
	}
	return connOf(r)
}
