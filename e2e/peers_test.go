package e2e

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// promise is a row of README's table: what a scenario sees of each server.
type promise struct {
	name, title string
	try         func(ctx context.Context, t *testing.T, kind peerKind) string
	cells       cells
}

type cells struct{ plateau, tusd, node, rustus string }

// of is a server's cell.
func (c *cells) of(kind peerKind) *string {
	return map[string]*string{"Plateau": &c.plateau, "tusd": &c.tusd, "@tus/server": &c.node, "rustus": &c.rustus}[kind.name]
}

// promises is the table. The cells of Plateau are what it owes; those of the others keep README true.
func promises() []promise {
	return []promise{
		{"cut", "Connection cut, or server killed with -9, in mid-request", cutOrKilled, cells{
			plateau: "all kept",
			tusd:    "all kept",
			node:    "all kept",
			rustus:  "nothing kept",
		}},
		{"terminated", "A deploy in mid-request: SIGTERM, and -9 after 5 s", terminated, cells{
			plateau: "503, all kept",
			tusd:    "503, all kept",
			node:    "no answer, all kept",
			rustus:  "no answer, nothing kept",
		}},
		{"second", "HEAD, then PATCH, while an older request hangs", secondRequest, cells{
			plateau: "at once; HEAD cuts nothing",
			tusd:    "after seconds; HEAD ends the older one (400)",
			node:    "after seconds; HEAD ends the older one (204, short)",
			rustus:  "at once, from zero; HEAD cuts nothing",
		}},
		{"synced", "On stable storage before the last answer", synced, cells{
			plateau: "the bytes, their record, their names",
			tusd:    "nothing",
			node:    "nothing",
			rustus:  "nothing; with `--force-fsync` the bytes",
		}},
		{"record", "Killed with -9 while it rewrites an upload's record", recordKilled, cells{
			plateau: "goes on",
			tusd:    "lost; rewritten only to declare a length late",
			node:    "lost; rewritten only to declare a length late",
			rustus:  "lost",
		}},
		{"joined", "Parallel parts joined, the answer lost, asked again", finalLost, cells{
			plateau: "the same upload, 1 × its size on disk",
			tusd:    "another upload, 3 × its size on disk",
			node:    "not offered",
			rustus:  "another upload, 3 × its size on disk",
		}},
		{"memory", "Memory after 40,000 small uploads", memory, cells{
			plateau: "32 MB",
			tusd:    "380 MB",
			node:    "not measured",
			rustus:  "not measured",
		}},
		{"wishes", "What clients may wish for (below)", wishes, cells{
			plateau: "all; also expiration",
			tusd:    "all",
			node:    "all but method override, parallel parts, downloads by range; also expiration",
			rustus:  "all but empty files; also checksum",
		}},
		{"around", "Where uploads go; who hears of a finished one", around, cells{
			plateau: "disk, S3; log, HTTP, Kafka",
			tusd:    "disk, S3, Google Cloud, Azure; log, scripts, HTTP, gRPC, Go plugin",
			node:    "disk, S3, Google Cloud, Azure; own code",
			rustus:  "disk, S3; log, scripts, HTTP, AMQP, Kafka, NATS",
		}},
	}
}

// The column of rustus is measured by hand, since no registry has it built.
const (
	rustusVersion  = "1.1.4"
	rustusMeasured = "2026-11-25"
)

// TestPeers tries the same things with Plateau, tusd, @tus/server and, where PLATEAU_RUSTUS names a binary, rustus, and
// compares what it sees with the table in README. It writes the table that it sees to the file that PLATEAU_E2E_PEERS names.
func TestPeers(t *testing.T) {
	var mu sync.Mutex
	table := promises()
	t.Run("all", func(t *testing.T) {
		for i := range table {
			p := &table[i]
			for _, kind := range peerKinds() {
				if kind.name == "rustus" && rustus() == "" {
					continue // its column stays as it was measured
				}
				t.Run(p.name+"/"+kind.name, func(t *testing.T) {
					t.Parallel()
					saw := p.try(bounded(t), t, kind)
					mu.Lock()
					defer mu.Unlock()
					want := *p.cells.of(kind)
					*p.cells.of(kind) = saw
					switch {
					case saw == want:
					case kind.name == "Plateau":
						t.Errorf("%s: saw %q; Plateau promises %q", p.title, saw, want)
					default:
						t.Errorf("%s: saw %q of %s, README says %q: change promises and README's table", p.title, saw, kind.name, want)
					}
				})
			}
		}
	})
	if path := os.Getenv("PLATEAU_E2E_PEERS"); path != "" {
		if err := os.WriteFile(path, []byte(peersBegin+peersTable(t, table)+peersEnd), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

const peersBegin, peersEnd = "<!-- peers:begin -->\n", "<!-- peers:end -->\n"

// TestPeersInReadme wants README to show the table as it stands here. PLATEAU_E2E_README names another file to look into.
func TestPeersInReadme(t *testing.T) {
	path := "../README.md"
	if other := os.Getenv("PLATEAU_E2E_README"); other != "" {
		path = other
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begun := strings.Cut(string(text), peersBegin)
	got, _, ended := strings.Cut(rest, peersEnd)
	if want := peersTable(t, promises()); !begun || !ended || got != want {
		t.Errorf("%s must say between its lines %s and %s:\n%s",
			path, strings.TrimSpace(peersBegin), strings.TrimSpace(peersEnd), want)
	}
}

// peersTable is the table as README shows it, with the sentences that it needs.
func peersTable(t *testing.T, table []promise) string {
	t.Helper()
	var text strings.Builder
	kinds := peerKinds()
	var wished []string
	for _, w := range allWishes() {
		wished = append(wished, w.name)
	}
	text.WriteString("| |")
	for _, kind := range kinds {
		text.WriteString(" " + kind.name + " |")
	}
	text.WriteString("\n|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for _, p := range table {
		text.WriteString("| " + p.title + " |")
		for _, kind := range kinds {
			text.WriteString(" " + *p.cells.of(kind) + " |")
		}
		text.WriteString("\n")
	}
	fmt.Fprintf(&text, `
Each with its defaults, over one disk; for the memory with less of a log. Wished for: %s.
[e2e/peers_test.go](e2e/peers_test.go) tries tusd %s and @tus/server %s (with @tus/file-store %s, as its README shows
it) in CI, and fails when a cell is no longer true; memory is from [bench/RESULTS.md](bench/RESULTS.md). rustus %s was tried by
hand with the same test on %s, with a larger `+"`--max-body-size`"+` than its 256 KiB.
`,
		strings.Join(wished, ", "), pinned(t, "../bench/go.mod", `github.com/tus/tusd/v2 (v\S+)`),
		pinned(t, "node/package.json", `"@tus/server": "([^"]+)"`), pinned(t, "node/package.json", `"@tus/file-store": "([^"]+)"`),
		rustusVersion, rustusMeasured)
	return text.String()
}

// pinned is the version that a file of dependencies names.
func pinned(t *testing.T, path, pattern string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s has nothing like %s", path, pattern)
	}
	return string(found[1])
}
