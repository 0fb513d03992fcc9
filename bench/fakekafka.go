package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// startFake runs the binary of ./broker, which has the topic of events. Its memory, which grows with each event and each connection
// left open, is its own.
func startFake(ctx context.Context, binary string) (*broker, error) {
	k := &broker{exited: make(chan struct{})}
	k.cmd = exec.CommandContext(ctx, binary, "-topic", eventsTopic, "-partitions", strconv.Itoa(partitions))
	k.cmd.Stderr = &k.output
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	go func() {
		defer close(k.exited)
		_ = k.cmd.Wait() // it says only that the process was killed
	}()
	if err != nil {
		k.kill()
		return nil, fmt.Errorf("start the broker: %w; it said: %s", err, k.output.String())
	}
	k.addr = strings.TrimSpace(line)
	return k, nil
}
