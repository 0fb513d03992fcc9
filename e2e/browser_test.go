package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// browser is a Chromium that node/browser.mjs drives. What fails in it fails the test at once.
type browser struct {
	ctx     context.Context
	t       *testing.T
	profile string // its folder, if the browser keeps one
	*driver
}

// driver is the running node/browser.mjs.
type driver struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{} // closed when the driver has been waited for

	mu      sync.Mutex // guards what follows
	last    int
	waiting map[int]chan reply
}

type reply struct {
	ID    int
	Value json.RawMessage
	Error string
}

// args are the arguments of one of the driver's commands.
type args map[string]any

// startBrowser starts Chromium and ends it with the test. With a profile, a folder, it is a person's browser: its pages share
// a storage that the next browser with this profile finds again. Without, each page that is opened has a storage of its own.
// Further flags of Chromium may follow.
func startBrowser(ctx context.Context, t *testing.T, profile string, flags ...string) *browser {
	t.Helper()
	executable := os.Getenv("CHROMIUM")
	if executable == "" {
		executable = "/usr/bin/chromium"
	}
	if _, err := os.Stat(executable); err != nil {
		missing(t, "Chromium", "apt-get install -y chromium (or set CHROMIUM to its path)")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Node", "apt-get install -y nodejs npm")
	}
	if _, err := os.Stat(filepath.Join("node", "node_modules", "playwright-core")); err != nil {
		missing(t, "playwright-core", "npm ci --prefix e2e/node")
	}
	d := &driver{exited: make(chan struct{}), waiting: map[int]chan reply{}}
	b := &browser{ctx: ctx, t: t, profile: profile, driver: d}
	b.cmd = exec.Command(node, "browser.mjs")
	b.cmd.Dir, b.cmd.Stderr = "node", newLineLog(t, "the browser's driver")
	if b.stdin, err = b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatalf("start Node: %v", err)
	}
	go d.listen(stdout)
	t.Cleanup(b.stop)
	b.call("launch", args{"executable": executable, "folder": profile, "flags": flags}, nil)
	return b
}

// listen hands the driver's answers to those who wait for them.
func (d *driver) listen(stdout io.Reader) {
	defer close(d.exited)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var r reply
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			continue
		}
		d.mu.Lock()
		to := d.waiting[r.ID]
		delete(d.waiting, r.ID)
		d.mu.Unlock()
		if to != nil {
			to <- r
		}
	}
	_ = d.cmd.Wait()
}

// stop ends the driver, and the driver the browser.
func (b *browser) stop() {
	_ = b.stdin.Close()
	select {
	case <-b.exited:
	case <-time.After(20 * time.Second):
		b.t.Error("the browser's driver did not end")
		_ = b.cmd.Process.Kill()
		<-b.exited
	}
}

// call has the driver do something and reads the answer into value, which may be nil.
func (b *browser) call(do string, a args, value any) {
	b.t.Helper()
	if err := b.try(do, a, value); err != nil {
		b.t.Fatalf("browser: %s %v: %v", do, a, err)
	}
}

func (b *browser) try(do string, a args, value any) error {
	answered := make(chan reply, 1)
	b.mu.Lock()
	b.last++
	message := args{"id": b.last, "do": do}
	b.waiting[b.last] = answered
	b.mu.Unlock()
	for name, v := range a {
		message[name] = v
	}
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	b.mu.Lock()
	_, err = b.stdin.Write(append(line, '\n'))
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case r := <-answered:
		if r.Error != "" {
			return errors.New(r.Error)
		}
		if value == nil || len(r.Value) == 0 {
			return nil
		}
		return json.Unmarshal(r.Value, value)
	case <-b.exited:
		return errors.New("the driver has ended")
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
}

// with is the same browser for a part of the test: what fails in it fails that part.
func (b *browser) with(t *testing.T) *browser {
	return &browser{ctx: b.ctx, t: t, profile: b.profile, driver: b.driver}
}

// open opens a page at an address.
func (b *browser) open(url string) *page {
	b.t.Helper()
	p := &page{b: b}
	b.call("open", args{"url": url}, &p.id)
	return p
}

// quit closes the browser as a person does.
func (b *browser) quit() {
	b.t.Helper()
	b.call("quit", nil, nil)
}

// kill ends a browser that has a profile as a crash does: at once, with all its processes.
func (b *browser) kill() {
	b.t.Helper()
	lock, err := os.Readlink(filepath.Join(b.profile, "SingletonLock")) // HOST-PID
	if err != nil {
		b.t.Fatalf("find the browser's process: %v", err)
	}
	pid, err := strconv.Atoi(lock[strings.LastIndex(lock, "-")+1:])
	if err != nil {
		b.t.Fatalf("the browser's lock says %q: %v", lock, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		b.t.Fatalf("kill the browser: %v", err)
	}
	await(b.ctx, b.t, "the killed browser is gone", func() bool { return syscall.Kill(pid, 0) != nil })
	b.stop()
}
