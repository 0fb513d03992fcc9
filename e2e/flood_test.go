package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// floodConnections carry a flood, each so many requests at a time, which the server answers one after the other.
const (
	floodConnections = 8
	floodBatch       = 32
)

// flood sends n requests and counts their answers, by status and code. checked, if it isn't nil, looks at each answer.
func flood(ctx context.Context, t *testing.T, addr string, n int, request func(i int) string, checked func(a *http.Response) error) map[string]int {
	t.Helper()
	var next atomic.Int64
	var sending sync.WaitGroup
	var mu sync.Mutex // guards all
	all := map[string]int{}
	for range floodConnections {
		sending.Go(func() {
			own, err := floodOne(ctx, addr, func() (string, bool) {
				i := int(next.Add(1)) - 1
				if i >= n {
					return "", false
				}
				return request(i), true
			}, checked)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for answer, times := range own {
				all[answer] += times
			}
		})
	}
	sending.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return all
}

func floodOne(ctx context.Context, addr string, next func() (string, bool), checked func(a *http.Response) error) (map[string]int, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReader(conn)
	answers := map[string]int{}
	for more := true; more; {
		var methods []string // of a batch, which is sent at once
		var batch strings.Builder
		for len(methods) < floodBatch {
			var text string
			if text, more = next(); !more {
				break
			}
			method, _, _ := strings.Cut(text, " ")
			methods = append(methods, method)
			batch.WriteString(text)
		}
		if _, err := io.WriteString(conn, batch.String()); err != nil {
			return answers, err
		}
		for _, method := range methods {
			a, err := http.ReadResponse(in, &http.Request{Method: method})
			if err != nil {
				return answers, fmt.Errorf("no answer: %w", err)
			}
			body, err := io.ReadAll(a.Body)
			if err == nil && checked != nil {
				err = checked(a)
			}
			if err != nil {
				return answers, err
			}
			code, _, _ := strings.Cut(string(body), ":")
			answers[strings.TrimSpace(fmt.Sprint(a.StatusCode, " ", code))]++
		}
	}
	return answers, nil
}

// TestCreationFlood has one client create as fast as it can: 10,000 times, 100,000 with PLATEAU_E2E=full. It gets its rate and
// no more, is told when to come again, and leaves nothing in memory. Another client hears nothing of it.
func TestCreationFlood(t *testing.T) {
	needLinux(t)
	ctx := bounded(t)
	n := 10_000
	if fullWanted() {
		n = 100_000
	}
	const rate = 200
	server := startPlateau(ctx, t, t.TempDir(), "--durability", "none", "--limit-creations", itoa(rate), "--trusted-proxies", "127.0.0.1")
	server.log.forget(1 << 20)
	client := startHonest(ctx, t, server.files, headers{"X-Forwarded-For": "192.0.2.1"})
	calm := client.lap(ctx, t, 200)
	before := server.footprint(ctx, t)
	began := time.Now()
	answers := flood(ctx, t, server.addr, n, func(int) string {
		return "POST /files/ HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 10\r\nX-Forwarded-For: 203.0.113.6\r\n\r\n"
	}, func(a *http.Response) error {
		if a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "1" {
			return fmt.Errorf("refused with Retry-After %q", a.Header.Get("Retry-After"))
		}
		return nil
	})
	took := time.Since(began)
	t.Logf("%d creations in %s: %v", n, took.Round(time.Millisecond), answers)
	server.grown(ctx, t, before, 16<<20, "after the flood")
	unharmed(t, "a flood of creations", calm, client.lap(ctx, t, 100))
	created, refused := answers["201"], answers["503 ERR_TOO_MANY_CREATIONS"]
	if created+refused != n {
		t.Errorf("heard %v", answers)
	}
	if most := rate + int(rate*took.Seconds()) + 1; created > most || created < min(n, rate) {
		t.Errorf("%d were created in %s at %d a second", created, took, rate)
	}
	await(ctx, t, "the refusals are counted", func() bool {
		return server.whole(ctx, t, `plateau_errors_total{code="ERR_TOO_MANY_CREATIONS"}`) == refused
	})
}

// TestManyAddresses has 70,000 clients, which are more than the table of rates has room for, and a million with PLATEAU_E2E=full, come
// through a trusted proxy, each once: it creates an upload where every limit is on. The limits' memory doesn't grow with them, none is refused for the others' sake, and an honest client hears
// nothing of them.
func TestManyAddresses(t *testing.T) {
	needLinux(t)
	ctx := bounded(t)
	n := 70_000
	if fullWanted() {
		n = 1_000_000
	}
	server := startPlateau(ctx, t, t.TempDir(), "--durability", "none", "--trusted-proxies", "127.0.0.0/8",
		"--limit-address-connections", "20", "--limit-owner-uploads", "20", "--limit-creations", "200")
	server.log.forget(1 << 20)
	// A million uploads would be a test of the disk. These creations are counted as all are, and refused after that, by the store.
	address := newTus(ctx, server.files).do(http.MethodPost, server.files, headers{
		"Upload-Length": "4", "Upload-Concat": "partial", "Content-Type": "application/offset+octet-stream",
	}, []byte("part")).header.Get("Location")
	request := func(i int) string {
		return fmt.Sprintf("POST /files/ HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Concat: final;%s %s\r\nX-Forwarded-For: %s\r\n\r\n",
			address, address, addressOf(i))
	}
	flood(ctx, t, server.addr, 2000, request, nil) // what is made once
	client := startHonest(ctx, t, server.files, headers{"X-Forwarded-For": "192.0.2.1"})
	calm := client.lap(ctx, t, 200)
	before := server.footprint(ctx, t)
	began := time.Now()
	answers := flood(ctx, t, server.addr, n, request, nil)
	t.Logf("%d clients in %s: %v", n, time.Since(began).Round(time.Millisecond), answers)
	server.grown(ctx, t, before, 16<<20, "after them")
	unharmed(t, fmt.Sprint(n, " addresses"), calm, client.lap(ctx, t, 100))
	if want := map[string]int{"400 ERR_INVALID_CONCAT": n}; !maps.Equal(answers, want) { // none was refused for the others
		t.Errorf("heard %v, want %v", answers, want)
	}
	for _, what := range []string{"connections", "requests", "uploads"} {
		await(ctx, t, "those who have gone are forgotten", func() bool {
			return server.whole(ctx, t, fmt.Sprintf("plateau_limited_clients{holding=%q}", what)) <= 1 // the honest one
		})
	}
}

// addressOf is the address of a client with this number: IPv4 and IPv6 by turns, each of the latter in a /64 of its own.
func addressOf(i int) netip.Addr {
	a, b, c := byte(i>>16), byte(i>>8), byte(i)
	if i%2 == 0 {
		return netip.AddrFrom4([4]byte{10, a, b, c})
	}
	return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, a, b, c, 15: 1})
}
