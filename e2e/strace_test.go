package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// call is one system call of the server on something in its data folder.
type call struct {
	name     string // fsync
	on       string // what it was about, with names for what differs each time: ID, ID.info, uploads, MINUTE, TIME-ID
	at       string // the path of the descriptor that it was given, with the same names; empty: none
	nth      int    // such call of its thread
	injected bool   // strace made it fail
	ended    bool   // the process ended in it
	grows    bool   // a full disk can make it fail
}

func (c call) String() string { return c.name + " " + c.on }

// tracer is strace, attached to a running server.
type tracer struct {
	cmd  *exec.Cmd
	out  string
	said *lineLog
}

// needStrace skips a test where strace can't be had.
func needStrace(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("strace is for Linux")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		missing(t, "strace", "apt-get install -y strace")
	}
}

// attach starts strace on the server and returns when it follows all threads.
func attach(ctx context.Context, t *testing.T, server *process, args ...string) *tracer {
	t.Helper()
	out := filepath.Join(t.TempDir(), "strace")
	tr := &tracer{out: out, said: &lineLog{}}
	tr.cmd = exec.CommandContext(ctx, "strace", append([]string{
		"-f", "-y", "-s", "64", "-e", "signal=none", "-o", out, "-p", fmt.Sprint(server.cmd.Process.Pid),
	}, args...)...)
	tr.cmd.Stderr = tr.said
	tr.cmd.Cancel = func() error { return tr.cmd.Process.Signal(os.Interrupt) }
	tr.cmd.WaitDelay = 5 * time.Second
	lines, stop := tr.said.follow()
	defer stop()
	if err := tr.cmd.Start(); err != nil {
		t.Fatalf("start strace: %v", err)
	}
	t.Cleanup(func() { _ = tr.cmd.Process.Kill() }) // if nobody has waited for it
	for {
		select {
		case line := <-lines:
			if strings.Contains(string(line), "attached") {
				return tr
			}
			if strings.Contains(string(line), "not permitted") {
				_ = tr.cmd.Wait()
				missing(t, "the permission to trace a process ("+string(line)+")", "run as root, or set kernel.yama.ptrace_scope to 0")
			}
		case <-server.exited:
			t.Fatalf("the server ended while strace attached: %v", server.err)
		case <-ctx.Done():
			_ = tr.cmd.Wait()
			t.Fatalf("strace did not attach: %v\n%s", context.Cause(ctx), tr.said)
		}
	}
}

// startTraced starts the server with a call of it made to fail, the first in each thread, from the start on.
func (p *plateau) startTraced(ctx context.Context, t *testing.T, call, path, errno string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "strace")
	bin, args := p.bin, p.args
	defer func() { p.bin, p.args = bin, args }()
	// With -D the server is our child, not strace's.
	p.bin = "strace"
	p.args = append([]string{
		"-D", "-f", "-y", "-q", "-e", "signal=none", "-o", out, "-P", path,
		"-e", "trace=" + call, "-e", "inject=" + call + ":error=" + errno + ":when=1", bin,
	}, args...)
	p.start(ctx, t)
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(out)
			t.Logf("what strace saw:\n%s", text)
		}
	})
}

// end lets the server go and returns what strace wrote.
func (tr *tracer) end(t *testing.T) (text string, stuck bool) {
	t.Helper()
	_ = tr.cmd.Process.Signal(os.Interrupt)
	// strace may wait for ever for a server that ends just now.
	late := time.AfterFunc(time.Second, func() { _ = tr.cmd.Process.Kill() })
	_ = tr.cmd.Wait() // strace ends by the signal that it was sent
	stuck = !late.Stop()
	written, err := os.ReadFile(tr.out)
	if err != nil {
		t.Fatal(err)
	}
	return string(written), stuck
}

// detach lets the server go and returns its calls on the data folder, and how many calls elsewhere were made to fail, or
// may have been: strace leaves a call that it is about to fail in an odd state when it detaches in the middle of it.
func (tr *tracer) detach(t *testing.T, data string) (calls []call, elsewhere int) {
	t.Helper()
	text, stuck := tr.end(t)
	if stuck {
		return nil, 1
	}
	return parseTrace(text, func(line string) (call, bool) { return parseCall(line, data) })
}

// parseTrace reads what strace wrote: the calls that parse knows, and how many others were made to fail, or may have been.
func parseTrace(text string, parse func(line string) (call, bool)) (calls []call, elsewhere int) {
	open := map[string]string{} // by thread: a call that has not returned
	nth := map[string]int{}     // by thread and name: how many such calls came before
	for line := range strings.Lines(text) {
		thread, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		if begun, ok := strings.CutSuffix(rest, "<unfinished ...>"); ok {
			open[thread] = begun
			continue
		}
		if _, end, ok := strings.Cut(rest, " resumed>"); ok && strings.HasPrefix(rest, "<... ") {
			rest = open[thread] + end
			delete(open, thread)
		}
		c, ours := parse(rest)
		nth[thread+c.name]++
		c.nth = nth[thread+c.name]
		switch {
		case strings.HasSuffix(rest, "<detached ...>"):
			elsewhere++
		case ours:
			calls = append(calls, c)
		case strings.Contains(rest, "(INJECTED)"):
			elsewhere++
		}
	}
	return calls, elsewhere + len(open)
}

var (
	hexID  = regexp.MustCompile(`[0-9a-f]{32}`)
	fdPath = regexp.MustCompile(`<(/[^>]*)>`)
	grows  = regexp.MustCompile(`^p?write|sync|^rename|^link|^symlink|^mkdir|truncate|allocate|^copy_file_range|setxattr`)
	quoted = regexp.MustCompile(`^\w+\((?:[^"]*)"([^"]*)"`)
	minute = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d{4}\b`)
	moment = regexp.MustCompile(`\d{8}T\d{6}\.\d+Z-`)
)

// named puts names in place of what differs each time: an upload's id, an entry's time, the outbox's folder.
func named(text string) string {
	text = hexID.ReplaceAllString(text, "ID")
	return minute.ReplaceAllString(moment.ReplaceAllString(text, "TIME-"), "MINUTE")
}

// parseCall reads a line such as
//
//	openat(7</data/uploads>, "0123….info", O_RDONLY|O_CLOEXEC) = 8</data/uploads/0123….info>
//
// and says whether it is about the data folder.
func parseCall(line, data string) (call, bool) {
	name, arguments, ok := strings.Cut(line, "(")
	if !ok {
		return call{}, false
	}
	c := call{name: name, injected: strings.Contains(line, "(INJECTED)"), ended: strings.HasSuffix(line, "= ?")}
	arguments, _, _ = strings.Cut(arguments, ") = ")
	at := fdPath.FindStringSubmatch(arguments)
	text := quoted.FindStringSubmatch(line)
	writes := strings.HasPrefix(name, "write") || strings.HasPrefix(name, "pwrite") || strings.HasPrefix(name, "read") || strings.HasPrefix(name, "pread")
	switch {
	case at != nil && strings.HasPrefix(at[1], data):
		c.on, c.at = filepath.Base(at[1]), named(at[1])
		if text != nil && !writes && text[1] != "" {
			c.on = filepath.Base(text[1])
		}
	case text != nil && strings.HasPrefix(text[1], data):
		c.on = filepath.Base(text[1])
	default:
		return call{}, false
	}
	c.grows = grows.MatchString(name) || strings.Contains(arguments, "O_CREAT")
	c.on = strings.TrimSuffix(named(c.on), " (deleted)")
	return c, true
}
