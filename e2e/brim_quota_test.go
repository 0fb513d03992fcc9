package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestFullQuota fills the quota of one owner, as TestFullDisk does a disk, while another one goes on and never hears of it. A
// restart after kill -9 counts anew what is there.
func TestFullQuota(t *testing.T) {
	ctx, random := boundedBy(t, 3*time.Minute), seeded(t)
	tokens := filepath.Join(t.TempDir(), "tokens")
	var lines string
	for _, name := range []string{"ann", "bob"} {
		sum := sha256.Sum256([]byte("token-of-" + name))
		lines += fmt.Sprintf("%s:%s\n", name, hex.EncodeToString(sum[:]))
	}
	if err := os.WriteFile(tokens, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	server := startPlateau(ctx, t, t.TempDir(), "--auth", "token", "--auth-tokens-file", tokens,
		"--quota-bytes", "16MiB", "--quota-uploads", "24")
	// A creation whose answer a kill takes away leaves an upload that nobody knows: both quotas have room for one of each client.
	b := newBrim(ctx, t, server.files, "ERR_QUOTA_EXCEEDED")
	var anns, bobs []*brimClient
	for range 5 {
		anns = append(anns, b.add(random, "ann", headers{"Authorization": "Bearer token-of-ann"}, 768<<10))
	}
	for range 2 {
		bob := b.add(random, "bob", headers{"Authorization": "Bearer token-of-bob"}, 256<<10)
		bob.frugal = true
		bobs = append(bobs, bob)
	}
	b.start()
	b.awaitFull(anns...)
	b.awaitDone(5, bobs...)
	b.wantOpenThere()
	b.wantRemovable()

	server.kill()
	server.start(ctx, t)
	b.awaitFull(anns...)
	b.awaitDone(5, bobs...)
	b.wantOpenThere()

	b.removing.Store(true)
	b.awaitDone(5, b.clients...)
	b.end()
	b.wantAll(server)
	wantCounted(t, server, b)
	for _, bob := range bobs {
		if n := bob.full.Load(); n > 0 {
			t.Errorf("bob heard %d times that there is no room, though ann took it", n)
		}
	}
}

// wantCounted checks that what the server has counted is what lies in its folder.
func wantCounted(t *testing.T, server *plateau, b *brim) {
	t.Helper()
	var bytes, open int64
	for _, r := range records(t, server.uploads()) {
		there := dataSize(server.uploads(), r.ID)
		switch {
		case there < 0: // a part whose bytes a final has
		case !r.IsPartial && sealed(server.uploads(), r.ID):
			bytes += r.Size
		case r.SizeIsDeferred:
			bytes, open = bytes+there, open+1
		default:
			bytes, open = bytes+r.Size, open+1
		}
	}
	for name, want := range map[string]int64{"plateau_quota_bytes": bytes, "plateau_quota_open_uploads": open} {
		if got, err := strconv.ParseFloat(server.metric(b.ctx, t, name), 64); err != nil || int64(got) != want {
			t.Errorf("%s is %f (error %v), of uploads in the folder it is %d", name, got, err, want)
		}
	}
}
