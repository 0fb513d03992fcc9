package e2e

import (
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
