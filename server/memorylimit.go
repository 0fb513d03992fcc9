package server

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	memoryShare = 0.9      // of the container's limit; the rest is for the kernel's buffers
	leastMemory = 64 << 20 // below it the process would only collect garbage
)

// LimitMemory tells the garbage collector how much memory the container may take
// (cgroup v1 and v2), so that it works harder before the kernel ends the process.
// GOMEMLIMIT wins. It is for main: the limit is the process's.
func LimitMemory(log *slog.Logger) {
	if set := os.Getenv("GOMEMLIMIT"); set != "" {
		log.Info("memory limit", "by", "GOMEMLIMIT", "limit", set)
		return
	}
	_ = os.Unsetenv("GOMEMLIMIT") // to the runtime an empty one is none, to the library it is one
	limit, err := memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithMin(leastMemory), memlimit.WithProvider(memlimit.FromCgroup))
	switch {
	case err != nil:
		log.Debug("the container's memory limit isn't known", "error", err)
	case limit < math.MaxInt64:
		log.Info("memory limit", "by", "the container", "limit", inBytes(debug.SetMemoryLimit(-1)))
	}
}
