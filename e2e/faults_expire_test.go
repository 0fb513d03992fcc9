package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFaultsOfExpiry lets the first or second removal of plateau expire fail with EIO: the command says so, goes on with the
// other uploads, and removes in its next run what was left. What is finished stays, and so does what is young.
func TestFaultsOfExpiry(t *testing.T) {
	needStrace(t)
	for _, nth := range []int{1, 2} {
		t.Run(fmt.Sprint(nth), func(t *testing.T) {
			t.Parallel()
			ctx := boundedBy(t, time.Minute)
			server := startPlateau(ctx, t, t.TempDir())
			client := newTus(ctx, server.files)
			finished, young := client.mustCreate(t, 4, nil), client.mustCreate(t, 8, nil)
			client.mustPatch(t, finished, 0, []byte("data"))
			client.mustPatch(t, young, 0, []byte("data"))
			var old []string
			for range 3 {
				address := client.mustCreate(t, 8, nil)
				client.mustPatch(t, address, 0, []byte("data"))
				old = append(old, address)
			}
			await(ctx, t, "the event is delivered", func() bool { return len(waitingEvents(t, server.data)) == 0 })
			terminate(ctx, t, server)
			then := time.Now().Add(-2 * time.Hour)
			for _, address := range append([]string{finished}, old...) {
				if err := os.Chtimes(filepath.Join(server.uploads(), idOf(address)), then, then); err != nil {
					t.Fatal(err)
				}
			}

			expire := []string{"expire", "--data-dir", server.data, "--expire-after", "1h"}
			trace := filepath.Join(t.TempDir(), "strace")
			strace := []string{
				"strace", "-D", "-f", "-q", "-e", "signal=none", "-o", trace,
				"-e", "trace=unlinkat", "-e", fmt.Sprintf("inject=unlinkat:error=EIO:when=%d", nth),
			}
			for _, address := range old {
				strace = append(strace, "-P", idOf(address), "-P", idOf(address)+".info")
			}
			text, err := server.operate(ctx, strace, expire...)
			if err == nil || !strings.Contains(text, "input/output error") {
				t.Errorf("plateau expire with a fault: %v\n%s", err, text)
			}
			left := 0
			for _, address := range old {
				if dataSize(server.uploads(), idOf(address)) >= 0 {
					left++
				}
			}
			// Each thread counts its own calls.
			calls, err := os.ReadFile(trace)
			must(t, err)
			if failed := strings.Count(string(calls), "(INJECTED)"); left > failed {
				t.Errorf("%d removals have failed, %d uploads of %d are left\n%s", failed, left, len(old), text)
			}
			if text, err := server.operate(ctx, nil, expire...); err != nil {
				t.Errorf("plateau expire after the fault: %v\n%s", err, text)
			}

			server.start(ctx, t)
			for _, address := range old {
				if head := client.head(address); head.status != http.StatusNotFound {
					t.Errorf("HEAD of an expired upload says %v", head)
				}
				if left, err := filepath.Glob(filepath.Join(server.uploads(), idOf(address)+"*")); len(left) > 0 || err != nil {
					t.Errorf("of an expired upload is left: %v, error %v", left, err)
				}
			}
			client.mustGet(t, finished, []byte("data"))
			client.mustHead(t, young, 4)
			client.mustPatch(t, young, 4, []byte("data"))
		})
	}
}
