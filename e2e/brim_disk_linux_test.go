package e2e

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// smallDisk is the size of a disk that is filled.
const smallDisk = 64 << 20

// TestFullDisk fills a disk of 64 MiB to the brim by eight clients. Each answer is one after which a client goes on; HEAD, GET
// and DELETE work when no block is free, and so does a restart after kill -9; once clients remove what they have finished,
// uploads go on where they were and finish. Nothing that was acknowledged is lost.
func TestFullDisk(t *testing.T) {
	needImages(t)
	ctx, folder, random := boundedBy(t, 3*time.Minute), t.TempDir(), seeded(t)
	disk := mountImage(t, blankImage(t, folder, smallDisk), filepath.Join(folder, "disk"))
	server := startPlateau(ctx, t, filepath.Join(disk.at, "data"), "--min-free-space", "0")
	b := newBrim(ctx, t, server.files, "ERR_STORAGE_FULL")
	for range 8 {
		b.add(random, "client", nil, 2<<20)
	}
	b.start()
	b.awaitFull(b.clients...)
	// ext4 keeps a fiftieth for itself.
	await(ctx, t, "no block is free", func() bool { return freeBytes(t, disk.at) <= smallDisk/50 })
	b.wantOpenThere()
	b.wantRemovable()

	server.kill()
	server.start(ctx, t)
	b.awaitFull(b.clients...)
	b.wantOpenThere()

	b.removing.Store(true)
	b.awaitDone(5, b.clients...)
	b.end()
	b.wantAll(server)
	b.removeAll()
	if left := freeBytes(t, disk.at); !t.Failed() && left < smallDisk/2 {
		t.Errorf("when all uploads are removed, %d bytes are free", left)
	}
	server.kill()
	disk.unmount(t)
}

// TestMinFreeSpace fills the same disk up to what has to stay free: what is declared is never taken if it doesn't fit, so what
// was taken always finishes.
func TestMinFreeSpace(t *testing.T) {
	needImages(t)
	ctx, folder, random := boundedBy(t, 3*time.Minute), t.TempDir(), seeded(t)
	disk := mountImage(t, blankImage(t, folder, smallDisk), filepath.Join(folder, "disk"))
	const stays = 16 << 20
	server := startPlateau(ctx, t, filepath.Join(disk.at, "data"), "--min-free-space", "16MiB")
	b := newBrim(ctx, t, server.files, "ERR_STORAGE_FULL")
	for range 8 {
		b.add(random, "client", nil, 2<<20)
	}
	b.start()
	b.awaitFull(b.clients...)
	// Records, journal and outbox are not counted ahead, nor is what has no length.
	if left := freeBytes(t, disk.at); left < stays-10<<20 {
		t.Errorf("there are %d bytes left, of %d that were to stay", left, stays)
	}
	b.wantOpenThere()
	b.removing.Store(true)
	b.awaitDone(5, b.clients...)
	b.end()
	b.wantAll(server)
	server.kill()
	disk.unmount(t)
}

// freeBytes is what is left of a file system, for root.
func freeBytes(t *testing.T, at string) int64 {
	t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(at, &stat); err != nil {
		t.Fatal(err)
	}
	return int64(stat.Bfree) * stat.Bsize
}
