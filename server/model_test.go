package server_test

import (
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

const (
	most      = 40  // requests of a sequence
	sequences = 200 // of a test without a fuzzer
)

// FuzzRequests sends sequences of requests, right and wrong ones, by two owners and a
// stranger, and holds each answer against a model of what the server knows: whose each
// upload is, how long, how much of it has come. No answer is a fault, no mistake changes
// anything, and in the end each finished upload has made one event and no other has.
//
// The requests don't pass a network: what that adds, the tests beside this one are for.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		"", "\x00\x00\x00\x05", "createpatchheadgetdelete", strings.Repeat("\x01\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00", 9),
		"\x00\x00\x01\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x08\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x01",
	} {
		f.Add([]byte(seed))
	}
	rules := newWorld(f)
	f.Fuzz(func(t *testing.T, script []byte) { rules.run(t, script) })
}

// The same with random scripts, in the tests of every day.
func TestRandomRequests(t *testing.T) {
	rules, random := newWorld(t), seeded(t)
	for range sequences {
		script := make([]byte, 20*most)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		rules.run(t, script)
	}
}

// run does what a script says, against the server of rules.
func (rules *world) run(t *testing.T, script []byte) {
	w := *rules
	w.t, w.script = t, script
	for range most {
		if len(w.script) == 0 {
			break
		}
		w.step()
	}
	w.end()
}

// world is the model of a server, and that server.
type world struct {
	t      *testing.T
	dir    string
	edge   http.Handler
	tokens map[string]string // by owner
	events *eventCounts

	script  []byte
	uploads []*modelUpload
	lost    int // uploads that were made without anybody hearing where
	trace   []string
}

// newWorld starts a server that is used for all sequences.
func newWorld(t testing.TB) *world {
	w := &world{
		dir: t.TempDir(), events: &eventCounts{of: map[string]int{}},
		tokens: map[string]string{"anna": "anna-anna", "bert": "bert-bert", "root": "root-root", "nobody": "wrong"},
	}
	file := filepath.Join(t.TempDir(), "tokens")
	lines := "anna:" + hexOf("anna-anna") + "\nbert:" + hexOf("bert-bert") + "\nroot:" + hexOf("root-root") + ":admin\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Listen, cfg.AdminListen, cfg.DataDir = "127.0.0.1:0", "", w.dir
	cfg.Durability, cfg.MinFreeSpace, cfg.MaxSize = "none", 0, modelMaxSize
	cfg.Auth, cfg.AuthTokensFile = "token", file
	log := slog.New(slog.DiscardHandler)
	s, err := server.New(server.Options{Config: cfg, Log: log, Level: new(slog.LevelVar), Out: w.events})
	if err == nil {
		err = s.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	w.edge = s.Edge()
	return w
}

// pick returns a number below n, from the script.
func (w *world) pick(n int) int {
	if len(w.script) == 0 {
		return 0
	}
	b := int(w.script[0])
	w.script = w.script[1:]
	return b % n
}

// seldom is true for one in n.
func (w *world) seldom(n int) bool { return w.pick(n) == n-1 }

// step does one thing.
func (w *world) step() {
	switch w.pick(12) {
	case 0, 1, 2:
		w.create()
	case 3, 4, 5:
		w.patch()
	case 6:
		w.head()
	case 7:
		w.get()
	case 8:
		w.remove()
	case 9:
		w.concat()
	case 10:
		w.form()
	case 11:
		w.odd()
	}
}

// odd sends what is no request of tus.
func (w *world) odd() {
	u, who := w.target()
	method := []string{"PUT", "OPTIONS", "TRACE", "", "POST", "post", "GET", "LINK", "PATCH"}[w.pick(9)]
	path := []string{"/files/", "/files/" + u.id, "/files", "/upload", "/files/..", "/files/" + u.id + "/", "/files//" + u.id, "/"}[w.pick(8)]
	a := ask{method: method, path: path, who: who, version: w.pick(2) == 0}
	if method == "POST" {
		a.header = append(a.header, "X-HTTP-Method-Override: "+[]string{"PUT", "get", "OPTIONS", "X", " DELETE"}[w.pick(5)])
	}
	if got := w.send(a); got.status < 300 && w.method(a) != "OPTIONS" && w.method(a) != "GET" {
		w.fail("taken for something")
	}
	w.look(u)
}

// end looks at all uploads, removes them, and counts the events.
func (w *world) end() {
	for _, u := range w.uploads {
		w.look(u)
		w.read(u, u.owner, "")
	}
	for _, u := range w.uploads {
		w.delete(u, u.owner, true)
	}
	for _, u := range w.uploads {
		w.look(u)
		if !u.finished {
			continue
		}
		w.awaitEvent(u)
	}
	for range w.lost + 1 {
		for _, name := range w.files() {
			if id := strings.TrimSuffix(name, ".info"); id == name {
				w.send(ask{method: "DELETE", path: "/files/" + id, who: "root", version: true})
				w.events.take(id)
			}
		}
	}
	if names := w.files(); len(names) > 0 {
		w.fail("left behind: %q", names)
	}
	if more := w.events.rest(); len(more) > w.lost {
		w.fail("events of what isn't finished, or twice: %v", more)
	}
}

// awaitEvent waits for an upload's event.
func (w *world) awaitEvent(u *modelUpload) {
	for deadline := time.Now().Add(5 * time.Second); !w.events.take(u.id); {
		if time.Now().After(deadline) {
			w.fail("no event of %s", u.id)
		}
		time.Sleep(100 * time.Microsecond) // between two looks
	}
}

func (w *world) files() []string {
	entries, err := os.ReadDir(filepath.Join(w.dir, "uploads"))
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

// eventCounts are the events on standard output, by upload.
type eventCounts struct {
	mu sync.Mutex // guards of
	of map[string]int
}

// Write is io.Writer; each line is an event.
func (e *eventCounts) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		var event struct{ ID string }
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			return 0, err
		}
		e.of[strings.TrimSuffix(event.ID, ":finished")]++
	}
	return len(p), nil
}

// take reports whether an upload has an event, and forgets that one.
func (e *eventCounts) take(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.of[id] == 0 {
		return false
	}
	if e.of[id]--; e.of[id] == 0 {
		delete(e.of, id)
	}
	return true
}

// rest are the events that nobody took.
func (e *eventCounts) rest() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	rest := e.of
	e.of = map[string]int{}
	return rest
}
