package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// uploadKillSize is what the issue of this command asks for: 1 GB.
const uploadKillSize = 1_000_000_000

// TestUploadCommandKilled uploads 1 GB by `plateau upload`, which is killed with -9 twice, as is its server once, each in the
// middle of the one PATCH. Nothing begins anew: one POST, identical bytes, and no byte is sent again that the server had.
// In the long version each is killed six times, in random order.
func TestUploadCommandKilled(t *testing.T) {
	ctx, random := bounded(t), seeded(t)
	victims := []string{"client", "server", "client"}
	if fullWanted() {
		victims = slices.Repeat([]string{"client", "server"}, 6)
		random.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	}
	path, sum := randomFile(t, random, uploadKillSize)
	server := startPlateau(ctx, t, t.TempDir())
	proxy := startProxy(t, server.addr, nil)
	proxy.hold(0)
	command := newUploadCommand(t, proxy.files(), path)
	command.start(t)

	var id string
	await(ctx, t, "the upload exists", func() bool {
		for _, r := range records(t, server.uploads()) {
			id = r.ID
		}
		return id != "" && proxy.last("PATCH").method != ""
	})
	var peak int64 // of the client's memory
	var lost int64 // had been sent, and was not in the file when the next run asked
	points := killPoints(random, uploadKillSize, len(victims))
	limit := points[0]
	proxy.hold(limit)
	for i, victim := range victims {
		await(ctx, t, "the PATCH has come to the point of the next kill", func() bool {
			last := proxy.last("PATCH")
			return last.inside() && !last.over && last.reached() == limit && dataSize(server.uploads(), id) == limit
		})
		peak = max(peak, command.peakMemory(t))
		if victim == "client" {
			command.kill()
			proxy.release() // what the client had handed to its system is still sent
		} else {
			server.kill()
		}
		await(ctx, t, "the proxy has noticed", func() bool { return proxy.last("PATCH").over })
		cut, patches := proxy.last("PATCH"), len(proxy.seen("PATCH"))
		t.Logf("the %s was killed at %d", victim, limit)
		if i+1 < len(points) {
			limit = max(points[i+1], cut.reached()+1)
			proxy.hold(limit)
		} else {
			proxy.release()
		}
		// From here on the next PATCH is held, whoever sends it.
		if victim == "client" {
			command.start(t)
		} else {
			server.start(ctx, t)
		}
		await(ctx, t, "it goes on", func() bool { return len(proxy.seen("PATCH")) > patches })
		next := proxy.seen("PATCH")[patches].start
		if next > cut.reached() || next < cut.start+1 {
			t.Fatalf("%d were sent when the %s was killed, and it goes on at %d", cut.reached(), victim, next)
		}
		lost += cut.reached() - next
	}
	if code := command.wait(ctx, t); code != 0 {
		t.Fatalf("plateau upload ended with %d", code)
	}
	if posts := proxy.seen("POST"); len(posts) != 1 {
		t.Errorf("%d POSTs reached a server, want 1: %v", len(posts), statuses(posts))
	}
	if sent := proxy.bodyBytes(); sent != uploadKillSize+lost {
		t.Errorf("%d bytes were sent for a file of %d, of which %d were lost on their way", sent, uploadKillSize, lost)
	}
	if got := len(records(t, server.uploads())); got != 1 {
		t.Errorf("%d uploads in the folder, want 1", got)
	}
	if !sealed(server.uploads(), id) || fileSum(t, filepath.Join(server.uploads(), id)) != sum {
		t.Error("the upload isn't sealed, or its bytes aren't the file's")
	}
	if !slices.Contains(strings.Split(command.log.String(), "\n"), proxy.files()+id) {
		t.Error("the upload's address is no line of what it said")
	}
	if left, _ := filepath.Glob(filepath.Join(command.state, "plateau", "uploads", "*")); len(left) > 0 {
		t.Errorf("still remembered: %q", left)
	}
	if limit := int64(64 << 20); peak > limit && !raceWanted() {
		t.Errorf("plateau upload took %d bytes of memory, more than %d", peak, limit)
	}
	t.Logf("%d bytes had been sent and not kept; the client's memory peaked at %d", lost, peak)
}

// TestUploadCommandThroughAProxy takes the proxy that the environment names.
func TestUploadCommandThroughAProxy(t *testing.T) {
	ctx, random := bounded(t), seeded(t)
	path, _ := randomFile(t, random, 1000)
	server := startPlateau(ctx, t, t.TempDir()) // it takes a proxy's requests for its own
	command := newUploadCommand(t, "http://plateau.invalid/files/", path)
	command.env = append(command.env, "HTTP_PROXY=http://"+server.addr, "http_proxy=", "NO_PROXY=", "no_proxy=")
	command.start(t)
	if code := command.wait(ctx, t); code != 0 || len(records(t, server.uploads())) != 1 {
		t.Errorf("plateau upload ended with %d, and the server has %d uploads", code, len(records(t, server.uploads())))
	}
}

// TestUploadCommandOfALostReader uploads all files though nobody reads the addresses any more, and says so.
func TestUploadCommandOfALostReader(t *testing.T) {
	ctx, random := bounded(t), seeded(t)
	a, _ := randomFile(t, random, 1000)
	b, _ := randomFile(t, random, 1000)
	server := startPlateau(ctx, t, t.TempDir())
	bin, err := binaries.plateau()
	if err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader.Close()
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, bin, "upload", "--quiet", "--to", server.files, "--state", t.TempDir(), a, b)
	command.Stdout, command.Stderr = writer, &stderr
	_ = command.Run()
	if code := command.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.String(), "broken pipe") {
		t.Errorf("plateau upload ended with %d (%s) and said %q", code, command.ProcessState, stderr.String())
	}
	if got := len(records(t, server.uploads())); got != 2 {
		t.Errorf("%d uploads in the folder, want 2", got)
	}
}

// TestUploadCommandRemembersSafely syncs the folder after the record got its name, and before the first byte is sent.
func TestUploadCommandRemembersSafely(t *testing.T) {
	needStrace(t)
	ctx, random := bounded(t), seeded(t)
	path, _ := randomFile(t, random, 1000)
	server := startPlateau(ctx, t, t.TempDir())
	bin, err := binaries.plateau()
	if err != nil {
		t.Fatal(err)
	}
	state, calls := t.TempDir(), filepath.Join(t.TempDir(), "calls")
	command := exec.CommandContext(ctx, "strace", "-f", "-y", "-s", "200", "-e", "signal=none", "-e", "trace=fsync,/rename,write",
		"-o", calls, bin, "upload", "--quiet", "--to", server.files, "--state", state, path)
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("plateau upload: %v\n%s", err, said)
	}
	text, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	rest := string(text)
	for _, want := range []string{".tmp>", "upload-", "fsync", "<" + state + ">", `"PATCH /files/`} {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("no %s where it belongs in\n%s", want, text)
		}
		rest = after
	}
}

// uploadCommand is `plateau upload`, run again and again on the same memory.
type uploadCommand struct {
	process
	state string
}

func newUploadCommand(t *testing.T, to string, files ...string) *uploadCommand {
	t.Helper()
	bin, err := binaries.plateau()
	if err != nil {
		t.Fatal(err)
	}
	c := &uploadCommand{state: t.TempDir()}
	c.process = process{
		bin: bin, log: newLineLog(t, "plateau upload"),
		args: append([]string{"upload", "--to", to}, files...),
		env:  []string{"XDG_STATE_HOME=" + c.state},
	}
	t.Cleanup(c.kill)
	return c
}
