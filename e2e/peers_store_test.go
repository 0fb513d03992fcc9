package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// synced looks at what a server brings to stable storage for an upload before it has answered the last PATCH.
func synced(ctx context.Context, t *testing.T, kind peerKind) string {
	needStrace(t)
	by := syncedBy(ctx, t, kind)
	if len(kind.durable) == 0 {
		return by
	}
	more := syncedBy(ctx, t, kind, kind.durable...)
	return fmt.Sprintf("%s; with `%s` %s", by, strings.Join(kind.durable, " "), more)
}

func syncedBy(ctx context.Context, t *testing.T, kind peerKind, flags ...string) string {
	server := kind.start(ctx, t, t.TempDir(), flags...)
	client := newTus(ctx, server.files)
	tr := attach(ctx, t, server.process, "-e", "trace=fsync,fdatasync,syncfs,sync,msync,openat")
	address := client.mustCreate(t, 10, nil)
	client.mustPatch(t, address, 0, []byte("0123456789"))
	text, _ := tr.end(t)
	if other := regexp.MustCompile(`\b(syncfs|sync|msync)\(|\bO_D?SYNC\b`).FindString(text); other != "" {
		t.Errorf("%s syncs by %s, which this test doesn't judge:\n%s", kind.name, other, text)
	}
	// A call that other threads' calls cut in two names its file in the first half.
	file := regexp.QuoteMeta(filepath.Join(server.folder, idOf(address)))
	var what []string
	for _, o := range []offer{
		{"the bytes", file},
		{"their record", file + regexp.QuoteMeta(server.record) + `(\.tmp)?`},
		{"their names", regexp.QuoteMeta(server.folder)},
	} {
		if regexp.MustCompile(`\bf(data)?sync\(\d+<` + o.pattern + `>`).MatchString(text) {
			what = append(what, o.name)
		}
	}
	if len(what) == 0 {
		return "nothing"
	}
	return strings.Join(what, ", ")
}

// recordKilled kills the server with -9 at the moment at which it writes an upload's record anew, once during an ordinary
// PATCH and once when a length that was open is declared, and looks whether the upload can be gone on with.
func recordKilled(ctx context.Context, t *testing.T, kind peerKind) string {
	needStrace(t)
	random := seeded(t)
	ordinary := killedAtRecord(ctx, t, kind, random, flightSize, nil)
	declared := killedAtRecord(ctx, t, kind, random, -1, headers{"Upload-Length": strconv.Itoa(flightSize)})
	switch {
	case ordinary == declared, ordinary == "not written" && declared == "goes on":
		return declared
	case ordinary == "not written":
		return declared + "; rewritten only to declare a length late"
	}
	return fmt.Sprintf("%s; while a length is declared late: %s", ordinary, declared)
}

func killedAtRecord(ctx context.Context, t *testing.T, kind peerKind, random *rand.Rand, size int64, h headers) string {
	server := kind.start(ctx, t, t.TempDir())
	client := newTus(ctx, server.files)
	content := randomBytes(random, flightSize)
	address := client.mustCreate(t, size, nil)
	const acknowledged = flightSize / 4
	client.mustPatch(t, address, 0, content[:acknowledged])
	record := filepath.Join(server.folder, idOf(address)+server.record)
	const writes = "write,pwrite64,writev,pwritev"
	tr := attach(ctx, t, server.process, "-P", record, "-P", record+".tmp", "-e", "trace="+writes, "-e", "inject="+writes+":signal=SIGKILL:when=1")
	a := client.patch(address, acknowledged, content[acknowledged:flightSize/2], h)
	tr.end(t)
	switch {
	case a.status == http.StatusNoContent:
		return "not written"
	case a.err == nil:
		return fmt.Sprintf("stuck (PATCH says %v)", a)
	}
	if !within(ctx, patience, func() bool { return !server.alive() }) {
		t.Fatalf("PATCH: %v, but the server lives", a)
	}
	server.again()
	head := client.head(address)
	offset := head.offset()
	if head.status != http.StatusOK || offset < acknowledged {
		return "lost"
	}
	if head.header.Get("Upload-Length") != "" {
		h = nil
	}
	if b := client.patch(address, offset, content[offset:], h); b.status != http.StatusNoContent {
		return fmt.Sprintf("stuck (PATCH says %v)", b)
	}
	if !server.has(t, address, content) {
		return "a wrong file"
	}
	return "goes on"
}

// finalLost joins two parts, loses the answer, asks again as clients do, and counts what lies on the disk then.
func finalLost(ctx context.Context, t *testing.T, kind peerKind) string {
	server, random := kind.start(ctx, t, t.TempDir()), seeded(t)
	content := randomBytes(random, 2<<20)
	client := newTus(ctx, server.files)
	var parts []string
	for half := range slices.Chunk(content, 1<<20) {
		a := client.create(1<<20, headers{"Upload-Concat": "partial"})
		if a.status == http.StatusNotImplemented {
			return "not offered"
		}
		parts = append(parts, "/files/"+idOf(a.header.Get("Location")))
		client.mustPatch(t, parts[len(parts)-1], 0, half)
	}
	var answers atomic.Int32
	proxy := startProxy(t, server.addr, func(*http.Request, *http.Response) bool { return answers.Add(1) > 1 })
	join := func() answer {
		c := newTus(ctx, proxy.files())
		return c.do(http.MethodPost, c.files, headers{"Upload-Concat": "final;" + strings.Join(parts, " ")}, nil)
	}
	if a := join(); a.err == nil {
		t.Fatalf("the answer was not lost: %v", a)
	}
	again := join()
	if again.status != http.StatusCreated || !server.has(t, again.header.Get("Location"), content) {
		return fmt.Sprintf("no file: %v", again)
	}
	same := "another upload"
	if idOf(proxy.seen("POST")[0].answer.Get("Location")) == idOf(again.header.Get("Location")) {
		same = "the same upload"
	}
	times := int64(0)
	within(ctx, 2*time.Second, func() bool {
		times = server.stored(t) / int64(len(content))
		return times == 1
	})
	return fmt.Sprintf("%s, %d × its size on disk", same, times)
}

// has says whether the data file of an upload holds exactly these bytes.
func (p *peer) has(t *testing.T, address string, content []byte) bool {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(p.folder, idOf(address)))
	return err == nil && bytes.Equal(got, content)
}

// stored is the size of all data files of a server.
func (p *peer) stored(t *testing.T) int64 {
	t.Helper()
	entries, err := os.ReadDir(p.folder)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) == "" {
			sum += max(0, dataSize(p.folder, entry.Name()))
		}
	}
	return sum
}

// randomBytes are n bytes that the random source determines.
func randomBytes(random *rand.Rand, n int) []byte {
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(random.Uint32())
	}
	content := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(content)
	return content
}
