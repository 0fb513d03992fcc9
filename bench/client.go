package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// answer is what the benchmark looks at in an HTTP/1.1 answer.
type answer struct {
	status   int
	location string // path only
	offset   int64  // Upload-Offset, -1 if absent
	length   int64  // of the body, -1 if it is not said
	close    bool   // the server ends the connection after this answer
}

// client is one keep-alive connection. It does as little as HTTP allows: requests are bytes made beforehand and
// only a few headers of the answer are parsed, so that on a small machine the servers get the time, not the client.
type client struct {
	conn net.Conn
	buf  []byte
	have int // buf[:have] has been read and not yet consumed
	stop func() bool
}

// dial connects. The connection is closed when the context ends, which ends any call that waits.
func dial(ctx context.Context, addr string) (*client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c := &client{conn: conn, buf: make([]byte, 4096)}
	c.stop = context.AfterFunc(ctx, func() { conn.Close() })
	return c, nil
}

func (c *client) close() {
	c.stop()
	c.conn.Close()
}

// do sends one whole request and returns its answer.
func (c *client) do(request []byte) (answer, error) {
	if _, err := c.conn.Write(request); err != nil {
		return answer{}, fmt.Errorf("send request: %w", err)
	}
	return c.read()
}

// read returns the next final answer, and skips its body.
func (c *client) read() (answer, error) {
	a, err := c.head()
	if err != nil {
		return answer{}, err
	}
	return a, c.skip(a)
}

// readBody returns the next final answer and its body, which must be short enough for the buffer.
func (c *client) readBody() (answer, []byte, error) {
	a, err := c.head()
	if err != nil {
		return answer{}, nil, err
	}
	if a.length < 0 || a.length > int64(len(c.buf)) {
		return a, nil, fmt.Errorf("answer %d has a body of %d bytes (-1: it doesn't say)", a.status, a.length)
	}
	for int64(c.have) < a.length {
		if err := c.fill(); err != nil {
			return a, nil, fmt.Errorf("read body of answer %d: %w", a.status, err)
		}
	}
	body := bytes.Clone(c.buf[:a.length])
	c.consume(int(a.length))
	return a, body, nil
}

// head returns the head of the next final answer.
func (c *client) head() (answer, error) {
	for {
		a, n, err := parseAnswer(c.buf[:c.have])
		if err != nil {
			return answer{}, err
		}
		switch {
		case n == 0:
			if err := c.fill(); err != nil {
				return answer{}, fmt.Errorf("read answer: %w", err)
			}
		case a.status < 200: // informational, the real one follows
			c.consume(n)
		default:
			c.consume(n)
			return a, nil
		}
	}
}

func (c *client) fill() error {
	if c.have == len(c.buf) {
		return errors.New("the head is larger than 4 KiB")
	}
	n, err := c.conn.Read(c.buf[c.have:])
	c.have += n
	if n > 0 {
		return nil
	}
	return err
}

func (c *client) consume(n int) {
	c.have = copy(c.buf, c.buf[n:c.have])
}

// skip reads past the body.
func (c *client) skip(a answer) error {
	if a.status == 204 || a.status == 304 {
		return nil
	}
	if a.length < 0 {
		return fmt.Errorf("answer %d does not say how long its body is", a.status)
	}
	for left := a.length; left > 0; {
		if c.have == 0 {
			if err := c.fill(); err != nil {
				return fmt.Errorf("read body of answer %d: %w", a.status, err)
			}
		}
		n := min(left, int64(c.have))
		c.consume(int(n))
		left -= n
	}
	return nil
}

// parseAnswer parses the head of an answer at the start of b. It returns the length of the head, 0 if more bytes are
// needed. Chunked answers are not understood: none of the requests made here leads to one.
func parseAnswer(b []byte) (answer, int, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return answer{}, 0, nil
	}
	a := answer{offset: -1, length: -1}
	line, rest, _ := bytes.Cut(b[:end], []byte("\r\n"))
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return answer{}, 0, fmt.Errorf("not a status line: %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil || status < 100 {
		return answer{}, 0, fmt.Errorf("not a status: %q", line)
	}
	a.status = status
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return answer{}, 0, fmt.Errorf("not a header: %q", line)
		}
		if err := a.header(name, string(bytes.TrimSpace(value))); err != nil {
			return answer{}, 0, err
		}
	}
	return a, end + 4, nil
}

func (a *answer) header(name []byte, value string) (err error) {
	switch {
	case bytes.EqualFold(name, []byte("Upload-Offset")):
		a.offset, err = strconv.ParseInt(value, 10, 64)
	case bytes.EqualFold(name, []byte("Content-Length")):
		a.length, err = strconv.ParseInt(value, 10, 64)
	case bytes.EqualFold(name, []byte("Connection")):
		a.close = strings.EqualFold(value, "close")
	case bytes.EqualFold(name, []byte("Location")):
		a.location = pathOf(value)
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		return fmt.Errorf("answer with Transfer-Encoding %s", value)
	}
	if err != nil {
		return fmt.Errorf("header %s: %w", name, err)
	}
	return nil
}

// pathOf takes scheme and host off a Location: some servers answer with an absolute one.
func pathOf(location string) string {
	if _, rest, ok := strings.Cut(location, "://"); ok {
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			return rest[i:]
		}
	}
	return location
}
