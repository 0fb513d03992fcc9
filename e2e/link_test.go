package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// link is one client connection and the server connection that belongs to it.
type link struct {
	client, server *net.TCPConn
	pending        chan *pendingRequest
	ended          bool // the server's side is over; guarded by proxy.mu
}

type pendingRequest struct {
	request *http.Request
	*exchange
}

// serve passes one client connection on until either side ends it.
func (p *proxy) serve(client *net.TCPConn) {
	defer client.Close()
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		p.mu.Lock()
		p.refused++
		p.mu.Unlock()
		return
	}
	l := &link{client: client, server: conn.(*net.TCPConn), pending: make(chan *pendingRequest, 64)}
	defer l.server.Close()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.links[l] = struct{}{}
	p.mu.Unlock()
	var answers sync.WaitGroup
	answers.Go(func() { p.answers(l) })
	_ = p.requests(l)
	_ = l.server.Close()
	answers.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// requests passes requests on until the client leaves. When the server has gone first it reads on for a moment, so that the
// answer is not lost to a reset of the connection.
func (p *proxy) requests(l *link) error {
	from := bufio.NewReaderSize(l.client, 64<<10)
	for {
		head, err := readHead(from)
		if err != nil {
			return err
		}
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
		if err != nil {
			return err
		}
		e := &exchange{method: request.Method, path: request.URL.Path, request: request.Header, length: request.ContentLength}
		chunked := e.length < 0
		if chunked {
			e.length = math.MaxInt64 // until its end has come
		}
		e.start, _ = strconv.ParseInt(request.Header.Get("Upload-Offset"), 10, 64)
		if override := request.Header.Get("X-HTTP-Method-Override"); override != "" {
			e.method = override
		}
		p.mu.Lock()
		if !l.ended {
			p.exchanges = append(p.exchanges, e)
		}
		p.mu.Unlock()
		l.pending <- &pendingRequest{request, e}
		_, err = l.server.Write(head)
		switch {
		case err == nil && chunked:
			err = p.chunks(l, from, e)
		case err == nil:
			err = p.body(l, from, e, e.length)
		}
		p.mu.Lock()
		e.over = true
		p.mu.Unlock()
		if err != nil {
			_, err = io.Copy(io.Discard, from)
			return err
		}
	}
}

// body passes the next bytes of a request's body on.
func (p *proxy) body(l *link, from io.Reader, e *exchange, length int64) error {
	block := make([]byte, min(length, 32<<10))
	for left := length; left > 0; {
		room, err := p.room(l, e.start+e.sent)
		if err != nil {
			return err
		}
		n, err := from.Read(block[:min(room, left, int64(len(block)))])
		if err != nil {
			return err
		}
		n, err = l.server.Write(block[:n])
		left -= int64(n)
		p.mu.Lock()
		e.sent += int64(n) // some of it may have arrived in spite of an error
		p.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// room waits until bytes at this offset may pass and says how many.
func (p *proxy) room(l *link, offset int64) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.limit <= offset && !l.ended {
		p.changed.Wait()
	}
	if l.ended {
		return 0, errors.New("the server has ended the connection")
	}
	return p.limit - offset, nil
}

// answers passes answers on until the server ends the connection or an answer is to be lost.
func (p *proxy) answers(l *link) {
	err := p.passAnswers(l)
	p.mu.Lock()
	l.ended = true
	p.changed.Broadcast()
	p.mu.Unlock()
	if errors.Is(err, errLost) {
		_ = l.client.Close()
		return
	}
	_ = l.client.CloseWrite()
	_ = l.client.SetReadDeadline(time.Now().Add(time.Second))
}

var errLost = errors.New("this answer is to be lost")

func (p *proxy) passAnswers(l *link) error {
	from := bufio.NewReader(l.server)
	for {
		head, err := readHead(from)
		if err != nil {
			return err
		}
		if code, _, _ := strings.Cut(string(head[min(len(head), 9):]), " "); strings.HasPrefix(code, "1") {
			if _, err := l.client.Write(head); err != nil {
				return err
			}
			continue
		}
		var next *pendingRequest
		select {
		case next = <-l.pending:
		default:
			return fmt.Errorf("an answer to no request: %q", head)
		}
		answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), next.request)
		if err != nil {
			return err
		}
		p.mu.Lock()
		next.status, next.answer = answer.StatusCode, answer.Header
		p.mu.Unlock()
		if p.pass != nil && !p.pass(next.request, answer) {
			return errLost
		}
		if _, err := l.client.Write(head); err != nil {
			return err
		}
		length := answer.ContentLength
		if next.method == http.MethodHead || answer.StatusCode == http.StatusNoContent {
			length = 0
		}
		if length < 0 {
			_, err := io.Copy(l.client, from)
			return errors.Join(err, io.EOF)
		}
		if _, err := io.CopyN(l.client, from, length); err != nil {
			return err
		}
	}
}

// readHead reads a request's or an answer's head as it is, the empty line included.
func readHead(from *bufio.Reader) ([]byte, error) {
	var head []byte
	for {
		line, err := from.ReadSlice('\n')
		head = append(head, line...)
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return head, nil
		}
	}
}
