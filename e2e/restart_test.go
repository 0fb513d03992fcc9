package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestRestartUnderLoad sends SIGTERM while 50 uploads run, a download stands still because its client doesn't read, and 10
// connections stand open that never sent a byte, and one more at the admin listener. The server is gone within 2 s, and all
// 50 uploads go on after the restart from where they were.
func TestRestartUnderLoad(t *testing.T) {
	const (
		uploads = 50
		silent  = 10
		size    = 1 << 20
		half    = size/2 + 17
	)
	ctx, random := bounded(t), seeded(t)
	var paths []string
	sums := map[string]bool{}
	for range uploads {
		path, sum := randomFile(t, random, size)
		paths = append(paths, path)
		sums[sum] = true
	}
	data := t.TempDir()
	big := bigUpload(t, data)
	server := startPlateau(ctx, t, data)
	proxy := startProxy(t, server.addr, nil)
	proxy.hold(half)
	for range silent {
		connect(t, server.addr)
	}
	connect(t, server.admin)
	download := connect(t, server.addr)
	beginDownload(t, download, big)
	client := startClient(ctx, t, job{Files: paths, Endpoint: proxy.files()})
	await(ctx, t, "all uploads have come halfway", func() bool {
		at := 0
		for _, r := range records(t, server.uploads()) {
			if dataSize(server.uploads(), r.ID) == half {
				at++
			}
		}
		return at == uploads
	})

	took := terminate(ctx, t, server)
	t.Logf("the server was gone after %v", took)
	if took > 2*time.Second {
		t.Errorf("the server took %v to end, want at most 2 s", took)
	}
	if n, err := io.Copy(io.Discard, download); n >= bigSize {
		t.Errorf("a client that didn't read was given %d bytes, the whole file (%v)", n, err)
	}
	server.start(ctx, t)
	proxy.release()
	client.wait(ctx, t)

	if cut := client.answers(t, http.MethodPatch, http.StatusServiceUnavailable); len(cut) != uploads {
		t.Errorf("%d PATCHes heard 503, want %d", len(cut), uploads)
	} else {
		for _, h := range cut {
			if h.RetryAfter == "" {
				t.Error("a 503 came without Retry-After")
				break
			}
		}
	}
	if posts := proxy.seen(http.MethodPost); len(posts) != uploads {
		t.Errorf("%d POSTs for %d uploads", len(posts), uploads)
	}
	if sent := proxy.bodyBytes(); sent != uploads*size {
		t.Errorf("%d bytes were sent for %d", sent, uploads*size)
	}
	client.offsetsNeverFall(t)
	for _, r := range records(t, server.uploads()) {
		if r.ID == big {
			continue
		}
		sum := fileSum(t, filepath.Join(server.uploads(), r.ID))
		if !sums[sum] {
			t.Errorf("upload %s is none of the files, or a second one of the same", r.ID)
		}
		delete(sums, sum)
		if !sealed(server.uploads(), r.ID) {
			t.Errorf("upload %s is not sealed", r.ID)
		}
	}
	if len(sums) != 0 {
		t.Errorf("%d files are not in the folder", len(sums))
	}
}

// bigSize is more than the buffers of a connection hold.
const bigSize = 256 << 20

// bigUpload makes a sealed upload of bigSize in a data folder that no server has yet, and returns its id.
func bigUpload(t *testing.T, data string) string {
	t.Helper()
	r := record{ID: uploadID(1), Size: bigSize, Storage: map[string]string{"Type": "filestore", "Plateau": "1"}}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(data, "uploads")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeBoth(filepath.Join(folder, r.ID), bigSize, 0o444, text); err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// connect opens a connection for the rest of the test.
func connect(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(testTimeout)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// beginDownload asks for an upload and reads nothing of it but the first line of the answer.
func beginDownload(t *testing.T, conn net.Conn, id string) {
	t.Helper()
	if _, err := fmt.Fprintf(conn, "GET /files/%s HTTP/1.1\r\nHost: %s\r\n\r\n", id, conn.RemoteAddr()); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("HTTP/1.1 200 OK\r\n"))
	if _, err := io.ReadFull(conn, line); err != nil || string(line) != "HTTP/1.1 200 OK\r\n" {
		t.Fatalf("the download begins with %q, error %v", line, err)
	}
}

// TestCreationCutByShutdown sends SIGTERM while a POST carries the data. The client hears 201 with the upload's address and
// goes on by PATCH: nothing is created twice.
func TestCreationCutByShutdown(t *testing.T) {
	const (
		size = 8 << 20
		half = 3<<20 + 5
	)
	ctx, random := bounded(t), seeded(t)
	path, sum := randomFile(t, random, size)
	server := startPlateau(ctx, t, t.TempDir())
	proxy := startProxy(t, server.addr, nil)
	proxy.hold(half)
	client := startClient(ctx, t, job{
		Files: []string{path}, Endpoint: proxy.files(), Options: map[string]any{"uploadDataDuringCreation": true},
	})
	var id string
	await(ctx, t, "the POST's body has come partway", func() bool {
		for _, r := range records(t, server.uploads()) {
			id = r.ID
		}
		return id != "" && dataSize(server.uploads(), id) == half
	})
	terminate(ctx, t, server)
	server.start(ctx, t)
	proxy.release()
	client.wait(ctx, t)

	posts := client.answers(t, http.MethodPost, 0)
	if len(posts) != 1 || posts[0].Status != http.StatusCreated || idOf(posts[0].Location) != id {
		t.Fatalf("answers to POST: %+v, want one 201 with the Location of %s", posts, id)
	}
	if posts[0].Offset == nil || *posts[0].Offset != half {
		t.Errorf("the POST's answer has offset %v, want %d", posts[0].Offset, half)
	}
	if posts := proxy.seen(http.MethodPost); len(posts) != 1 {
		t.Errorf("%d POSTs reached a server, want 1", len(posts))
	}
	if sent := proxy.bodyBytes(); sent != size {
		t.Errorf("%d bytes were sent for %d", sent, size)
	}
	if got := fileSum(t, filepath.Join(server.uploads(), id)); got != sum {
		t.Errorf("SHA-256 of the upload is %s, of the file %s", got, sum)
	}
}

// TestTakeOver lets two clients send the same upload at the same time. The one that is overtaken hears 423, and both end well.
func TestTakeOver(t *testing.T) {
	const (
		size = 4 << 20
		half = 1<<20 + 11
	)
	ctx, random := bounded(t), seeded(t)
	path, sum := randomFile(t, random, size)
	server := startPlateau(ctx, t, t.TempDir())
	proxy := startProxy(t, server.addr, nil)
	proxy.hold(half)
	first := startClient(ctx, t, job{Files: []string{path}, Endpoint: proxy.files()})
	var id string
	await(ctx, t, "the first client has come partway", func() bool {
		for _, r := range records(t, server.uploads()) {
			id = r.ID
		}
		return id != "" && dataSize(server.uploads(), id) == half
	})
	second := startClient(ctx, t, job{
		Files: []string{path}, Endpoint: proxy.files(), UploadURL: proxy.files() + id,
		Options: map[string]any{"chunkSize": 256 << 10},
	})
	await(ctx, t, "the first client was overtaken", func() bool {
		if first.ended() {
			t.Fatal("the first client gave up")
		}
		return len(first.answers(t, http.MethodPatch, http.StatusLocked)) > 0
	})
	proxy.release()
	first.wait(ctx, t)
	second.wait(ctx, t)

	for _, h := range first.answers(t, http.MethodPatch, http.StatusLocked) {
		if h.RetryAfter == "" {
			t.Error("a 423 came without Retry-After")
		}
	}
	if posts := proxy.seen(http.MethodPost); len(posts) != 1 {
		t.Errorf("%d POSTs reached a server, want 1", len(posts))
	}
	first.offsetsNeverFall(t)
	second.offsetsNeverFall(t)
	if got := fileSum(t, filepath.Join(server.uploads(), id)); got != sum {
		t.Errorf("SHA-256 of the upload is %s, of the file %s", got, sum)
	}
}

// terminate sends SIGTERM, wants a good end and says how long it took.
func terminate(ctx context.Context, t *testing.T, server *plateau) time.Duration {
	t.Helper()
	begin := time.Now()
	server.signal(syscall.SIGTERM)
	if code := server.wait(ctx, t); code != 0 {
		t.Errorf("the server ended with code %d after SIGTERM, want 0", code)
	}
	return time.Since(begin)
}
