package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// TestUploadCommandOnATerminal shows a bar where a person looks, also through an outage of the server, and leaves standard
// output to the address.
func TestUploadCommandOnATerminal(t *testing.T) {
	const size = 20_000_000
	ctx, random := bounded(t), seeded(t)
	path, _ := randomFile(t, random, size)
	server := startPlateau(ctx, t, t.TempDir())
	proxy := startProxy(t, server.addr, nil)
	proxy.hold(size / 2)
	bin, err := binaries.plateau()
	if err != nil {
		t.Fatal(err)
	}
	screen := openTerminal(t)
	var stdout bytes.Buffer
	command := exec.CommandContext(ctx, bin, "upload", path, "--to", proxy.files())
	command.Stdout, command.Stderr = &stdout, screen.inner
	command.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "PLATEAU_") || strings.HasPrefix(v, "TERM=")
	}), "TERM=xterm", "XDG_STATE_HOME="+t.TempDir())
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() { _ = command.Process.Kill() })

	await(ctx, t, "the bar moves", func() bool { return strings.Contains(screen.text(), "=>") })
	await(ctx, t, "half of it has come", func() bool { return proxy.last("PATCH").reached() == size/2 })
	server.kill()
	await(ctx, t, "the bar says that it waits", func() bool { return strings.Contains(screen.text(), "trying again in") })
	frames := strings.Split(screen.text(), "\x1b[J") // each draws the line anew
	waiting := slices.IndexFunc(frames, func(frame string) bool { return strings.Contains(frame, "trying again in") })
	said := strings.Split(strings.TrimSpace(frames[waiting]), "\r\n") // why it waits, and the bar
	if line := said[len(said)-1]; !strings.Contains(line, "[----") || !strings.Contains(line, "trying again in") || utf8.RuneCountInString(line) > 80 {
		t.Errorf("what it waits for pushes the bar out: %q", said)
	}
	proxy.release()
	server.start(ctx, t)
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("plateau upload: %v\n%q", err, screen.text())
		}
	case <-ctx.Done():
		t.Fatalf("plateau upload did not end\n%q", screen.text())
	}
	await(ctx, t, "the bar has come to its end", func() bool { return strings.Contains(screen.text(), "done in ") })
	for _, want := range []string{"\x1b[1A\x1b[J", "100 % [=", "19.1 MiB of 19.1 MiB, done in "} {
		if !strings.Contains(screen.text(), want) {
			t.Errorf("the terminal shows no %q:\n%q", want, screen.text())
		}
	}
	if want := proxy.files() + idOf(strings.TrimSpace(stdout.String())) + "\n"; stdout.String() != want || len(stdout.String()) < 40 {
		t.Errorf("standard output is %q", stdout.String())
	}
}

// terminal is a pseudo terminal of 80 columns, and what was written to it.
type terminal struct {
	inner *os.File // what a program takes for its terminal

	mu    sync.Mutex
	shown bytes.Buffer
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	outer, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(outer.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	err = errors.Join(err,
		unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0),
		unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 80}))
	if err != nil {
		t.Fatal(err)
	}
	inner, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &terminal{inner: inner}
	var reading sync.WaitGroup
	reading.Go(func() {
		block := make([]byte, 4096)
		for {
			n, err := outer.Read(block)
			s.mu.Lock()
			s.shown.Write(block[:n])
			s.mu.Unlock()
			if err != nil {
				return // nobody has the other end any more
			}
		}
	})
	t.Cleanup(func() {
		inner.Close()
		reading.Wait()
		outer.Close()
	})
	return s
}

func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}
