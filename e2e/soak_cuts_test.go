package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// resumed loses its connection in the middle of the body, and goes on from where the server was.
func (c soakClient) resumed() {
	content := c.some(16 * small)
	address := c.begun(content)
	if address == "" {
		return
	}
	c.cut(c.head(http.MethodPatch, address, headers{"Upload-Offset": "0"}, len(content)), content[:len(content)/2])
	c.finished(c.rest(address, content), content)
}

// givenUp loses its connection in the middle of the body, and does not want the upload any more.
func (c soakClient) givenUp() {
	content := c.some(16 * small)
	address := c.begun(content)
	if address == "" {
		return
	}
	c.soak.ledger.gaveUp(address)
	c.cut(c.head(http.MethodPatch, address, headers{"Upload-Offset": "0"}, len(content)), content[:len(content)/2])
	c.removed(address)
}

// removedInFlight removes an upload whose bytes another request is bringing.
func (c soakClient) removedInFlight() {
	content := c.some(16 * small)
	address := c.begun(content)
	if address == "" {
		return
	}
	c.soak.ledger.gaveUp(address)
	conn := c.begin(c.head(http.MethodPatch, address, headers{"Upload-Offset": "0"}, len(content)), content[:len(content)/2])
	if conn == nil {
		return
	}
	defer conn.Close()
	c.removed(address)
	heard, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		c.t.Errorf("who sent to an upload that was removed meanwhile heard %v", err)
		return
	}
	_ = heard.Body.Close()
	if heard.StatusCode != http.StatusLocked && heard.StatusCode != http.StatusNotFound {
		c.t.Errorf("who sent to an upload that was removed meanwhile heard %s", heard.Status)
	}
}

// cutCreation never hears of its upload's address: the upload stays until the server removes it.
func (c soakClient) cutCreation() {
	c.cut(c.head(http.MethodPost, "/files/", headers{"Upload-Length": strconv.Itoa(small)}, small), c.bytes[:small/4])
}

func (c soakClient) cutForm() {
	kind, body := formOf(c.some(small), c.bytes[:large/4])
	c.cut(c.head(http.MethodPost, "/upload", headers{"Content-Type": kind}, len(body)), body[:1+c.random.IntN(len(body)-1)])
}

// cutDownload leaves when the first bytes have come.
func (c soakClient) cutDownload() {
	content := c.bytes[:large]
	address := c.creation(content)
	if address == "" {
		return
	}
	if conn := c.begin(c.head(http.MethodGet, address, nil, 0), nil); conn != nil {
		_, err := conn.Read(make([]byte, 1<<10))
		_ = conn.Close()
		if err != nil {
			c.t.Errorf("a download began with %v", err)
		}
	}
	c.finished(address, content)
}

// begun creates an upload for content.
func (c soakClient) begun(content []byte) (address string) {
	return c.answered(func() answer { return c.client.create(int64(len(content)), nil) }, http.StatusCreated).header.Get("Location")
}

// removed removes an upload that a request may still be busy with.
func (c soakClient) removed(address string) {
	c.answered(func() answer { return c.client.do(http.MethodDelete, address, nil, nil) }, http.StatusNoContent)
}

// head is how a request begins that announces so many bytes.
func (c soakClient) head(method, path string, h headers, length int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, c.soak.server.addr)
	fmt.Fprintf(&text, "Tus-Resumable: 1.0.0\r\nContent-Length: %d\r\n", length)
	if h["Content-Type"] == "" && length > 0 {
		text.WriteString("Content-Type: application/offset+octet-stream\r\n")
	}
	for name, value := range h {
		text.WriteString(name + ": " + value + "\r\n")
	}
	return text.String() + "\r\n"
}

// begin sends on a connection of its own. It returns nil when the soak has ended.
func (c soakClient) begin(head string, body []byte) net.Conn {
	conn, err := new(net.Dialer).DialContext(c.ctx, "tcp", c.soak.server.addr)
	if err == nil {
		_, err = conn.Write(append([]byte(head), body...))
	}
	if err != nil && !c.over() {
		c.t.Errorf("begin a request: %v", err)
	}
	if err != nil {
		return nil
	}
	return conn
}

// cut begins a request and leaves in one of two ways: the server is told that nothing more will come, or that the connection is
// lost.
func (c soakClient) cut(head string, body []byte) {
	conn := c.begin(head, body)
	if conn == nil {
		return
	}
	if c.random.IntN(2) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	_ = conn.Close()
}
