package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/client"
	"plateau/config"
	"plateau/server"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// plateau is a real server over a folder of the test.
type plateau struct {
	files   string // http://host:port/files/
	addr    string
	uploads string // the folder
}

func startPlateau(t *testing.T) plateau {
	t.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.AdminListen, cfg.DataDir, cfg.Durability = "127.0.0.1:0", "", t.TempDir(), "none"
	s, err := server.New(server.Options{Config: cfg, Log: slog.New(slog.DiscardHandler), Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return plateau{"http://" + s.Addr() + "/files/", s.Addr(), filepath.Join(cfg.DataDir, "uploads")}
}

// kept is an upload as it lies in the server's folder.
type kept struct {
	ID       string
	Size     int64
	MetaData map[string]string
	data     []byte
	sealed   bool
}

// all lists the uploads that the server has.
func (p plateau) all(t *testing.T) []kept {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(p.uploads, "*.info"))
	if err != nil {
		t.Fatal(err)
	}
	var list []kept
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var k kept
		if err := json.Unmarshal(text, &k); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := strings.TrimSuffix(name, ".info")
		if k.data, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		k.sealed = info.Mode().Perm()&0o222 == 0
		list = append(list, k)
	}
	return list
}

// wantOne wants the server to have exactly one upload, whole and sealed, at that address.
func (p plateau) wantOne(t *testing.T, address string, content []byte) kept {
	t.Helper()
	all := p.all(t)
	if len(all) != 1 {
		t.Fatalf("the server has %d uploads, want 1", len(all))
	}
	if !bytes.Equal(all[0].data, content) || !all[0].sealed {
		t.Errorf("the upload has %d bytes, sealed %v; or they are not those of the file's %d", len(all[0].data), all[0].sealed, len(content))
	}
	if want := p.files + all[0].ID; !strings.HasSuffix(address, "/files/"+all[0].ID) {
		t.Errorf("address %s, want %s", address, want)
	}
	return all[0]
}

// sourceFile writes random bytes to a file.
func sourceFile(t *testing.T, name string, size int) (path string, content []byte) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24), byte(seed >> 32)})
	content = make([]byte, size)
	_, _ = random.Read(content)
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// events keeps what a client says. on, if set, hears each event too.
type events struct {
	on func(client.Event)

	mu   sync.Mutex
	list []client.Event
}

func (e *events) watch(event client.Event) {
	e.mu.Lock()
	e.list = append(e.list, event)
	e.mu.Unlock()
	if e.on != nil {
		e.on(event)
	}
}

// of lists the events of a kind so far.
func (e *events) of(kind client.Kind) []client.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []client.Event
	for _, event := range e.list {
		if event.Kind == kind {
			list = append(list, event)
		}
	}
	return list
}

// quick makes a client that tries again after milliseconds, and gives up after patience.
func quick(t *testing.T, endpoint string, change func(*client.Options)) (*client.Client, *events) {
	t.Helper()
	said := &events{}
	o := client.Options{
		Endpoint: endpoint, State: t.TempDir(), RetryFor: patience, Watch: said.watch,
		MinDelay: time.Millisecond, MaxDelay: 20 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, said
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// cutter passes connections on to a server, and resets each when it has taken as many bytes from the client as the next of
// its limits says. Without a limit left it passes everything on.
type cutter struct {
	target string
	wg     sync.WaitGroup

	mu     sync.Mutex
	limits []int64
}

func startCutter(t *testing.T, target string, limits ...int64) (c *cutter, files string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c = &cutter{target: target, limits: limits}
	ctx, cancel := context.WithCancel(t.Context())
	c.wg.Go(func() { c.accept(ctx, listener) })
	t.Cleanup(func() {
		cancel()
		listener.Close()
		c.wg.Wait()
	})
	return c, "http://" + listener.Addr().String() + "/files/"
}

func (c *cutter) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.limits)
}

func (c *cutter) accept(ctx context.Context, listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		c.wg.Go(func() { c.pass(ctx, conn.(*net.TCPConn)) })
	}
}

func (c *cutter) pass(ctx context.Context, from *net.TCPConn) {
	defer from.Close()
	to, err := net.Dial("tcp", c.target)
	if err != nil {
		return
	}
	defer to.Close()
	defer context.AfterFunc(ctx, func() { from.Close(); to.Close() })()
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(from, to)
		from.CloseWrite()
	})
	c.mu.Lock()
	limit := int64(-1)
	if len(c.limits) > 0 {
		limit = c.limits[0]
	}
	c.mu.Unlock()
	if limit < 0 {
		_, _ = io.Copy(to, from)
	} else if n, _ := io.CopyN(to, from, limit); n == limit {
		c.mu.Lock()
		c.limits = c.limits[1:]
		c.mu.Unlock()
		_ = from.SetLinger(0) // a reset
		from.Close()
	}
	to.Close()
	answers.Wait()
}

// stub answers as a test says, and counts the requests by method.
type stub struct {
	mu   sync.Mutex
	seen []*http.Request
}

func (s *stub) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r)
}

func (s *stub) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.seen {
		if r.Method == method {
			n++
		}
	}
	return n
}
