package server_test

import (
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"

	"plateau/server"
)

// What GOMEMLIMIT says stays. (Limits of containers are the library's tests.)
func TestMemoryLimitOfTheEnvironmentWins(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	debug.SetMemoryLimit(123 << 20) // as the runtime did at the start
	t.Setenv("GOMEMLIMIT", "123MiB")
	lines := &logLines{}
	server.LimitMemory(slog.New(slog.NewTextHandler(lines, nil)))
	if got := debug.SetMemoryLimit(-1); got != 123<<20 || !strings.Contains(lines.String(), "limit=123MiB") {
		t.Errorf("the limit is %d, and the log says %s", got, lines)
	}
}
