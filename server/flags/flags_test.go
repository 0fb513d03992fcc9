package flags_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/server/flags"
)

const clientKey = "sdk-neverlogged"

// patience bounds every wait.
const patience = 20 * time.Second

func defaults() flags.Values {
	return flags.Values{WriteBlock: 1 << 20, BufferPool: 4 << 20, Multipart: true, LogLevel: slog.LevelInfo, Profiling: true}
}

// fixture is Flags whose clock is the test's: nothing is looked at until the test says so.
type fixture struct {
	*flags.Flags
	t       *testing.T
	log     *lines
	changes *changes
	ticks   map[string]chan time.Time // by source
	seen    map[string]chan error     // how looks ended, by source
	pauses  chan time.Duration        // before polls
	idle    chan struct{}             // one for each time that the file's next look is waited for
	end     func()                    // ends Run and waits
}

// start makes Flags, and runs them until the test ends.
func start(t *testing.T, opts flags.Options) *fixture {
	t.Helper()
	f := prepare(t, &opts)
	var err error
	if f.Flags, err = flags.New(opts); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx)
	}()
	f.end = sync.OnceFunc(func() {
		cancel()
		wait(t, ended, "Run returns")
	})
	t.Cleanup(f.end)
	return f
}

func prepare(t *testing.T, opts *flags.Options) *fixture {
	f := &fixture{
		t: t, log: &lines{}, changes: &changes{},
		ticks:  map[string]chan time.Time{"file": make(chan time.Time), "growthbook": make(chan time.Time)},
		seen:   map[string]chan error{"file": make(chan error, 1000), "growthbook": make(chan error, 1000)},
		pauses: make(chan time.Duration, 1000),
		idle:   make(chan struct{}, 1000),
	}
	if opts.Defaults == (flags.Values{}) {
		opts.Defaults = defaults()
	}
	if opts.Host != "" && opts.ClientKey == "" {
		opts.ClientKey = clientKey
	}
	opts.Log = slog.New(slog.NewTextHandler(f.log, nil))
	opts.Changed = f.changes.add
	opts.Observed = func(source string, err error) { f.seen[source] <- err }
	opts.After = func(d time.Duration) <-chan time.Time {
		if d == time.Second { // that of the file
			f.idle <- struct{}{}
			return f.ticks["file"]
		}
		f.pauses <- d
		return f.ticks["growthbook"]
	}
	return f
}

// tick lets the time of one look pass, once the loop waits for it.
func (f *fixture) tick(source string) {
	f.t.Helper()
	if source == "file" {
		wait(f.t, f.idle, "the file's next look is waited for")
	}
	select {
	case f.ticks[source] <- time.Time{}:
	case <-time.After(patience):
		f.t.Fatalf("nobody waits for the next look at %s", source)
	}
}

// ended waits for a look to end.
func (f *fixture) ended(source string) error {
	f.t.Helper()
	return wait(f.t, f.seen[source], source+" is looked at")
}

// look has a source looked at once.
func (f *fixture) look(source string) error {
	f.t.Helper()
	f.tick(source)
	return f.ended(source)
}

// doubt has the file looked at without a result.
func (f *fixture) doubt() {
	f.t.Helper()
	f.tick("file")
	f.idle <- wait(f.t, f.idle, "the file was looked at")
	if len(f.seen["file"]) > 0 {
		f.t.Error("a file that may be half-written had a result")
	}
}

// is checks the settings against the defaults with some changes.
func (f *fixture) is(change func(*flags.Values)) {
	f.t.Helper()
	want := defaults()
	change(&want)
	if got := f.Values(); got != want {
		f.t.Errorf("the values are\n%+v, want\n%+v", got, want)
	}
}

func unchanged(*flags.Values) {}

func wait[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain: %s", what)
		panic("unreachable")
	}
}

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) count(part string) int { return strings.Count(l.String(), part) }

// changes is what Changed heard.
type changes struct {
	mu  sync.Mutex
	all []flags.Values
}

func (c *changes) add(v flags.Values) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, v)
}

func (c *changes) list() []flags.Values {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[:len(c.all):len(c.all)]
}

// write writes a file as an editor does: in place, if it is there.
func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newFile(t *testing.T, text string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "flags.json"), text)
}

// features is a payload with default values.
func features(values string) string {
	var all []string
	for pair := range strings.SplitSeq(values, " ") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "" {
			all = append(all, fmt.Sprintf(`%q: {"defaultValue": %s}`, name, value))
		}
	}
	return `{"status": 200, "dateUpdated": "2026-01-02T03:04:05Z", "features": {` + strings.Join(all, ", ") + `}}`
}

// a handler that a test may exchange while the server runs.
type switchable struct {
	mu  sync.Mutex
	now http.HandlerFunc
}

func (s *switchable) set(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = h
}

func (s *switchable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	h := s.now
	s.mu.Unlock()
	h(w, r)
}
