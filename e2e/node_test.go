package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// job is what upload.mjs reads: see there.
type job struct {
	Files     []string       `json:"files"`
	Endpoint  string         `json:"endpoint,omitempty"`
	UploadURL string         `json:"uploadUrl,omitempty"`
	Storage   string         `json:"storage,omitempty"`
	Source    string         `json:"source,omitempty"`
	Restarts  int            `json:"restarts"`
	Options   map[string]any `json:"options,omitempty"`
}

// heard is a line that upload.mjs prints.
type heard struct {
	Upload     int
	Event      string
	Method     string
	URL        string
	Status     int
	Offset     *int64
	Location   string
	RetryAfter string
	Message    string
}

// client is tus-js-client running in Node.
type client struct {
	log    *lineLog
	errors *lineLog
	exited chan struct{}
	err    error
	cmd    *exec.Cmd
}

// needNode finds Node and the packages of its tests, or skips the test.
func needNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Node", "apt-get install -y nodejs npm")
	}
	if _, err := os.Stat(filepath.Join("node", "node_modules", "tus-js-client")); err != nil {
		missing(t, "tus-js-client", "npm ci --prefix e2e/node")
	}
	return node
}

// startClient starts the Node script. The test's end ends it.
func startClient(ctx context.Context, t *testing.T, j job) *client {
	t.Helper()
	node := needNode(t)
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{log: newLineLog(t, "the client"), errors: newLineLog(t, "Node"), exited: make(chan struct{})}
	c.cmd = exec.CommandContext(ctx, node, "upload.mjs", string(text))
	c.cmd.Dir = "node"
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.errors
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("start Node: %v", err)
	}
	t.Cleanup(c.kill)
	go func() {
		defer close(c.exited)
		c.err = c.cmd.Wait()
	}()
	return c
}

// kill ends the client as a crash of the browser would.
func (c *client) kill() {
	_ = c.cmd.Process.Kill()
	<-c.exited
}

// wait returns when the client has ended, and fails the test unless all its uploads succeeded.
func (c *client) wait(ctx context.Context, t *testing.T) {
	t.Helper()
	select {
	case <-c.exited:
	case <-ctx.Done():
		t.Fatalf("the client did not end: %v", context.Cause(ctx))
	}
	if c.err != nil {
		t.Fatalf("the client failed: %v", c.err)
	}
}

// ended says whether the client's process is over.
func (c *client) ended() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// heard returns what the client has heard so far.
func (c *client) heard(t *testing.T) []heard {
	t.Helper()
	var list []heard
	for line := range strings.Lines(c.log.String()) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var h heard
		if err := json.Unmarshal([]byte(line), &h); err != nil {
			t.Fatalf("the client printed %q: %v", line, err)
		}
		list = append(list, h)
	}
	return list
}

// answers returns the answers with this method and status; 0 stands for any status.
func (c *client) answers(t *testing.T, method string, status int) []heard {
	t.Helper()
	return slices.DeleteFunc(c.heard(t), func(h heard) bool {
		return h.Event != "answer" || h.Method != method || status != 0 && h.Status != status
	})
}

// offsetsNeverFall fails the test when an offset that any of the uploads heard lies below one it had heard before.
func (c *client) offsetsNeverFall(t *testing.T) {
	t.Helper()
	type key struct {
		upload int
		url    string
	}
	highest := map[key]int64{}
	for _, h := range c.heard(t) {
		if h.Event != "answer" || h.Offset == nil || h.Status >= 300 {
			continue
		}
		at := key{h.Upload, h.URL}
		if *h.Offset < highest[at] {
			t.Errorf("%s %s says offset %d, but %d had been acknowledged", h.Method, h.URL, *h.Offset, highest[at])
		}
		highest[at] = max(highest[at], *h.Offset)
	}
}

// randomFile writes a file of random bytes and returns its path and its SHA-256.
func randomFile(t *testing.T, random *rand.Rand, size int64) (path, sum string) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "source-")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(random.Uint32())
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(rand.NewChaCha8(seed), size)); err != nil {
		t.Fatal(err)
	}
	return file.Name(), hex.EncodeToString(hash.Sum(nil))
}

// fileSum is the SHA-256 of a file.
func fileSum(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
