package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is one server that a test starts, stops and starts again on the same port and folder.
type process struct {
	bin  string
	args []string
	dir  string   // the working folder; empty: the test's
	env  []string // beside the test's own, without its PLATEAU_ settings
	log  *lineLog // what it prints to stderr
	out  *lineLog // what it prints to stdout; nil: that goes to log too

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has been waited for
	err    error         // what Wait said; read it after exited
}

// plateau is a running Plateau server with what its log said of its addresses.
type plateau struct {
	process
	data   string        // the data folder
	bucket *bucket       // where its uploads lie; nil: in the data folder
	addr   string        // host:port of the public listener, the same after every restart
	admin  string        // host:port of the admin listener, another after every restart
	files  string        // http://host:port/files/
	ready  time.Duration // from start to the line that says it serves
}

// startPlateau starts the real binary over a data folder and ends it with the test. Further flags may follow.
func startPlateau(ctx context.Context, t *testing.T, data string, flags ...string) *plateau {
	t.Helper()
	return startBuilt(ctx, t, binaries.plateau, data, flags...)
}

// startBuilt is startPlateau for another build.
func startBuilt(ctx context.Context, t *testing.T, build func() (string, error), data string, flags ...string) *plateau {
	t.Helper()
	p := newPlateau(t, build, data, flags...)
	p.start(ctx, t)
	return p
}

// newPlateau is a server that is to be started.
func newPlateau(t *testing.T, build func() (string, error), data string, flags ...string) *plateau {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := &plateau{data: data, addr: freeAddr(t)}
	p.process = process{bin: bin, log: newLineLog(t, "plateau"), out: &lineLog{}}
	p.args = append([]string{
		"serve", "--listen", p.addr, "--admin-listen", "127.0.0.1:0", "--data-dir", data,
		"--log-format", "json", "--shutdown-timeout", "10s",
	}, flags...)
	t.Cleanup(func() {
		p.kill()
		if strings.Contains(p.log.String(), "WARNING: DATA RACE") {
			t.Errorf("the race detector found something:\n%s", p.log)
		}
	})
	return p
}

// start starts the server, again after it has ended, and returns when it says that it serves.
func (p *plateau) start(ctx context.Context, t *testing.T) {
	t.Helper()
	lines, stop := p.log.follow()
	defer stop()
	begin := time.Now()
	p.process.start(t)
	for {
		select {
		case line := <-lines:
			var said struct{ Msg, Listen, URL, Admin string }
			if json.Unmarshal(line, &said) == nil && said.Msg == "serving" {
				p.ready = time.Since(begin)
				p.files, p.admin = said.URL, said.Admin
				if said.Listen != p.addr {
					t.Fatalf("serving on %s, want %s", said.Listen, p.addr)
				}
				return
			}
		case <-p.exited:
			t.Fatalf("plateau ended while starting: %v", p.err)
		case <-ctx.Done():
			t.Fatalf("plateau did not say that it serves: %v", context.Cause(ctx))
		}
	}
}

// moveTo makes the next start serve another data folder.
func (p *plateau) moveTo(data string) {
	p.args[slices.Index(p.args, p.data)] = data
	p.data = data
}

func (p *plateau) uploads() string { return filepath.Join(p.data, "uploads") }

// stdoutPath is the name that Linux has for the pipe to which the process prints.
func (p *process) stdoutPath(t *testing.T) string {
	t.Helper()
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *process) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(p.bin, p.args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = p.log, p.log, p.dir
	if p.out != nil {
		p.out.endLine()
		cmd.Stdout = p.out
	}
	cmd.Env = p.environ()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.bin, err)
	}
	exited := make(chan struct{})
	p.cmd, p.exited = cmd, exited
	go func() {
		defer close(exited)
		p.err = cmd.Wait()
	}()
}

// environ is the test's own, without its settings. A race detector waits for a second at exit unless told not to.
func (p *process) environ() []string {
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PLATEAU_") })
	return slices.Concat(own, []string{"GORACE=atexit_sleep_ms=0"}, p.env)
}

// operate runs a command of the binary, or of a program before it, and returns what it says.
func (p *process) operate(ctx context.Context, before []string, args ...string) (said string, err error) {
	line := slices.Concat(before, []string{p.bin}, args)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = p.environ()
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// signal sends a signal without waiting.
func (p *process) signal(sig os.Signal) { _ = p.cmd.Process.Signal(sig) }

// kill ends the process as a crash does, and waits until it is gone. It may be called on a process that has ended.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.exited
}

// wait returns the exit code once the process has ended by itself.
func (p *process) wait(ctx context.Context, t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
		return exitCode(p.err)
	case <-ctx.Done():
		t.Fatalf("%s did not end: %v", filepath.Base(p.bin), context.Cause(ctx))
		return -1
	}
}

// alive says whether the process is still running.
func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// startTusd starts tusd over a folder that Plateau knows as its uploads/.
func startTusd(ctx context.Context, t *testing.T, folder string) (*process, string) {
	t.Helper()
	return startTusdWith(ctx, t, nil, "-upload-dir", folder)
}

// startTusdWith starts tusd with flags that say where it stores uploads.
func startTusdWith(ctx context.Context, t *testing.T, env []string, flags ...string) (*process, string) {
	t.Helper()
	bin, err := binaries.tusd()
	if err != nil {
		t.Fatalf("tusd is needed, and Go fetches its module by itself: %v", err)
	}
	addr := freeAddr(t)
	host, port, _ := net.SplitHostPort(addr)
	p := &process{bin: bin, env: env, log: newLineLog(t, "tusd"), args: append([]string{
		"-host", host, "-port", port, "-base-path", "/files/",
	}, flags...)}
	t.Cleanup(p.kill)
	p.start(t)
	await(ctx, t, "tusd listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return p, "http://" + addr + "/files/"
}

// freeAddr finds a port on loopback that a server can take, lose and take again. It lies below the range from which the
// kernel serves outgoing connections, so that none of these can sit on it while the server is down.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(12000+rand.IntN(20000)))
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		return addr
	}
	t.Fatal("no free port on 127.0.0.1")
	return ""
}

// peakMemory is the process's highest resident memory so far, in bytes (Linux only).
func (p *process) peakMemory(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatalf("read the server's memory: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmHWM in the process's status")
	return 0
}
