package e2e

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// honest is a client that uploads 4 KiB again and again, beside an attack.
type honest struct {
	stop  context.CancelFunc
	ended sync.WaitGroup

	mu    sync.Mutex // guards what follows
	took  []time.Duration
	wrong string // an answer that it must not hear
}

// honestPause lies between two uploads, so that the client is no attack itself.
const honestPause = 10 * time.Millisecond

// startHonest starts one that keeps its connection. It ends with end, or with the test.
func startHonest(ctx context.Context, t *testing.T, files string, h headers) *honest {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	c := &honest{stop: cancel}
	transport := &http.Transport{}
	client := &tus{ctx: ctx, files: files, kept: transport}
	all := headers{"Upload-Length": "4096", "Content-Type": "application/offset+octet-stream"}
	for name, value := range h {
		all[name] = value
	}
	c.ended.Go(func() {
		defer transport.CloseIdleConnections()
		body := bytes.Repeat([]byte("honest!\n"), 512)
		tick := time.NewTicker(honestPause)
		defer tick.Stop()
		for ctx.Err() == nil {
			begin := time.Now()
			a := client.do(http.MethodPost, files, all, body)
			c.mu.Lock()
			switch {
			case ctx.Err() != nil:
			case a.err != nil || a.status != http.StatusCreated || a.offset() != 4096:
				c.wrong = a.String()
			default:
				c.took = append(c.took, time.Since(begin))
			}
			c.mu.Unlock()
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	t.Cleanup(func() { cancel(); c.ended.Wait() })
	return c
}

// lap waits until at least so many uploads more have been answered, and returns how long the slowest of a hundred of all
// since the last lap took.
func (c *honest) lap(ctx context.Context, t *testing.T, least int) (p99 time.Duration) {
	t.Helper()
	await(ctx, t, "an honest client has uploaded", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.took) >= least || c.wrong != ""
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wrong != "" {
		t.Fatalf("an honest client heard: %s", c.wrong)
	}
	slices.Sort(c.took)
	p99 = c.took[len(c.took)*99/100]
	c.took = nil
	return p99
}

// unharmed says how an honest client fared before an attack and beside it. It wants all its uploads to have gone well (lap does),
// and none to have waited for what an attack may hold.
func unharmed(t *testing.T, attack string, before, beside time.Duration) {
	t.Helper()
	t.Logf("%s: an honest client's p99 of 4 KiB was %.1f ms before, %.1f ms beside it", attack, ms(before), ms(beside))
	if limit := max(100*before, 5*time.Second); beside > limit {
		t.Errorf("%s: an honest client waited for %s, more than %s", attack, beside, limit)
	}
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// attackers are connections from chosen addresses of this machine.
type attackers struct {
	t    *testing.T
	open sync.WaitGroup // until the server has closed each

	mu    sync.Mutex // guards what follows; conns grows no more once attack has returned
	conns []net.Conn
	heard map[string]int // the beginnings of answers; empty: closed without one
	left  int
}

// attack opens connections to addr from each of so many addresses at once, and sends each the same beginning. Only Linux
// has all of 127.0.0.0/8.
func attack(ctx context.Context, t *testing.T, addr string, addresses, each int, begin string) *attackers {
	t.Helper()
	a := &attackers{t: t, heard: map[string]int{}}
	t.Cleanup(a.end)
	var opening sync.WaitGroup
	for i := range addresses {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i))}}
		opening.Go(func() {
			for range each {
				conn, err := from.DialContext(ctx, "tcp", addr)
				if err != nil { // it was closed as soon as it was open
					a.count("")
					continue
				}
				a.watch(conn)
				_, _ = io.WriteString(conn, begin) // an error: it is closed, and watch says so
			}
		})
	}
	opening.Wait()
	return a
}

// watch reads from a connection until the server answers or closes it.
func (a *attackers) watch(conn net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conns = append(a.conns, conn)
	a.left++
	a.open.Go(func() {
		var first [12]byte // HTTP/1.1 503
		n, _ := conn.Read(first[:])
		_ = conn.Close()
		a.count(string(first[:n]))
		a.mu.Lock()
		defer a.mu.Unlock()
		a.left--
	})
}

func (a *attackers) count(answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard[answer]++
}

// times is how often an answer was heard.
func (a *attackers) times(answer string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.heard[answer]
}

// stillOpen is how many connections the server has not closed yet.
func (a *attackers) stillOpen() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.left
}

// trickle sends a byte a second on each until the server has closed them all, and returns how long that took.
func (a *attackers) trickle(ctx context.Context) time.Duration {
	a.t.Helper()
	begin := time.Now()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for a.stillOpen() > 0 {
		select {
		case <-second.C:
		case <-ctx.Done():
			a.t.Fatalf("%d of the attack's connections are still open after %s", a.stillOpen(), time.Since(begin))
		}
		for _, conn := range a.conns {
			_, _ = conn.Write([]byte("x")) // an error: it is closed
		}
	}
	return time.Since(begin)
}

func (a *attackers) end() {
	for _, conn := range a.conns {
		_ = conn.Close()
	}
	a.open.Wait()
}

// grown is how much more memory than before a server takes, in bytes.
func (p *plateau) grown(ctx context.Context, t *testing.T, before footprint, limit int64, what string) {
	t.Helper()
	now := p.footprint(ctx, t)
	t.Logf("%s: resident memory %.1f MB, %+.1f MB; heap and stack %+.1f MB", what, mb(now.resident), mb(now.resident-before.resident), mb(now.inUse-before.inUse))
	if !raceWanted() && now.resident-before.resident > limit {
		t.Errorf("%s: the server's memory grew by %.1f MB, more than %.1f", what, mb(now.resident-before.resident), mb(limit))
	}
}

// peaked is grown for the most that the server has ever taken.
func (p *plateau) peaked(t *testing.T, before footprint, limit int64, what string) {
	t.Helper()
	peak := p.peakMemory(t)
	t.Logf("%s: resident memory was %.1f MB at most, %+.1f MB", what, mb(peak), mb(peak-before.resident))
	if !raceWanted() && peak-before.resident > limit {
		t.Errorf("%s: the server's memory grew by %.1f MB, more than %.1f", what, mb(peak-before.resident), mb(limit))
	}
}

// whole is a whole number among the metrics.
func (p *plateau) whole(ctx context.Context, t *testing.T, name string) int {
	t.Helper()
	return int(p.number(ctx, t, name))
}

func itoa(n int) string { return strconv.Itoa(n) }
