package disk

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// setClock is a clock that a test sets, and the processor's clock beside it.
type setClock struct {
	time    time.Time
	elapsed time.Duration
}

func (c *setClock) pass(by time.Duration) { c.time, c.elapsed = c.time.Add(by), c.elapsed+by }

func newSetClock() *setClock { return &setClock{time: time.Now()} }

func (c *setClock) ages(log *slog.Logger) *ages {
	return &ages{now: func() time.Time { return c.time }, elapsed: func() time.Duration { return c.elapsed }, log: log}
}

func TestAges(t *testing.T) {
	var said strings.Builder
	clock := newSetClock()
	a := clock.ages(slog.New(slog.NewTextHandler(&said, nil)))
	spared := func() bool {
		t.Helper()
		now, until := a.read()
		if !now.Equal(clock.time) {
			t.Errorf("read says %s at %s", now, clock.time)
		}
		return now.Before(until)
	}
	clock.time = clock.time.Add(100 * time.Hour)
	if spared() {
		t.Error("a store that serves nobody spares uploads")
	}
	a.start(10 * time.Minute)
	clock.pass(9 * time.Minute)
	if !spared() {
		t.Error("nine minutes after the start uploads expire")
	}
	clock.pass(time.Minute)
	if spared() {
		t.Error("ten minutes after the start nothing expires")
	}
	clock.pass(100 * time.Hour) // nobody looked for long
	clock.time = clock.time.Add(time.Hour)
	if spared() || said.Len() > 0 {
		t.Errorf("a small step, or a long time, is taken for a jump: %s", said.String())
	}
	clock.time = clock.time.Add(-24 * time.Hour)
	if !spared() {
		t.Error("a jump backward is not noticed")
	}
	clock.pass(10 * time.Minute)
	if spared() {
		t.Error("ten minutes after the jump nothing expires")
	}
	clock.time = clock.time.Add(24 * time.Hour)
	if !spared() || !strings.Contains(said.String(), "by=24h0m0s for=10m0s") {
		t.Errorf("a jump is not noticed: %q", said.String())
	}
	clock.pass(10 * time.Minute)
	if spared() {
		t.Error("ten minutes after the jump nothing expires")
	}
}

// TestClockSetBack is a clock that ran far ahead at the start, as some do until
// they are set: uploads of the time after it are young.
func TestClockSetBack(t *testing.T) {
	f := openFolder(t, t.TempDir(), expiring)
	clock := &setClock{time: time.Now().Add(1000 * time.Hour)}
	f.ages = clock.ages(f.opts.Log)
	f.ages.start(10 * time.Minute)
	clock.time, clock.elapsed = time.Now(), 11*time.Minute
	id := f.upload(handler.FileInfo{Size: 5}, "abc")
	f.must(f.send(id, 3, "d"))
	f.age(id, 2*time.Hour)
	if _, err := f.head(id); err != nil {
		t.Errorf("right after the jump: %v", err)
	}
	clock.pass(11 * time.Minute)
	_, err := f.head(id)
	wantStatus(t, err, http.StatusGone)
}
