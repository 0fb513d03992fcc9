package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// formBoundary is that of the forms which are sent.
const formBoundary = "plateau-bench-8d1f2c"

// form runs scenario i: the same bytes as one upload by tus and as a file of a form, in turn, over the same process. The figure
// is how many times the processor time of tus a form takes, and of its throughput.
func (b *bench) form(ctx context.Context, s server) (figures, error) {
	blocks := b.scale(1024, 64)
	var took, spent [2]float64 // by tus, as a form
	err := b.with(ctx, s, func(ctx context.Context, p *process, uploads string) error {
		took, spent = [2]float64{}, [2]float64{}
		for turn := range 5 {
			for i := range 2 {
				way := (turn + i) % 2
				seconds, cpu, err := b.sendLarge(ctx, p, blocks, way == 1)
				if err != nil {
					return err
				}
				if err := verify(uploads, 1, int64(blocks)*int64(len(b.content)), b.content); err != nil {
					return err
				}
				if err := removeFiles(uploads); err != nil {
					return err
				}
				if turn > 0 { // the first warms up
					took[way] += seconds
					spent[way] += cpu
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return figures{"i.cpu": spent[1] / spent[0], "i.rate": took[0] / took[1]}, nil
}

// removeFiles removes the files of a folder.
func removeFiles(folder string) error {
	entries, err := os.ReadDir(folder)
	for _, e := range entries {
		err = errors.Join(err, os.Remove(filepath.Join(folder, e.Name())))
	}
	return err
}

// sendLarge sends so many MiB in one request: creation-with-upload, or a form.
func (b *bench) sendLarge(ctx context.Context, p *process, blocks int, asForm bool) (took, cpu float64, err error) {
	c, err := dial(ctx, p.addr)
	if err != nil {
		return 0, 0, err
	}
	defer c.close()
	size := int64(blocks) * int64(len(b.content))
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\n%sTus-Resumable: 1.0.0\r\nUpload-Length: %d\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n",
		basePath, p.addr, tusHeaders, size, size)
	tail := ""
	if asForm {
		part := "--" + formBoundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"large\"\r\n\r\n"
		tail = "\r\n--" + formBoundary + "--\r\n"
		head = fmt.Sprintf("POST /upload HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
			p.addr, formBoundary, size+int64(len(part)+len(tail)), part)
	}
	before, err := p.cpu()
	if err != nil {
		return 0, 0, err
	}
	meter, start := startMeter(), time.Now()
	pieces := append([][]byte{[]byte(head)}, make([][]byte, blocks+1)...)
	for i := range blocks {
		pieces[i+1] = b.content
	}
	pieces[blocks+1] = []byte(tail)
	for _, piece := range pieces {
		if _, err := c.conn.Write(piece); err != nil {
			return 0, 0, fmt.Errorf("send %d bytes: %w", size, err)
		}
	}
	a, _, err := c.readBody()
	lasted := time.Since(start)
	b.spent(meter.stop(lasted))
	if err := expect(a, err, 201, -1); err != nil {
		return 0, 0, fmt.Errorf("upload %d bytes: %w", size, err)
	}
	after, err := p.cpu()
	return lasted.Seconds(), after - before, err
}
