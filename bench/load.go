package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// smallSize is the size of a small upload.
const smallSize = 4096

// samples is how often a run is looked at while it goes on.
const samples = 20

// load is a number of small uploads over a number of connections, each of which sends its next request when the
// last one is answered.
type load struct {
	addr        string
	uploads     int
	connections int
	content     []byte // of each upload
	separate    bool   // create, then PATCH; otherwise creation-with-upload
	piece       int    // bytes of each PATCH; 0: all
	// tokens are those of the connections, which take them in turn; none: requests have no token.
	tokens []string
	// every is how long after the last one a connection begins its next upload, at least; 0: as soon as that is answered.
	every time.Duration

	// sample is called after each twentieth part of the uploads, with how many there are by then, from several goroutines.
	sample func(int) error // may be nil
	// created is called with the path of each upload once it was answered as finished, from several goroutines; it may be nil.
	created func(location string)
}

// run returns how long all uploads took. The first wrong answer ends it.
func (l load) run(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	clients := make([]*client, l.connections)
	for i := range clients {
		c, err := dial(ctx, l.addr)
		if err != nil {
			return 0, err
		}
		defer c.close()
		clients[i] = c
	}
	every := int64(l.uploads / samples)
	var begun, ended atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for i, c := range clients {
		wg.Go(func() {
			upload := l.uploader(i)
			var pace <-chan time.Time
			if l.every > 0 {
				<-time.After(l.every * time.Duration(i) / time.Duration(l.connections)) // not all at once
				ticker := time.NewTicker(l.every)
				defer ticker.Stop()
				pace = ticker.C
			}
			for begun.Add(1) <= int64(l.uploads) {
				if pace != nil {
					<-pace
				}
				err := upload(c)
				if n := ended.Add(1); err == nil && l.sample != nil && n%every == 0 {
					err = l.sample(int(n))
				}
				if err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return 0, fmt.Errorf("upload %d bytes: %w", len(l.content), err)
	}
	return took, nil
}

// headers are those of a connection.
func (l load) headers(connection int) string {
	if len(l.tokens) == 0 {
		return tusHeaders
	}
	return tusHeaders + "Authorization: Bearer " + l.tokens[connection%len(l.tokens)] + "\r\n"
}

// uploader returns a function that makes one upload over a connection; its requests are built once.
func (l load) uploader(connection int) func(*client) error {
	size, headers := int64(len(l.content)), l.headers(connection)
	if !l.separate {
		create := createWithHeaders(l.addr, l.content, headers)
		return func(c *client) error {
			a, err := c.do(create)
			if err := expect(a, err, 201, size); err != nil {
				return err
			}
			if l.created != nil {
				l.created(a.location)
			}
			return nil
		}
	}
	create := createOnly(l.addr, size, headers)
	patch := patchRequest{addr: l.addr, headers: headers, buf: make([]byte, 0, 2*smallSize)}
	return func(c *client) error {
		created, err := c.do(create)
		if err := expect(created, err, 201, -1); err != nil {
			return err
		}
		offset := int64(0)
		for piece := range slices.Chunk(l.content, cmp.Or(l.piece, len(l.content))) {
			a, err := c.do(append(patch.head(created.location, offset, int64(len(piece))), piece...))
			offset += int64(len(piece))
			if err := expect(a, err, 204, offset); err != nil {
				return err
			}
		}
		return nil
	}
}

// expect checks an answer. An offset below 0 is not looked at. A creation must say where the upload is.
func expect(a answer, err error, status int, offset int64) error {
	switch {
	case err != nil:
		return err
	case a.status != status:
		return fmt.Errorf("answer %d, not %d", a.status, status)
	case offset >= 0 && a.offset != offset:
		return fmt.Errorf("answer %d with Upload-Offset %d, not %d", status, a.offset, offset)
	case status == 201 && a.location == "":
		return errors.New("answer 201 without Location")
	case a.close:
		return fmt.Errorf("answer %d ends the connection", status)
	}
	return nil
}

// tusHeaders are those of a program that uploads.
const tusHeaders = "User-Agent: plateau-bench\r\n"

// metadata is a file's name, as most clients send one.
var metadata = "Upload-Metadata: filename " + base64.StdEncoding.EncodeToString([]byte("measurement-0001.bin")) + "\r\n"

func createOnly(addr string, size int64, headers string) []byte {
	return []byte("POST " + basePath + " HTTP/1.1\r\nHost: " + addr + "\r\n" + headers +
		"Tus-Resumable: 1.0.0\r\nUpload-Length: " + strconv.FormatInt(size, 10) + "\r\n" + metadata + "Content-Length: 0\r\n\r\n")
}

func createWithUpload(addr string, content []byte) []byte {
	return createWithHeaders(addr, content, tusHeaders)
}

func createWithHeaders(addr string, content []byte, headers string) []byte {
	size := strconv.Itoa(len(content))
	head := "POST " + basePath + " HTTP/1.1\r\nHost: " + addr + "\r\n" + headers +
		"Tus-Resumable: 1.0.0\r\nUpload-Length: " + size + "\r\n" + metadata +
		"Content-Type: application/offset+octet-stream\r\nContent-Length: " + size + "\r\n\r\n"
	return append([]byte(head), content...)
}

// patchRequest builds the heads of PATCH requests, each in the memory of the one before.
type patchRequest struct {
	addr, headers string
	buf           []byte
}

func (p *patchRequest) head(location string, offset, size int64) []byte {
	b := append(p.buf[:0], "PATCH "...)
	b = append(b, location...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, p.addr...)
	b = append(b, "\r\n"...)
	b = append(b, p.headers...)
	b = append(b, "Tus-Resumable: 1.0.0\r\nUpload-Offset: "...)
	b = strconv.AppendInt(b, offset, 10)
	b = append(b, "\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: "...)
	b = strconv.AppendInt(b, size, 10)
	b = append(b, "\r\n\r\n"...)
	p.buf = b
	return b
}
