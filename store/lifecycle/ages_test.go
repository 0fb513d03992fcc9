package lifecycle

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestAges(t *testing.T) {
	var said strings.Builder
	clock, elapsed := time.Now(), time.Duration(0)
	pass := func(by time.Duration) { clock, elapsed = clock.Add(by), elapsed+by }
	a := NewAges(func() time.Time { return clock }, func() time.Duration { return elapsed }, slog.New(slog.NewTextHandler(&said, nil)))
	spared := func() bool {
		t.Helper()
		now, until := a.Read()
		if !now.Equal(clock) {
			t.Errorf("read says %s at %s", now, clock)
		}
		return now.Before(until)
	}
	clock = clock.Add(100 * time.Hour)
	if spared() {
		t.Error("a store that serves nobody spares uploads")
	}
	a.Start(10 * time.Minute)
	pass(9 * time.Minute)
	if !spared() {
		t.Error("nine minutes after the start uploads expire")
	}
	pass(time.Minute)
	if spared() {
		t.Error("ten minutes after the start nothing expires")
	}
	pass(100 * time.Hour) // nobody looked for long
	clock = clock.Add(time.Hour)
	if spared() || said.Len() > 0 {
		t.Errorf("a small step, or a long time, is taken for a jump: %s", said.String())
	}
	clock = clock.Add(-24 * time.Hour)
	if !spared() {
		t.Error("a jump backward is not noticed")
	}
	pass(10 * time.Minute)
	if spared() {
		t.Error("ten minutes after the jump nothing expires")
	}
	clock = clock.Add(24 * time.Hour)
	if !spared() || !strings.Contains(said.String(), "by=24h0m0s for=10m0s") {
		t.Errorf("a jump is not noticed: %q", said.String())
	}
	pass(10 * time.Minute)
	if spared() {
		t.Error("ten minutes after the jump nothing expires")
	}
}
