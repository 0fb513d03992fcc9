package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// soakMemory is a process's resident memory, in bytes, as it was looked at four times a second, in ascending order.
type soakMemory []int64

// at is the value at a share of the list: 0 is the lowest, 1 the highest.
func (m soakMemory) at(share float64) int64 {
	if len(m) == 0 {
		return 0
	}
	return m[int(share*float64(len(m)-1))]
}

func (m soakMemory) median() int64 { return m.at(0.5) }

// liveHeap is what can be reached of the server's heap, in bytes. The second collection takes what the first left in pools.
func (p *plateau) liveHeap(ctx context.Context, t *testing.T) int64 {
	t.Helper()
	for range 2 {
		if a := newTus(ctx, "http://"+p.admin+"/").get("/debug/pprof/heap?gc=1"); a.status != http.StatusOK {
			t.Fatal(a)
		}
	}
	return int64(p.number(ctx, t, "go_gc_heap_live_bytes"))
}

// watchMemory looks at the process's memory until the context ends.
func (p *process) watchMemory(ctx context.Context, t *testing.T) (seen soakMemory) {
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			slices.Sort(seen)
			return seen
		case <-look.C:
		}
		now, err := p.status("VmRSS")
		if err != nil {
			t.Errorf("read the server's memory: %v", err)
			return seen
		}
		seen = append(seen, now)
	}
}

// status is a size in the process's status, in bytes (Linux only).
func (p *process) status(name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name+":" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in the process's status", name)
}
