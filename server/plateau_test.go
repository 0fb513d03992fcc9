package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/config"
	"plateau/server"
)

// bound is how long a test waits for what must happen.
const bound = 30 * time.Second

// plateau is a real server on a free port of loopback, and a client for it.
type plateau struct {
	*server.Server
	t    *testing.T
	url  string // scheme and address, without a slash at its end
	dir  string
	log  *logLines
	out  *logLines // standard output: an event on each line
	http *http.Client
}

// settings is the default configuration on free ports and a new folder.
func settings(t *testing.T) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.DataDir = t.TempDir()
	cfg.Durability = "none" // the store's own tests are about the disk
	return cfg
}

// prepare makes a server that is not started. It is stopped with the test.
func prepare(t *testing.T, cfg config.Config) *plateau {
	t.Helper()
	lines, out := &logLines{}, &logLines{}
	level := new(slog.LevelVar)
	level.Set(cfg.LogLevel)
	log := slog.New(slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: level}))
	s, err := server.New(server.Options{Config: cfg, Log: log, Level: level, Out: out})
	if err != nil {
		t.Fatalf("new server: %v", err)
	}
	p := &plateau{Server: s, t: t, dir: cfg.DataDir, log: lines, out: out, http: &http.Client{Transport: &http.Transport{}, Timeout: bound}}
	t.Cleanup(p.stop)
	return p
}

func (p *plateau) start() *plateau {
	p.t.Helper()
	if err := p.Start(p.t.Context()); err != nil {
		p.t.Fatalf("start: %v", err)
	}
	p.url = "http://" + p.Addr()
	return p
}

// run starts a server with changed settings.
func run(t *testing.T, changes ...func(*config.Config)) *plateau {
	t.Helper()
	cfg := settings(t)
	for _, change := range changes {
		change(&cfg)
	}
	return prepare(t, cfg).start()
}

// in is the same server for a subtest.
func (p *plateau) in(t *testing.T) *plateau {
	q := *p
	q.t = t
	return &q
}

// stop stops the server; a second call does nothing.
func (p *plateau) stop() {
	p.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), bound)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		p.t.Errorf("stop: %v", err)
	}
}

// blockFinish makes every finish wait, before its event is safe, until release
// is called. Call it before start. reached yields one value for each finish that
// waits.
func (p *plateau) blockFinish() (reached <-chan struct{}, release func()) {
	in, out := make(chan struct{}, 100), make(chan struct{})
	p.BeforeFinish(func() {
		in <- struct{}{}
		<-out
	})
	release = sync.OnceFunc(func() { close(out) })
	p.t.Cleanup(release)
	return in, release
}

// again starts a new server on the same folder, after the first was stopped.
func (p *plateau) again() *plateau {
	p.t.Helper()
	return p.againWith(func(*config.Config) {})
}

// againWith is again with changed settings.
func (p *plateau) againWith(change func(*config.Config)) *plateau {
	p.t.Helper()
	cfg := settings(p.t)
	cfg.DataDir = p.dir
	change(&cfg)
	return prepare(p.t, cfg).start()
}

// names lists the uploads' files.
func (p *plateau) names() []string {
	p.t.Helper()
	entries, err := os.ReadDir(filepath.Join(p.dir, "uploads"))
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// folder is the uploads' files with what is in them.
func (p *plateau) folder() map[string]string {
	p.t.Helper()
	files := make(map[string]string)
	for _, name := range p.names() {
		files[name] = p.data(name)
	}
	return files
}

// data is what the file of an upload holds.
func (p *plateau) data(location string) string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, "uploads", idOf(location)))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func idOf(location string) string { return location[strings.LastIndexByte(location, '/')+1:] }

// sealed reports whether the data file of an upload has lost its write bits.
func (p *plateau) sealed(location string) bool {
	p.t.Helper()
	stat, err := os.Stat(filepath.Join(p.dir, "uploads", idOf(location)))
	if err != nil {
		p.t.Fatal(err)
	}
	return stat.Mode()&0o222 == 0
}

// until waits for a condition, at most bound.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(bound)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", bound, what)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}

// await waits for a channel, at most bound.
func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(bound):
		t.Fatalf("waited %s in vain: %s", bound, what)
	}
}

// logLines collects a server's log.
type logLines struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all lines.
func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// requests returns the lines about requests with this method and path.
func (l *logLines) requests(t *testing.T, method, path string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for _, line := range l.all(t) {
		if line["msg"] == "request" && line["method"] == method && line["path"] == path {
			found = append(found, line)
		}
	}
	return found
}

func (l *logLines) all(t *testing.T) []map[string]any {
	t.Helper()
	l.mu.Lock()
	text := l.text.String()
	l.mu.Unlock()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var attrs map[string]any
		if err := json.Unmarshal([]byte(line), &attrs); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		all = append(all, attrs)
	}
	return all
}
