package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestMakeRun is the README's first command: it serves the page and takes an upload.
func TestMakeRun(t *testing.T) {
	ctx := bounded(t)
	if _, err := exec.LookPath("npm"); err != nil {
		missing(t, "npm", "apt-get install -y nodejs npm")
	}
	addr := freeAddr(t)
	out := newLineLog(t, "make run")
	run := exec.CommandContext(ctx, "make", "--no-print-directory", "run")
	run.Dir, run.Stdout, run.Stderr = "..", out, out
	run.Env = append(os.Environ(), "MAKEFLAGS=", "PLATEAU_LISTEN="+addr, "PLATEAU_ADMIN_LISTEN=", "PLATEAU_DATA_DIR="+t.TempDir())
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches all that make started
	interrupt := func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGINT) }
	run.Cancel = func() error { return syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = run.Wait() // make fails when what it runs is interrupted
	}()
	t.Cleanup(func() {
		_ = interrupt()
		<-exited
	})

	var page answer
	await(ctx, t, "make run serves", func() bool {
		select {
		case <-exited:
			t.Fatal("make run ended by itself")
		default:
		}
		page = newTus(ctx, "http://"+addr+"/").get("/")
		return page.err == nil
	})
	if page.status != http.StatusOK || !strings.Contains(page.body, "<script") {
		t.Errorf("the page is not the built one: %v", page)
	}
	content := []byte("the first five minutes")
	server := newTus(ctx, "http://"+addr+"/files/")
	address := server.mustCreate(t, int64(len(content)), nil)
	server.mustPatch(t, address, 0, content)
	server.mustGet(t, address, content)
}
