package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// serveArgs are settings for a server of a test, on free ports and with a log that can be read.
func serveArgs(dir string) []string {
	return []string{"serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--data-dir=" + dir, "--log-format=json"}
}

func TestServeUntilSignal(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			p := start(t, "main", serveArgs(filepath.Join(t.TempDir(), "data"))...)
			serving := p.await(t, "serving")
			listen, _ := serving["listen"].(string)
			resp, err := http.Get("http://" + listen + "/healthz")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("/healthz answered %s", resp.Status)
			}
			if status := start(t, "main", "healthcheck", "--listen", listen).wait(t); status.ExitStatus() != 0 {
				t.Errorf("healthcheck ended with %v", status)
			}
			p.signal(t, s)
			if cause, _ := p.await(t, "stopping")["cause"].(string); !strings.HasPrefix(cause, s.String()) {
				t.Errorf("cause is %q", cause)
			}
			if status := p.wait(t); !status.Exited() || status.ExitStatus() != 0 {
				t.Errorf("ended with %v", status)
			}
		})
	}
}

func TestServeRefusesToStart(t *testing.T) {
	dir := t.TempDir()
	first := start(t, "main", serveArgs(dir)...)
	listen, _ := first.await(t, "serving")["listen"].(string)

	t.Run("folder in use", func(t *testing.T) {
		p := start(t, "main", serveArgs(dir)...)
		if status := p.wait(t); status.ExitStatus() != exitUsage {
			t.Errorf("ended with %v", status)
		}
	})
	t.Run("port taken", func(t *testing.T) {
		p := start(t, "main", append(serveArgs(t.TempDir()), "--listen="+listen)...)
		if status := p.wait(t); status.ExitStatus() != exitFailure {
			t.Errorf("ended with %v", status)
		}
	})
	t.Run("mistakes", func(t *testing.T) {
		p := start(t, "main", append(serveArgs(t.TempDir()), "--max-size=lots", "--lisen=x")...)
		if status := p.wait(t); status.ExitStatus() != exitUsage {
			t.Errorf("ended with %v", status)
		}
		if out := p.output(); strings.Count(out, "\n") != 1 || !strings.Contains(out, "max-size") || !strings.Contains(out, "--lisen") {
			t.Errorf("said:\n%s", out)
		}
	})
	if resp, err := http.Get("http://" + listen + "/healthz"); err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the first server suffered: %v %v", resp, err)
	}
}
