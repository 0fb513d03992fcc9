package e2e

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestFromTusd takes a folder of tusd over as docs/FROM-TUSD.md says, and hands it back.
func TestFromTusd(t *testing.T) {
	t.Parallel()
	ctx, random, root := bounded(t), seeded(t), t.TempDir()
	before := filepath.Join(root, "srv", "tusd")
	tusd, files := startTusd(ctx, t, before)
	h := begin(t, random, newTus(ctx, files))
	tusd.signal(syscall.SIGTERM)
	tusd.wait(ctx, t)
	// All of it is old.
	list, err := os.ReadDir(before)
	must(t, err)
	old := time.Now().Add(-48 * time.Hour)
	for _, entry := range list {
		must(t, os.Chtimes(filepath.Join(before, entry.Name()), old, old))
	}

	said := runDoc(ctx, t, root, "take-over")
	for _, address := range []string{h.plain, h.deferred, h.parts[0], h.parts[1]} {
		if !strings.Contains(said, idOf(address)) {
			t.Errorf("plateau expire --dry-run does not speak of %s:\n%s", idOf(address), said)
		}
	}
	if strings.Contains(said, idOf(h.finished)) {
		t.Errorf("plateau expire --dry-run would take a finished upload:\n%s", said)
	}
	server := startPlateau(ctx, t, filepath.Join(root, "srv", "plateau"), "--expire-after", "0")
	final := h.end(t, newTus(ctx, server.files))
	want := []string{idOf(h.plain), idOf(h.deferred), idOf(final)}
	server.awaitDelivered(ctx, t, want)
	if got := slices.Sorted(maps.Keys(server.events())); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("events of %v, want of %v", got, want)
	}
	client := newTus(ctx, server.files)
	later := client.mustCreate(t, halfwaySize, nil)
	client.mustPatch(t, later, 0, h.content[:halfwaySize/2])
	terminate(ctx, t, server)

	_, files = startTusd(ctx, t, server.uploads())
	client = newTus(ctx, files)
	for _, address := range []string{h.plain, h.deferred, h.finished} {
		client.mustGet(t, address, h.content)
	}
	client.mustHead(t, final, 2*halfwaySize)
	client.mustPatch(t, later, halfwaySize/2, h.content[halfwaySize/2:])
	client.mustGet(t, later, h.content)
}

// TestBackup copies the folder of a running server, while nobody takes its events and uploads go on, and restores it.
func TestBackup(t *testing.T) {
	t.Parallel()
	ctx, random, root := bounded(t), seeded(t), t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "backup"), 0o755))
	var back atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !back.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(receiver.Close)
	server := startPlateau(ctx, t, filepath.Join(root, "srv", "plateau"), "--webhook-url", receiver.URL)
	waiting := createMany(ctx, t, server, 40)
	client, content := newTus(ctx, server.files), randomBytes(random, 300_000)
	half := client.mustCreate(t, int64(len(content)), nil)
	client.mustPatch(t, half, 0, content[:100_000])

	// Between the two copies events are delivered and uploads come.
	commands := strings.Split(docBlock(t, "backup"), "\n")
	at := slices.IndexFunc(commands, func(line string) bool { return strings.Contains(line, "outbox") })
	runScript(ctx, t, root, strings.Join(commands[:at+1], "\n"))
	back.Store(true)
	between := createMany(ctx, t, server, 40)
	await(ctx, t, "no event waits", func() bool { return len(waitingEvents(t, server.data)) == 0 })
	runScript(ctx, t, root, strings.Join(commands[at+1:], "\n"))
	server.kill()

	runDoc(ctx, t, root, "restore")
	restored := startPlateau(ctx, t, filepath.Join(root, "srv", "restored"))
	all := append(waiting, between...)
	restored.awaitDelivered(ctx, t, all)
	events := restored.delivered(t)
	for _, id := range all {
		if events[id].ID == "" || !sealed(restored.uploads(), id) || dataSize(restored.uploads(), id) != events[id].Data.Size {
			t.Errorf("upload %s after the restore: event %+v, %d bytes, sealed %v", id, events[id], dataSize(restored.uploads(), id), sealed(restored.uploads(), id))
		}
	}
	client = newTus(ctx, restored.files)
	client.mustHead(t, half, 100_000)
	client.mustPatch(t, half, 100_000, content[100_000:])
	client.mustGet(t, half, content)
}

// TestFromTusdFlags wants each flag of which docs/FROM-TUSD.md speaks to exist.
func TestFromTusdFlags(t *testing.T) {
	text := readDoc(t)
	for _, kind := range peerKinds()[:2] {
		says, pattern := kind.says(t), "`(--[a-z-]+)"
		if kind.name == "tusd" {
			pattern = "`(-[a-z][a-z-]+[a-z])[ `]"
		}
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
		if len(found) < 12 {
			t.Errorf("only %d flags of %s are spoken of", len(found), kind.name)
		}
		for _, flag := range found {
			if !regexp.MustCompile(`(?m)^\s+`+flag[1]+`\b`).MatchString(says) && flag[1] != "--dry-run" {
				t.Errorf("%s has no %s", kind.name, flag[1])
			}
		}
	}
}

func readDoc(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "FROM-TUSD.md"))
	must(t, err)
	return string(text)
}

func docBlock(t *testing.T, name string) string {
	t.Helper()
	found, wrong := block(readDoc(t), "bash", name)
	if wrong != "" {
		t.Fatalf("docs/FROM-TUSD.md: %s", wrong)
	}
	return found
}

// runDoc runs a block of docs/FROM-TUSD.md with root in place of /, and returns what it says.
func runDoc(ctx context.Context, t *testing.T, root, name string) string {
	t.Helper()
	return runScript(ctx, t, root, docBlock(t, name))
}

func runScript(ctx context.Context, t *testing.T, root, script string) string {
	t.Helper()
	bin, err := binaries.plateau()
	must(t, err)
	script = strings.NewReplacer("/srv/", root+"/srv/", "/backup/", root+"/backup/", "plateau ", bin+" ").Replace(script)
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	text, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, text)
	}
	return string(text)
}
