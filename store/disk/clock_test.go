package disk

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/lifecycle"
)

// setClock is a clock that a test sets, and the processor's clock beside it.
type setClock struct {
	time    time.Time
	elapsed time.Duration
}

func (c *setClock) pass(by time.Duration) { c.time, c.elapsed = c.time.Add(by), c.elapsed+by }

func newSetClock() *setClock { return &setClock{time: time.Now()} }

func (c *setClock) ages(log *slog.Logger) *lifecycle.Ages {
	return lifecycle.NewAges(func() time.Time { return c.time }, func() time.Duration { return c.elapsed }, log)
}

// TestClockSetBack is a clock that ran far ahead at the start, as some do until
// they are set: uploads of the time after it are young.
func TestClockSetBack(t *testing.T) {
	f := openFolder(t, t.TempDir(), expiring)
	clock := &setClock{time: time.Now().Add(1000 * time.Hour)}
	f.ages = clock.ages(f.opts.Log)
	f.ages.Start(10 * time.Minute)
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
