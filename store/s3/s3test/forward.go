package s3test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// ask makes a call to the gateway, with this body in place of r's, on a connection of its own: one that was kept could have ended
// meanwhile, and a call would fail that no test had chosen. It returns when the gateway has answered and the body is at its end.
// The body of the answer is to be closed.
func (p *Proxy) ask(w http.ResponseWriter, r *http.Request, body io.Reader) (*http.Response, error) {
	conn, err := p.dial(r.Context())
	if err != nil {
		return nil, err
	}
	stay := context.AfterFunc(r.Context(), func() { _ = conn.Close() })
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		send(conn, p.outgoing(r, body))
	}()
	resp, err := receive(conn, r)
	if err != nil {
		_ = conn.Close()
		_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // the body may be waiting for more of it
	}
	<-sent
	if err != nil {
		stay()
		return nil, err
	}
	resp.Body = &answerBody{resp.Body, conn, stay}
	return resp, nil
}

// outgoing is the request as it goes to the gateway: as it came, with the client's Host, for which it is signed.
func (p *Proxy) outgoing(r *http.Request, body io.Reader) *http.Request {
	out := r.Clone(r.Context())
	out.URL.Host, out.Close = p.gateway.addr, true
	out.Header.Del("Connection")
	if _, named := out.Header["User-Agent"]; !named {
		out.Header["User-Agent"] = []string{""} // else Go names itself
	}
	out.Body = http.NoBody
	if r.ContentLength != 0 {
		out.Body = io.NopCloser(body)
	}
	return out
}

// send writes the request. What fails there shows in the answer.
func send(conn net.Conn, out *http.Request) {
	// As it has WriteByte, out.Write doesn't put another buffer before it, of which the end would be missing after an error.
	w := bufio.NewWriter(conn)
	failed := out.Write(w)
	if err := w.Flush(); err != nil || failed != nil {
		_ = closeWrite(conn)
	}
	// A gateway that answers early takes no more. The client may send the rest all the same: the reset that it would
	// see otherwise could overtake the answer.
	_, _ = io.Copy(io.Discard, out.Body)
}

// receive reads the answer up to its body.
func receive(conn net.Conn, r *http.Request) (*http.Response, error) {
	reader := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(reader, r)
		if err != nil || resp.StatusCode >= http.StatusOK {
			return resp, err
		}
	}
}

// answerBody is the body of an answer, with its connection.
type answerBody struct {
	io.ReadCloser
	conn net.Conn
	stay func() bool
}

func (b *answerBody) Close() error {
	b.stay()
	return b.conn.Close()
}

// broken is a body that breaks at once.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (p *Proxy) dial(ctx context.Context) (net.Conn, error) {
	if p.tls == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", p.gateway.addr)
	}
	return (&tls.Dialer{Config: trusting(p.gateway.CA)}).DialContext(ctx, "tcp", p.gateway.addr)
}

// closeWrite ends what we send; the answer can still come.
func closeWrite(conn net.Conn) error {
	if over, ok := conn.(*tls.Conn); ok {
		if err := over.CloseWrite(); err != nil {
			return err
		}
		conn = over.NetConn()
	}
	return conn.(*net.TCPConn).CloseWrite()
}
