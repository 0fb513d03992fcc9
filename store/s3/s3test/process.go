package s3test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// process is one run of the gateway's program.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has been waited for
}

// launch runs the program. Its own goroutine starts it and waits for it, and keeps its thread until then: the kernel takes the
// end of that thread for the end of the test (see diesWithUs), and any other goroutine might lock it and end it.
func launch(program string, said *tail, args, environ []string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = said, said
	p.cmd.Env = environ
	p.cmd.SysProcAttr = diesWithUs()
	started := make(chan error)
	go func() {
		defer close(p.exited)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // it was killed, or what it said says why it ended
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return p, nil
}

// kill ends it by SIGKILL, also while it is paused, and waits. It may have ended already.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended
	<-p.exited
}

func (p *process) signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send the gateway %s: %w", sig, err)
	}
	return nil
}

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// stands waits until a process that was told to stop has stopped, each of its threads. Where there is no /proc it can't know.
func (p *process) stands() error {
	tasks := fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid)
	deadline := time.Now().Add(patience)
	for {
		stats, err := filepath.Glob(tasks + "/*/stat")
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(stats, moves) {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("the gateway was told to stop, and goes on")
		}
		runtime.Gosched()
	}
}

// moves says whether a thread isn't stopped: its state is the letter after its name, which is in brackets.
func moves(stat string) bool {
	text, err := os.ReadFile(stat)
	if err != nil {
		return false // it has ended
	}
	_, state, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
	return !bytes.HasPrefix(state, []byte("T"))
}
