package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestReadyOverManyUploads starts the server over a folder with 20,000 uploads (100,000 with PLATEAU_E2E=full, which takes
// the disk a minute to make and remove), half of them sealed, the rest receiving, and some complete and waiting for their
// finish. It is ready within a second, and neither that nor the sweep over the folder costs memory: the peak is that of a
// server with an empty folder, and 10 MB at most.
func TestReadyOverManyUploads(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peak of a process's memory is read from /proc, which only Linux has")
	}
	if raceWanted() {
		t.Skip("the race detector's own memory and time would be measured")
	}
	uploads := 20_000
	if fullWanted() {
		uploads = 100_000
	}
	const (
		margin = 10 << 20
		limit  = time.Second
	)
	ctx := bounded(t)
	empty := startPlateau(ctx, t, t.TempDir())
	idle := empty.peakMemory(t)
	empty.kill()

	data := t.TempDir()
	begin := time.Now()
	waiting := fillFolder(ctx, t, filepath.Join(data, "uploads"), uploads)
	t.Logf("%d uploads made in %v", uploads, time.Since(begin).Round(time.Millisecond))

	server := startPlateau(ctx, t, data)
	ready, atReady := server.ready, server.peakMemory(t)
	client := newTus(ctx, server.files)
	if a := client.get("/readyz"); a.status != http.StatusOK {
		t.Errorf("/readyz answers %v when the server says that it serves", a)
	}
	address := client.mustCreate(t, 4, nil)
	client.mustPatch(t, address, 0, []byte("data"))

	begin = time.Now()
	await(ctx, t, "the sweep has sealed what was complete", func() bool {
		for len(waiting) > 0 && sealed(server.uploads(), waiting[0]) {
			waiting = waiting[1:]
		}
		return len(waiting) == 0
	})
	swept := server.peakMemory(t)
	t.Logf("ready in %v; the sweep was through %v later; peak memory %.1f MB with an empty folder, %.1f at ready, %.1f after the sweep",
		ready.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), mb(idle), mb(atReady), mb(swept))
	if ready > limit {
		t.Errorf("ready after %v, want at most %v", ready, limit)
	}
	if atReady > idle+margin || swept > idle+margin {
		t.Errorf("the folder costs memory: %.1f MB empty, %.1f at ready, %.1f after the sweep", mb(idle), mb(atReady), mb(swept))
	}
	if !server.alive() {
		t.Error("the server has ended")
	}
}

func mb(n int64) float64 { return float64(n) / 1e6 }

// fillFolder makes n uploads as they lie on disk, without a server, and returns the ids of those that are complete and not
// sealed: one in 60, half of them marked as Plateau's own.
func fillFolder(ctx context.Context, t *testing.T, folder string, n int) (waiting []string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	var making sync.WaitGroup
	errs := make(chan error, 2)
	for worker := range cap(errs) {
		making.Go(func() {
			for i := worker; i < n; i += cap(errs) {
				if ctx.Err() != nil {
					return
				}
				if err := makeUpload(folder, i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	making.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	for i := range n {
		if kindOf(i) == complete {
			waiting = append(waiting, uploadID(i))
		}
	}
	return waiting
}

type kind int

const (
	sealedKind kind = iota
	receiving
	complete
)

// kindOf says what the upload with this number is: of 60, 31 are sealed, 28 receiving, one complete.
func kindOf(i int) kind {
	switch n := i % 60; {
	case n == 59:
		return complete
	case n < 31:
		return sealedKind
	default:
		return receiving
	}
}

func uploadID(i int) string { return fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15) }

func makeUpload(folder string, i int) error {
	r := record{
		ID: uploadID(i), Size: 16, MetaData: map[string]string{"filename": "report.pdf"},
		Storage: map[string]string{"Type": "filestore", "Plateau": "1"},
	}
	offset, mode := r.Size, os.FileMode(0o444)
	switch kindOf(i) {
	case receiving:
		offset, mode = 5, 0o644
	case complete:
		mode = 0o644
		if i%120 == 59 {
			delete(r.Storage, "Plateau")
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return writeBoth(filepath.Join(folder, r.ID), offset, mode, text)
}

// writeBoth makes an upload's two files. The data is a hole, which is quicker to make and to remove.
func writeBoth(name string, size int64, mode os.FileMode, record []byte) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(size), file.Close()); err != nil {
		return err
	}
	return os.WriteFile(name+".info", record, 0o644)
}
