package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPowerCut cuts the power of a server under 16 clients: its uploads lie on an ext4 of their own in an image file; at a random
// moment the process is stopped, and the image is copied as it is, with what the kernel had brought to it by then. The copy is
// mounted and served again. Each upload whose success a client has heard is there with its bytes and record, and its event was
// delivered before, or is now (in every other cut nothing was before); no event is about bytes that are not there. CI cuts five times, PLATEAU_E2E=full
// 100 times.
func TestPowerCut(t *testing.T) {
	needImages(t)
	cuts := 5
	if fullWanted() {
		cuts = 100
	}
	random := seeded(t)
	blank := blankImage(t, t.TempDir(), imageSize)
	var all, waited, told, unheard, restored int
	for i := range cuts {
		ctx, folder := boundedBy(t, time.Minute), t.TempDir()
		before := mountImage(t, copyImage(t, blank, filepath.Join(folder, "before.img")), filepath.Join(folder, "before"))
		server := startPlateau(ctx, t, filepath.Join(before.at, "data"), "--digest", "sha256", "--min-free-space", "0")
		if i%2 == 0 {
			// Whom events go to is away, so that all of them wait.
			terminate(ctx, t, server)
			server.args = append(server.args, "--webhook-url", "http://"+freeAddr(t)+"/")
			server.start(ctx, t)
		}
		crowd := startCrowd(ctx, t, random, 16, server.files)
		await(ctx, t, "a client has heard a success", crowd.hasHeard)
		// A power cut at a random moment needs a moment to wait for; nothing depends on how long it is.
		<-time.After(50*time.Millisecond + time.Duration(random.Int64N(int64(400*time.Millisecond))))

		server.signal(syscall.SIGSTOP)
		await(ctx, t, "all threads have stopped", func() bool { return stopped(t, server.cmd.Process.Pid) })
		image := before.copyAsItIs(t, filepath.Join(folder, "after.img"))
		// An answer that was on its way when the process was stopped counts as heard: it can't be taken back.
		heard := crowd.abandon(server.kill)
		before.unmount(t)

		after := mountImage(t, image, filepath.Join(folder, "after"))
		server.moveTo(filepath.Join(after.at, "data"))
		if i%2 == 0 {
			server.args = server.args[:len(server.args)-2]
		}
		waiting, delivered := waitingEvents(t, server.data), server.delivered(t)
		server.start(ctx, t) // small uploads come back from the journal
		for _, u := range heard {
			if r, err := readRecord(server.uploads(), u.id); !u.removed && (err != nil || r.Size != u.size) {
				t.Errorf("a success was heard of %s; its record says %d bytes, error %v", u, r.Size, err)
			}
		}
		for id, e := range delivered {
			if size := dataSize(server.uploads(), id); size != e.Data.Size && !crowd.removes(id) {
				t.Errorf("the event of %s was delivered; of its %d bytes there are %d", id, e.Data.Size, size)
			}
		}
		restored += strings.Count(server.log.String(), "written anew from the journal")
		awaitAnnounced(ctx, t, server)
		server.awaitDelivered(ctx, t, idsOf(heard))
		server.kill()
		wantNoneDead(t, server.data)
		wantHeard(t, server, heard)
		wantTrue(t, server, crowd.sent())
		all, waited, told = all+len(heard), waited+len(waiting), told+len(delivered)
		unheard += len(server.events()) - len(heard)
		after.unmount(t)
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("at cut %d of %d", i+1, cuts)
		}
	}
	t.Logf("%d cuts, %d with uploads that came back from the journal; %d successes heard; %d events had been delivered, %d waited; "+
		"%d are of uploads whose success nobody heard", cuts, restored, all, told, waited, unheard)
	if restored == 0 {
		t.Error("no upload ever came back from the journal")
	}
}

// awaitAnnounced waits until every upload that is complete is sealed and announced.
func awaitAnnounced(ctx context.Context, t *testing.T, server *plateau) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(server.uploads(), "*.info"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		// A record that was not on the disk yet may be empty or zeros; of those of finished uploads, none may.
		r, err := readRecord(server.uploads(), strings.TrimSuffix(filepath.Base(name), ".info"))
		if err != nil || r.IsPartial || r.SizeIsDeferred || dataSize(server.uploads(), r.ID) != r.Size {
			continue
		}
		await(ctx, t, "upload "+r.ID+" is sealed and announced", func() bool {
			return sealed(server.uploads(), r.ID) && server.events()[r.ID] > 0
		})
	}
}

// stopped says whether every thread of a process stands still, so that none is inside a system call.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	list, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(list) == 0 {
		t.Fatalf("list the threads of %d: %v", pid, err)
	}
	for _, name := range list {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		if !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return true
}
