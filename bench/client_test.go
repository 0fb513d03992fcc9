package main

import (
	"net"
	"strings"
	"testing"
)

func TestParseAnswer(t *testing.T) {
	created := "HTTP/1.1 201 Created\r\nlocation: http://127.0.0.1:80/files/abc\r\nUPLOAD-OFFSET:4096\r\nContent-Length: 0\r\nX: a: b\r\n\r\n"
	for _, test := range []struct {
		name, head string
		want       answer
	}{
		{"absolute location", created, answer{status: 201, location: "/files/abc", offset: 4096, length: 0}},
		{"path location", "HTTP/1.1 201 Created\r\nLocation: /files/abc\r\n\r\n", answer{status: 201, location: "/files/abc", offset: -1, length: -1}},
		{"no headers", "HTTP/1.1 100 Continue\r\n\r\n", answer{status: 100, offset: -1, length: -1}},
		{"closing", "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 7\r\n\r\n", answer{status: 503, offset: -1, length: 7, close: true}},
	} {
		got, n, err := parseAnswer([]byte(test.head + "body"))
		if err != nil || got != test.want || n != len(test.head) {
			t.Errorf("%s: %+v, %d, %v; want %+v, %d", test.name, got, n, err, test.want, len(test.head))
		}
	}
	for i := range len(created) {
		if _, n, err := parseAnswer([]byte(created[:i])); n != 0 || err != nil {
			t.Fatalf("first %d bytes: %d, %v; want more to be asked for", i, n, err)
		}
	}
}

func TestParseAnswerRefuses(t *testing.T) {
	for _, head := range []string{
		"HTTP/1.0 200 OK\r\n\r\n",
		"HTTP/1.1 20\r\n\r\n",
		"HTTP/1.1 xyz OK\r\n\r\n",
		"HTTP/1.1 204 No Content\r\nUpload-Offset: many\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
	} {
		if a, _, err := parseAnswer([]byte(head)); err == nil {
			t.Errorf("%q was taken for %+v", head, a)
		}
	}
}

// TestClientKeepsItsPlace has a server whose answers arrive in awkward pieces.
func TestClientKeepsItsPlace(t *testing.T) {
	pieces := []string{
		"HTTP/1.1 104 Upload Resumption Supported\r\n\r\nHTTP/1.1 201 Created\r\nLocation: /files/1\r\nContent-Le",
		"ngth: 5\r\n\r\nhel",
		"loHTTP/1.1 204 No Content\r\nUpload-Offset: 7\r\n\r\nHTTP/1.1 409 Conflict\r\nContent-Length: 6000\r\n\r\n" + strings.Repeat("x", 6000),
		"HTTP/1.1 204 No Content\r\n\r\n",
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		served <- func() error {
			conn, err := listener.Accept()
			if err != nil {
				return err
			}
			defer conn.Close()
			for _, piece := range pieces {
				if _, err := conn.Write([]byte(piece)); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	c, err := dial(t.Context(), listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for _, want := range []answer{
		{status: 201, location: "/files/1", offset: -1, length: 5},
		{status: 204, offset: 7, length: -1},
		{status: 409, offset: -1, length: 6000},
		{status: 204, offset: -1, length: -1},
	} {
		if got, err := c.read(); err != nil || got != want {
			t.Fatalf("read: %+v, %v; want %+v", got, err, want)
		}
	}
	if a, err := c.read(); err == nil {
		t.Errorf("after the end: %+v", a)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 201 Created\r\nLocation: http://h/files/abc\r\nUpload-Offset: 4096\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, n, err := parseAnswer(b); n < 0 || n > len(b) || (err != nil && n != 0) {
			t.Errorf("%d of %d bytes, %v", n, len(b), err)
		}
	})
}

func TestClientReadsABody(t *testing.T) {
	conn, server := net.Pipe()
	defer conn.Close()
	go func() {
		defer server.Close()
		for _, piece := range []string{
			"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhe", "lloHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 4097\r\n\r\n",
		} {
			_, _ = server.Write([]byte(piece)) // what is missing is seen
		}
	}()
	c := &client{conn: conn, buf: make([]byte, 4096)}
	for _, want := range []string{"hello", ""} {
		if a, body, err := c.readBody(); err != nil || string(body) != want {
			t.Fatalf("%+v with %q, want %q (%v)", a, body, want, err)
		}
	}
	if a, body, err := c.readBody(); err == nil {
		t.Errorf("%+v with %d bytes: longer than the buffer", a, len(body))
	}
}
