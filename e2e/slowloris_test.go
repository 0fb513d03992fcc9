package e2e

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// slowOnes of one attack come from so many addresses, so many from each.
const (
	slowAddresses = 50
	slowEach      = 100
)

func needLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the clients have many addresses of 127.0.0.0/8, and memory is read from /proc: only Linux has both")
	}
}

// TestSlowHeaders has 5,000 connections send their headers at a byte a second. From one address, most are never heard. From 50, all
// are within the limit, cost little and end by the header's timeout. An honest client hears nothing of either.
func TestSlowHeaders(t *testing.T) {
	needLinux(t)
	ctx := bounded(t)
	server := startPlateau(ctx, t, t.TempDir(), "--durability", "none", "--limit-address-connections", itoa(slowEach))
	client := startHonest(ctx, t, server.files, nil)
	calm := client.lap(ctx, t, 200)
	before := server.footprint(ctx, t)
	const header = "POST /files/ HTTP/1.1\r\nHost: x\r\nX-Slow: "

	one := attack(ctx, t, server.addr, 1, slowAddresses*slowEach, header)
	await(ctx, t, "what is far too much is closed", func() bool { return one.stillOpen() <= 2*slowEach })
	t.Logf("one address opened %d connections, and %d stayed open", slowAddresses*slowEach, one.stillOpen())
	server.grown(ctx, t, before, 32<<20, "5,000 slow headers from one address")
	client.lap(ctx, t, 1)
	one.trickle(ctx)
	unharmed(t, "5,000 slow headers from one address", calm, client.lap(ctx, t, 100))
	dropped := server.whole(ctx, t, "plateau_connections_dropped_total")
	if dropped < (slowAddresses-2)*slowEach {
		t.Errorf("%d connections were dropped", dropped)
	}

	many := attack(ctx, t, server.addr, slowAddresses, slowEach, header)
	began := time.Now()
	client.lap(ctx, t, 1)
	many.trickle(ctx)
	t.Logf("the server closed all of them within %s", time.Since(began).Round(time.Second))
	server.peaked(t, before, slowLimit*slowAddresses*slowEach, "5,000 slow headers from 50 addresses")
	unharmed(t, "5,000 slow headers from 50 addresses", calm, client.lap(ctx, t, 100))
	if now := server.whole(ctx, t, "plateau_connections_dropped_total"); now != dropped {
		t.Errorf("%d connections within the limit were dropped", now-dropped)
	}
	await(ctx, t, "only the honest client is counted", func() bool {
		return server.whole(ctx, t, `plateau_limited_clients{holding="connections"}`) <= 1
	})
	if lines := strings.Count(server.log.String(), "a client is at its limit"); lines < 1 || lines > 20 {
		t.Errorf("%d lines of the log warn of it", lines)
	}
}

// TestSlowBodies has 5,000 connections send their bodies at a byte a second, where 1 KiB is the least. All are cut, what they sent is
// kept, and an honest client hears nothing of it.
func TestSlowBodies(t *testing.T) {
	needLinux(t)
	ctx := bounded(t)
	server := startPlateau(ctx, t, t.TempDir(), "--durability", "none", "--limit-address-connections", itoa(slowEach), "--min-rate", "1KiB")
	client := startHonest(ctx, t, server.files, nil)
	calm := client.lap(ctx, t, 200)
	before := server.footprint(ctx, t)

	const all = slowAddresses * slowEach
	many := attack(ctx, t, server.addr, slowAddresses, slowEach, "POST /files/ HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 1048576\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: 1048576\r\n\r\nx")

	// Beside them, a PATCH that is too slow hears so, and can go on where it was.
	plain := newTus(ctx, server.files)
	address := plain.mustCreate(t, 1<<20, nil)
	conn, err := net.Dial("tcp", server.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: 1048576\r\n\r\nxyz", address)
	said := make(chan string, 1)
	go func() {
		a, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			said <- err.Error()
			return
		}
		said <- a.Status + " " + a.Header.Get("Retry-After")
	}()
	began := time.Now()
	client.lap(ctx, t, 1)
	many.trickle(ctx)
	t.Logf("the server cut all of them within %s", time.Since(began).Round(time.Second))
	server.peaked(t, before, slowLimit*all, "5,000 slow bodies")
	unharmed(t, "5,000 slow bodies", calm, client.lap(ctx, t, 100))
	if heard := many.times("HTTP/1.1 201"); heard != all { // a POST that is cut has made an upload, and says where
		t.Errorf("%d of %d clients were told where to go on", heard, all)
	}

	select {
	case answer := <-said:
		if answer != "503 Service Unavailable 1" {
			t.Errorf("a PATCH that is too slow heard %q", answer)
		}
	case <-ctx.Done():
		t.Fatal("a PATCH that is too slow was not cut")
	}
	plain.mustHead(t, address, 3)
}
