package e2e

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestProfilesFromOutside takes profiles as Go's own tool does.
func TestProfilesFromOutside(t *testing.T) {
	t.Parallel()
	ctx := bounded(t)
	p := startPlateau(ctx, t, t.TempDir())
	p.finishUploads(ctx, t, 50)
	for path, want := range map[string]string{"/debug/pprof/heap": "Type: inuse_space", "/debug/fgprof?seconds=2": "Type: time"} {
		tool := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "http://"+p.admin+path)
		tool.Env = append(tool.Environ(), "PPROF_TMPDIR="+t.TempDir())
		said, err := tool.CombinedOutput()
		if err != nil || !strings.Contains(string(said), want) || !strings.Contains(string(said), "flat%") {
			t.Errorf("go tool pprof -top %s: %v\n%s", path, err, said)
		}
	}
}

// TestProfileEndsWithItsClient lets a client leave a profile of a minute. Meanwhile a second one is refused; once it has left there is room.
func TestProfileEndsWithItsClient(t *testing.T) {
	t.Parallel()
	ctx := boundedBy(t, testTimeout)
	p := startPlateau(ctx, t, t.TempDir())
	for _, path := range []string{"/debug/pprof/profile", "/debug/pprof/trace", "/debug/fgprof"} {
		client, leave := context.WithCancel(ctx)
		left := make(chan error, 1)
		go func() {
			for {
				status, err := status(client, "http://"+p.admin+path+"?seconds=60")
				if status != http.StatusTooManyRequests { // then the second was the first
					left <- err
					return
				}
			}
		}()
		second := func() int {
			status, err := status(ctx, "http://"+p.admin+path+"?seconds=0.1")
			must(t, err)
			return status
		}
		await(ctx, t, "a second profile is refused", func() bool { return second() == http.StatusTooManyRequests })
		leave()
		if err := <-left; err == nil {
			t.Errorf("%s ended by itself", path)
		}
		soon, cancel := context.WithTimeout(ctx, 5*time.Second)
		await(soon, t, "there is room for another", func() bool { return second() == http.StatusOK })
		cancel()
	}
}

// status fetches all that is at an address, and returns the answer's status.
func status(ctx context.Context, url string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}
