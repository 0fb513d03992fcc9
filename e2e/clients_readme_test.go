package e2e

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeClients runs the README's programs as they stand, save for the server's address, while the server is killed in the
// middle of the upload and started again.
func TestReadmeClients(t *testing.T) {
	t.Run("tus-js-client", func(t *testing.T) {
		t.Parallel()
		goesOn(t, onDisk, readmeNode)
	})
	t.Run("tusgo", func(t *testing.T) {
		t.Parallel()
		goesOn(t, onDisk, readmeGo)
	})
}

// exampleSize is the size of the file that the README's programs send.
const exampleSize = 20_000_000

func goesOn(t *testing.T, over starter, start func(ctx context.Context, t *testing.T, folder, addr string) *example) {
	t.Helper()
	ctx, random := bounded(t), seeded(t)
	folder := t.TempDir()
	sum := video(t, random, folder)
	server := over(ctx, t)
	proxy := startProxy(t, server.addr, nil)
	point := 1 + random.Int64N(exampleSize-1)
	proxy.hold(point)
	e := start(ctx, t, folder, proxy.listener.Addr().String())
	await(ctx, t, "the upload has come to the point of the kill", func() bool {
		last, b := proxy.last(http.MethodPatch), server.backend()
		return !e.ended() && last.reached() == point && (!b.seesAll() || b.kept(t, idOf(last.path)) == point)
	})
	server.kill()
	server.start(ctx, t)
	proxy.release()
	e.wait(ctx, t)
	wantOne(t, server, proxy, sum)
	if !strings.Contains(e.log.String(), "done: http://"+proxy.listener.Addr().String()+"/files/") {
		t.Error("the example doesn't say where the file is")
	}
}

// wantOne wants one upload with these bytes that was made by one POST.
func wantOne(t *testing.T, server *plateau, proxy *proxy, sum string) {
	t.Helper()
	b := server.backend()
	all, posts := b.records(t), proxy.seen(http.MethodPost)
	if len(all) != 1 || len(posts) != 1 {
		t.Fatalf("%d uploads after %d POSTs, want one: %v", len(all), len(posts), statuses(posts))
	}
	if !b.sealed(all[0].ID) {
		t.Fatal("the upload is not sealed")
	}
	if got := b.sum(t, all[0].ID); got != sum {
		t.Errorf("SHA-256 of the upload is %s, of the file %s", got, sum)
	}
}

// readmeNode starts the README's program for tus-js-client.
func readmeNode(ctx context.Context, t *testing.T, folder, addr string) *example {
	t.Helper()
	node := needNode(t)
	modules, err := filepath.Abs(filepath.Join("node", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "upload.mjs"), strings.ReplaceAll(readmeBlock(t, "js", "tus-js-client"), readmeAddress, addr))
	return startExample(ctx, t, folder, node, "upload.mjs")
}

// readmeGo builds and starts the README's program for tusgo. Being built from this folder, it finds tusgo in our go.mod.
func readmeGo(ctx context.Context, t *testing.T, folder, addr string) *example {
	t.Helper()
	source, bin := filepath.Join(t.TempDir(), "main.go"), filepath.Join(t.TempDir(), "upload")
	write(t, source, strings.ReplaceAll(readmeBlock(t, "go", "go"), readmeAddress, addr))
	for _, step := range [][]string{{"vet", source}, {"build", "-o", bin, source}} {
		if text, err := exec.CommandContext(ctx, "go", step...).CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", step[0], err, text)
		}
	}
	return startExample(ctx, t, folder, bin)
}

// example is a program that the README shows.
type example struct {
	log  *lineLog
	done chan struct{}
	err  error // read it after done
}

// startExample starts a program in a folder. The test's end ends it.
func startExample(ctx context.Context, t *testing.T, folder, name string, args ...string) *example {
	t.Helper()
	e := &example{log: newLineLog(t, "the example"), done: make(chan struct{})}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, e.log, e.log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the example: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-e.done
	})
	go func() {
		defer close(e.done)
		e.err = cmd.Wait()
	}()
	return e
}

// ended says whether the program is over.
func (e *example) ended() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// wait returns when the program has ended, and fails the test unless it did so well.
func (e *example) wait(ctx context.Context, t *testing.T) {
	t.Helper()
	select {
	case <-e.done:
	case <-ctx.Done():
		t.Fatalf("the example did not end: %v", context.Cause(ctx))
	}
	if e.err != nil {
		t.Fatalf("the example failed: %v", e.err)
	}
}

// video puts a file of random bytes where the README's programs look for it, and returns its SHA-256.
func video(t *testing.T, random *rand.Rand, folder string) string {
	t.Helper()
	path, sum := randomFile(t, random, exampleSize)
	if err := os.Rename(path, filepath.Join(folder, "video.mp4")); err != nil {
		t.Fatal(err)
	}
	return sum
}
