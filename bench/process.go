package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticksPerSecond is the unit of times in /proc/PID/stat: USER_HZ, 100 on every Linux that Go runs on.
const ticksPerSecond = 100

// process is a running server. It is killed, not asked to stop: nothing measured here comes after the load.
type process struct {
	name   string
	cmd    *exec.Cmd
	addr   string // of uploads
	admin  string // of /metrics
	first  string // what it is asked to see whether it answers
	place  place
	output tail
	exited chan struct{} // closed when the process has ended
}

// start runs the server and waits until it answers. The caller must call kill.
func start(ctx context.Context, s server, folder string) (*process, error) {
	addr, admin, err := freeAddresses()
	if err != nil {
		return nil, err
	}
	p := &process{
		name: s.name, addr: addr, admin: admin, first: s.ready,
		place: placeOf(s, folder), exited: make(chan struct{}),
	}
	if s.metricsOnUploads {
		p.admin = addr
	}
	p.cmd = exec.CommandContext(ctx, s.binary, s.args(addr, admin, folder)...)
	p.cmd.Stderr = &p.output // standard output goes to /dev/null: reading it would cost us the server's time
	p.cmd.Dir = folder
	p.cmd.Env = s.environ(folder)
	// The server ends when the thread that started it ends; main keeps that thread.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // it says only that the process was killed
	}()
	if err := p.ready(ctx); err != nil {
		p.kill()
		return nil, fmt.Errorf("start %s: %w; it said: %s", s.name, err, p.output.String())
	}
	return p, nil
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only if it has ended already
	<-p.exited
}

// check reports whether the server still runs: one that died during the load was not measured.
func (p *process) check() error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s ended: %v; it said: %s", p.name, p.cmd.ProcessState, p.output.String())
	default:
		return nil
	}
}

// ready waits until the server answers its first request.
func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request := []byte(p.first + " HTTP/1.1\r\nHost: " + p.addr + "\r\n\r\n")
	return poll(ctx, 5*time.Millisecond, func() (bool, error) {
		if err := p.check(); err != nil {
			return false, err
		}
		c, err := dial(ctx, p.addr)
		if err != nil {
			return false, nil // not yet
		}
		defer c.close()
		a, err := c.do(request)
		if err != nil {
			return false, fmt.Errorf("ask %s: %w", p.first, err)
		}
		if a.status != 200 && a.status != 204 {
			return false, fmt.Errorf("%s was answered %d", p.first, a.status)
		}
		return true, nil
	})
}

// resident returns the memory of the process that is in RAM, in bytes.
func (p *process) resident() (float64, error) { return p.memory("VmRSS") }

// peak returns the most that it ever was.
func (p *process) peak() (float64, error) { return p.memory("VmHWM") }

// memory returns a figure of /proc/PID/status in bytes.
func (p *process) memory(name string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read resident memory: %w", err)
	}
	_, rest, _ := bytes.Cut(status, []byte("\n"+name+":"))
	var kib float64
	if _, err := fmt.Sscanf(string(rest), "%f kB", &kib); err != nil {
		return 0, fmt.Errorf("read resident memory: %w", err)
	}
	return kib * 1024, nil
}

// openFiles returns how many file descriptors the process has, connections included.
func (p *process) openFiles() (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("count open files: %w", err)
	}
	return len(entries), nil
}

// temporary returns how many bytes of the disk the files in its folder take, those without a name too.
func (p *process) temporary() (float64, error) {
	blocks := map[uint64]int64{} // by inode
	note := func(path string) {
		var stat syscall.Stat_t
		if syscall.Stat(path, &stat) == nil && stat.Mode&syscall.S_IFMT == syscall.S_IFREG { // otherwise it has gone meanwhile
			blocks[stat.Ino] = stat.Blocks
		}
	}
	err := filepath.WalkDir(p.cmd.Dir, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		note(path)
		return err
	})
	open := fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid)
	entries, err2 := os.ReadDir(open)
	if err := errors.Join(err, err2); err != nil {
		return 0, fmt.Errorf("look for temporary files: %w", err)
	}
	for _, entry := range entries {
		path := filepath.Join(open, entry.Name())
		if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, p.cmd.Dir+"/") {
			note(path)
		}
	}
	var sum int64
	for _, n := range blocks {
		sum += n
	}
	return float64(sum) * 512, nil
}

// cpu returns the seconds of processor time, user and system, that the process has used.
func (p *process) cpu() (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	// The name in parentheses may hold anything; after it, utime and stime are the 12th and 13th field (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("read CPU time: /proc/PID/stat is too short")
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	return (user + system) / ticksPerSecond, nil
}

// metric reads one value from the server's Prometheus page.
func (p *process) metric(ctx context.Context, name string) (float64, error) {
	page, err := get(ctx, p.admin, "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(page)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("read metrics: no %s", name)
}

func get(ctx context.Context, addr, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for %s: %s", path, response.Status)
	}
	return page, nil
}

// freeAddresses finds two ports that nobody uses at this moment.
func freeAddresses() (string, string, error) {
	var addresses [2]string
	for i := range addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		addresses[i] = listener.Addr().String()
	}
	return addresses[0], addresses[1], nil
}

// poll calls done every so often until it returns true or an error, or the context ends.
func poll(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
