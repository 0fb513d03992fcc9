package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
)

// chunks passes the body of a request on that has no Content-Length. What counts as sent is the data, without the lines that
// say how long a chunk is.
func (p *proxy) chunks(l *link, from *bufio.Reader, e *exchange) error {
	for {
		line, err := from.ReadBytes('\n')
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(bytes.TrimSpace(line), []byte(";"))
		n, err := strconv.ParseInt(string(size), 16, 64)
		if err != nil {
			return fmt.Errorf("a chunk of size %q", line)
		}
		if n == 0 {
			trailer, err := readHead(from)
			if err != nil {
				return err
			}
			p.mu.Lock()
			e.length = e.sent
			p.mu.Unlock()
			_, err = l.server.Write(append(line, trailer...))
			return err
		}
		if _, err := l.server.Write(line); err != nil {
			return err
		}
		if err := p.body(l, from, e, n); err != nil {
			return err
		}
		end, err := from.ReadBytes('\n')
		if err != nil {
			return err
		}
		if _, err := l.server.Write(end); err != nil {
			return err
		}
	}
}
