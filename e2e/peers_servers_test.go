package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// peerKind is a tus server that can be started here: Plateau itself or one that people choose instead.
type peerKind struct {
	name string
	// start starts it over an empty folder, with its defaults and these flags.
	start func(ctx context.Context, t *testing.T, folder string, flags ...string) *peer
	// says is its help or its README, for what it can do beside what is tried.
	says func(t *testing.T) string
	// durable are flags that make it bring more to stable storage than it does by itself.
	durable []string
}

// peer is a running server.
type peer struct {
	*process
	addr   string // host:port
	files  string // where uploads are created
	folder string // where its data files and records lie
	record string // how a record's name ends
	again  func() // starts it again after it has ended
}

// peerKinds are the columns of the table, in order.
func peerKinds() []peerKind {
	return []peerKind{
		{
			name: "Plateau",
			start: func(ctx context.Context, t *testing.T, folder string, flags ...string) *peer {
				p := startPlateau(ctx, t, folder, flags...)
				return &peer{&p.process, p.addr, p.files, p.uploads(), ".info", func() { p.start(ctx, t) }}
			},
			says: func(t *testing.T) string {
				bin, err := binaries.plateau()
				return output(t, bin, err, "serve", "--help")
			},
		},
		{
			name: "tusd",
			start: func(ctx context.Context, t *testing.T, folder string, _ ...string) *peer {
				p, files := startTusd(ctx, t, folder)
				addr := strings.Split(files, "/")[2]
				return &peer{p, addr, files, folder, ".info", func() { p.restart(ctx, t, addr) }}
			},
			says: func(t *testing.T) string {
				bin, err := binaries.tusd()
				return output(t, bin, err, "-help")
			},
		},
		{
			name: "@tus/server",
			start: func(ctx context.Context, t *testing.T, folder string, _ ...string) *peer {
				node, err := exec.LookPath("node")
				if err != nil {
					missing(t, "Node", "apt-get install -y nodejs npm")
				}
				if _, err := os.Stat(filepath.Join("node", "node_modules", "@tus", "server")); err != nil {
					missing(t, "@tus/server", "npm ci --prefix e2e/node")
				}
				return startPeer(ctx, t, node, folder, ".json", func(host, port string) []string {
					return []string{filepath.Join("node", "peer-server.mjs"), folder, host, port}
				})
			},
			says: func(t *testing.T) string {
				text, err := os.ReadFile(filepath.Join("node", "node_modules", "@tus", "server", "README.md"))
				if err != nil {
					missing(t, "@tus/server", "npm ci --prefix e2e/node")
				}
				return string(text) + azureStore
			},
		},
		{
			name: "rustus",
			start: func(ctx context.Context, t *testing.T, folder string, flags ...string) *peer {
				return startPeer(ctx, t, rustus(), folder, ".info", func(host, port string) []string {
					return append([]string{
						"--host", host, "--port", port, "--data-dir", folder, "--info-dir", folder,
						"--max-body-size", "67108864", // by itself it takes 256 KiB a request
					}, flags...)
				})
			},
			says:    func(t *testing.T) string { return output(t, rustus(), nil, "--help") },
			durable: []string{"--force-fsync"},
		},
	}
}

// azureStore is what the README of @tus/server leaves out of the stores that its registry has.
const azureStore = "\n@tus/azure-store\n"

// rustus is the binary that PLATEAU_RUSTUS names, empty if none is to be tried. It has to be built from its repository
// (cargo build --release in github.com/s3rius/rustus), which takes minutes, so CI does without. Rust 1.95 builds 1.1.4 after
// "cargo update -p metrics --precise 0.23.1".
func rustus() string { return os.Getenv("PLATEAU_RUSTUS") }

// startPeer starts a server that is told where to listen, and ends it with the test.
func startPeer(ctx context.Context, t *testing.T, bin, folder, record string, args func(host, port string) []string) *peer {
	t.Helper()
	addr := freeAddr(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{bin: bin, args: args(host, port), log: newLineLog(t, filepath.Base(bin))}
	t.Cleanup(p.kill)
	p.restart(ctx, t, addr)
	return &peer{p, addr, "http://" + addr + "/files/", folder, record, func() { p.restart(ctx, t, addr) }}
}

// restart starts the process and returns when it listens.
func (p *process) restart(ctx context.Context, t *testing.T, addr string) {
	t.Helper()
	p.start(t)
	await(ctx, t, filepath.Base(p.bin)+" listens", func() bool {
		if !p.alive() {
			t.Fatalf("%s ended while starting: %v", p.bin, p.err)
		}
		conn, err := net.Dial("tcp", addr)
		return err == nil && conn.Close() == nil
	})
}

// output is what a command prints, whatever its exit code: some end their help with 2.
func output(t *testing.T, bin string, err error, args ...string) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
	if len(text) == 0 {
		t.Fatalf("%s %v said nothing: %v", bin, args, err)
	}
	return string(text)
}

// within looks at a condition until it holds, and says whether it did in time.
func within(ctx context.Context, limit time.Duration, holds func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
