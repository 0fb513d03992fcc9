package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
)

// conn is a TCP connection that can be read without waiting: while polling is
// on, Read returns 0, nil where it would wait. net/http passes that on to
// whoever reads the body. So a store can tell bytes that are here from bytes
// that are to come, and hold memory only for the former, without asking the
// kernel twice.
//
// Only plain HTTP/1.1 may poll: crypto/tls would spin on 0, nil.
type conn struct {
	*net.TCPConn
	raw     syscall.RawConn
	polling atomic.Bool

	// Of the Read that polls now; net/http has one reader at a time.
	into []byte
	n    int
	err  error
	try  func(fd uintptr) bool // tryRead, bound once
}

func newConn(tcp *net.TCPConn) (*conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{TCPConn: tcp, raw: raw}
	c.try = c.tryRead
	return c, nil
}

// Read reads as net.Conn does. A read of one byte always waits: it is
// net/http's own, which watches for the client's leaving after the body.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) < 2 || !c.polling.Load() {
		return c.TCPConn.Read(p)
	}
	c.into = p
	err := c.raw.Read(c.try)
	c.into = nil
	if err == nil {
		err = c.err
	}
	return c.n, err
}

func (c *conn) tryRead(fd uintptr) bool {
	c.n, c.err = 0, nil
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

// listener accepts conns.
type listener struct{ *net.TCPListener }

func (l listener) Accept() (net.Conn, error) {
	tcp, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return newConn(tcp)
}

type connKey struct{}

// withConn is http.Server.ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// pollable returns the connection of r if its body may be polled, else nil: the
// reader of chunked bodies would spin on 0, nil, or give up.
func pollable(r *http.Request) *conn {
	if r.ProtoMajor != 1 || r.ContentLength < 0 {
		return nil
	}
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c // nil for a *tls.Conn
}
