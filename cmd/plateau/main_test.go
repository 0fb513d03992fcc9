package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asProgram makes the test binary behave as plateau, so that tests can send it signals and see its exit code.
const asProgram = "TEST_AS_PLATEAU"

func TestMain(m *testing.M) {
	switch os.Getenv(asProgram) {
	case "main":
		main()
	case "never-stops": // the signals of main, around something that does not end
		ctx := untilSignal()
		fmt.Fprintln(os.Stderr, `{"msg":"ready"}`)
		<-ctx.Done()
		fmt.Fprintf(os.Stderr, `{"msg":"stopping","cause":%q}`+"\n", context.Cause(ctx))
		select {}
	}
	os.Exit(m.Run())
}

// patience bounds every wait of these tests.
const patience = 20 * time.Second

// program is a running copy of the test binary.
type program struct {
	cmd   *exec.Cmd
	lines chan map[string]any // its log, JSON lines of standard error; closed when it ends
	ended chan struct{}
	err   error // of Wait; read it after ended

	mu  sync.Mutex // guards log
	log []string
}

// start runs the test binary as the program, and ends it with the test if it still runs.
func start(t *testing.T, mode string, args ...string) *program {
	t.Helper()
	return startInto(t, nil, mode, args...)
}

// startInto is start with a file as the program's standard output.
func startInto(t *testing.T, stdout *os.File, mode string, args ...string) *program {
	t.Helper()
	p := &program{
		cmd:   exec.Command(os.Args[0], args...),
		lines: make(chan map[string]any, 1000),
		ended: make(chan struct{}),
	}
	// PLATEAU_ variables of whoever runs the tests must not reach it.
	environ := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "PLATEAU_") })
	p.cmd.Env = append(environ, asProgram+"="+mode)
	if stdout != nil {
		p.cmd.Stdout = stdout
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.follow(stderr)
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("log of %q:\n%s", args, p.output())
		}
	})
	return p
}

func (p *program) follow(stderr io.Reader) {
	defer close(p.ended)
	for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
		p.mu.Lock()
		p.log = append(p.log, scanner.Text())
		p.mu.Unlock()
		var line map[string]any
		if json.Unmarshal(scanner.Bytes(), &line) == nil {
			p.lines <- line
		}
	}
	close(p.lines)
	p.err = p.cmd.Wait()
}

func (p *program) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.log, "\n")
}

// await returns the next line of the log with that message.
func (p *program) await(t *testing.T, msg string) map[string]any {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				t.Fatalf("ended without saying %q:\n%s", msg, p.output())
			}
			if line["msg"] == msg {
				return line
			}
		case <-timeout:
			t.Fatalf("did not say %q in time:\n%s", msg, p.output())
		}
	}
}

func (p *program) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// wait returns how the program ended.
func (p *program) wait(t *testing.T) syscall.WaitStatus {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	case <-time.After(patience):
		t.Fatalf("still running:\n%s", p.output())
		return 0
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			p := start(t, "never-stops")
			p.await(t, "ready")
			p.signal(t, s)
			if cause := p.await(t, "stopping")["cause"]; cause != s.String()+" signal received" {
				t.Errorf("cause is %q", cause)
			}
			// The first signal gives the default back in its own time; a signal before that has no effect, so it is sent
			// until the process ends.
			deadline := time.After(patience)
			for again := time.NewTicker(time.Millisecond); ; {
				select {
				case <-p.ended:
					if status := p.wait(t); !status.Signaled() || status.Signal() != s {
						t.Errorf("ended with %v", status)
					}
					return
				case <-again.C:
					p.cmd.Process.Signal(s) // an error means that it has ended
				case <-deadline:
					t.Fatal("further signals do not end it")
				}
			}
		})
	}
}
