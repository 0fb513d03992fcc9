package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// slowLimit is what a slow upload may cost, in bytes.
const slowLimit = 48 << 10

// Five hundred forms and five hundred tus uploads whose clients are slow: each costs little, in memory that the kernel
// counts and in heap and stack. All have sent a good deal before, so that what they needed then was given back.
func TestSlowClients(t *testing.T) {
	ctx := bounded(t)
	slowClients(ctx, t, startPlateau(ctx, t, t.TempDir(), "--durability", "none"), slowLimit)
}

func slowClients(ctx context.Context, t *testing.T, p *plateau, limit int64) {
	t.Helper()
	const clients, size = 500, 1 << 20
	form := "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
	tail := "\r\n--B--\r\n"
	kinds := map[string]struct{ head, tail string }{
		"form": {fmt.Sprintf("POST /upload HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: %d\r\n\r\n%s",
			p.addr, len(form)+size+len(tail), form), tail},
		"tus": {fmt.Sprintf("POST /files/ HTTP/1.1\r\nHost: %s\r\nTus-Resumable: 1.0.0\r\nUpload-Length: %d\r\nContent-Length: %d\r\n"+
			"Content-Type: application/offset+octet-stream\r\n\r\n", p.addr, size, size), ""},
	}
	p.slowOnes(ctx, t, 20, kinds["form"].head, 100_000).end() // what is made once
	p.slowOnes(ctx, t, 20, kinds["tus"].head, 100_000).end()
	for _, kind := range []string{"tus", "form"} {
		before := p.footprint(ctx, t)
		open := p.slowOnes(ctx, t, clients, kinds[kind].head, 100_000)
		defer open.end()
		after := p.footprint(ctx, t)
		resident, inUse := (after.resident-before.resident)/clients, (after.inUse-before.inUse)/clients
		t.Logf("%s: %d KB of resident memory and %d KB of heap and stack for each of %d slow clients", kind, resident>>10, inUse>>10, clients)
		if resident > limit || inUse > limit {
			t.Errorf("%s: a slow client costs %d bytes of resident memory and %d of heap and stack, more than %d", kind, resident, inUse, limit)
		}
		// They are not forgotten: one of them ends well.
		one := open[0]
		rest := strings.Repeat("y", size-100_000) + kinds[kind].tail
		if _, err := io.WriteString(one, rest); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(one), nil)
		if err != nil || answer.StatusCode != http.StatusCreated {
			t.Errorf("%s: %v %v", kind, answer, err)
		}
	}
}

// slow are connections with an upload on each that doesn't go on.
type slow []net.Conn

// slowOnes begins uploads that send so many bytes and then nothing, and waits until the server has read them all.
func (p *plateau) slowOnes(ctx context.Context, t *testing.T, clients int, head string, bytes int) slow {
	t.Helper()
	received := p.number(ctx, t, "plateau_received_bytes_total")
	var all slow
	for range clients {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
		if _, err := io.WriteString(conn, head+strings.Repeat("x", bytes)); err != nil {
			t.Fatal(err)
		}
	}
	_, body, _ := strings.Cut(head, "\r\n\r\n")
	await(ctx, t, "all bytes are read", func() bool {
		return p.number(ctx, t, "plateau_received_bytes_total") == received+float64(clients*(len(body)+bytes))
	})
	return all
}

func (s slow) end() {
	for _, conn := range s {
		_ = conn.Close()
	}
}

// footprint is what a process takes, in bytes.
type footprint struct{ resident, inUse int64 }

// footprint collects the garbage of a server and reads its figures.
func (p *plateau) footprint(ctx context.Context, t *testing.T) footprint {
	t.Helper()
	if a := newTus(ctx, "http://"+p.admin).get("/debug/pprof/heap?gc=1"); a.status != http.StatusOK {
		t.Fatal(a)
	}
	return footprint{
		resident: int64(p.number(ctx, t, "process_resident_memory_bytes")),
		inUse:    int64(p.number(ctx, t, "go_memstats_heap_inuse_bytes") + p.number(ctx, t, "go_memstats_stack_inuse_bytes")),
	}
}

// number is a metric without labels.
func (p *plateau) number(ctx context.Context, t *testing.T, name string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(p.metric(ctx, t, name), 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}
