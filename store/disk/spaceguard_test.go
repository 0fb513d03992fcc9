package disk

import (
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/storetest"
)

// smallDisk is a disk of 10,000 bytes, which the data files of a folder fill, and its clock.
type smallDisk struct {
	*folder
	clock  *time.Time
	closed bool
}

func (d *smallDisk) close() {
	if !d.closed {
		d.closed = true
		d.must(d.Close(context.Background()))
	}
}

func openSmallDisk(t *testing.T, dir string, clock *time.Time) *smallDisk {
	t.Helper()
	f := openUnclosed(t, dir, func(o *Options) {
		o.MinFreeSpace = 1000
		o.Now = func() time.Time { return *clock }
	})
	d := &smallDisk{folder: f, clock: clock}
	t.Cleanup(d.close)
	f.space.space = func() (free, total int64, known bool) {
		names, err := os.ReadDir(f.path("."))
		f.must(err)
		free = 10_000
		for _, name := range names {
			if info, err := name.Info(); err == nil && !strings.HasSuffix(name.Name(), ".info") {
				free -= info.Size()
			}
		}
		return free, 10_000, true
	}
	return d
}

// pass lets time go by.
func (d *smallDisk) pass(by time.Duration) { *d.clock = d.clock.Add(by) }

// wantRoom checks how much may still be declared.
func (d *smallDisk) wantRoom(want int64) {
	d.t.Helper()
	d.pass(time.Second)
	if _, err := d.space.take(want + 1); err == nil {
		d.t.Errorf("%d bytes have room", want+1)
	}
	c, err := d.space.take(want)
	if err != nil {
		d.t.Errorf("%d bytes have no room: %v", want, err)
	}
	d.space.release(c)
}

// touch gives an upload's file the time of the clock, as a real disk does.
func (d *smallDisk) touch(id string) {
	d.t.Helper()
	d.must(os.Chtimes(d.path(id), *d.clock, *d.clock))
}

// wantFiles checks that there are none.
func (d *smallDisk) wantFiles() {
	d.t.Helper()
	if names, err := os.ReadDir(d.path(".")); err != nil || len(names) > 0 {
		d.t.Errorf("there is %v (error %v)", names, err)
	}
}

func (d *smallDisk) remove(id string) {
	d.t.Helper()
	d.touch(id)
	u, err := d.GetUpload(as(d.t, http.MethodDelete), id)
	d.must(err)
	d.must(u.(*upload).Terminate(as(d.t, http.MethodDelete)))
}

func TestMinFreeSpace(t *testing.T) {
	clock := minuteBegins()
	d := openSmallDisk(t, t.TempDir(), &clock)
	d.wantRoom(9000)
	_, err := d.NewUpload(as(t, http.MethodPost), handler.FileInfo{Size: 9001})
	wantStatus(t, err, http.StatusInsufficientStorage)
	d.wantFiles()
	first := d.upload(handler.FileInfo{Size: 4000}, "")
	d.wantRoom(5000)
	second := d.upload(handler.FileInfo{Size: 4000}, strings.Repeat("x", 1000))
	d.wantRoom(1000)
	d.must(d.send(second, 1000, strings.Repeat("x", 3000)))
	d.wantRoom(1000)
	d.must(d.send(first, 0, strings.Repeat("x", 500)))
	d.wantRoom(1000)
	d.remove(first)
	d.wantRoom(5000)
	d.remove(second)
	d.wantRoom(9000)

	// A length that comes later has to fit as well.
	late := d.upload(handler.FileInfo{SizeIsDeferred: true}, "abc")
	declare := func(length int64) error {
		d.pass(time.Second)
		u, err := d.GetUpload(as(t, http.MethodPatch), late)
		d.must(err)
		return u.(*upload).DeclareLength(as(t, http.MethodPatch), length)
	}
	wantStatus(t, declare(9001), http.StatusInsufficientStorage)
	if info, err := d.head(late); err != nil || !info.SizeIsDeferred {
		t.Errorf("after a length that has no room: %+v, error %v", info, err)
	}
	d.must(declare(9000))
	d.wantRoom(0)
	d.remove(late)
	d.wantRoom(9000)
}

// An upload of which nothing has come for ten minutes keeps nobody else from theirs.
func TestMinFreeSpaceOfIdleUploads(t *testing.T) {
	clock := minuteBegins()
	d := openSmallDisk(t, t.TempDir(), &clock)
	idle := d.upload(handler.FileInfo{Size: 4000}, "")
	alive := d.upload(handler.FileInfo{Size: 4000}, "x")
	for i := range 4 {
		d.pass(4 * time.Minute)
		d.must(d.send(alive, int64(1+i), "x"))
		d.touch(alive)
	}
	d.wantRoom(5000) // beside one of 4000
	d.must(d.send(idle, 0, "x"))
	d.touch(idle)
	d.wantRoom(1000) // it is back
	d.remove(idle)
	d.remove(alive)
	d.wantRoom(9000)
}

// After a start, the sweep finds what is still to come.
func TestMinFreeSpaceAfterStart(t *testing.T) {
	clock, dir := minuteBegins().Add(-time.Minute), t.TempDir()
	d := openSmallDisk(t, dir, &clock)
	recent := d.upload(handler.FileInfo{Size: 4000}, "x")
	old := d.upload(handler.FileInfo{Size: 3000}, "x")
	d.close()
	d.must(os.Chtimes(d.path(old), clock.Add(-time.Hour), clock.Add(-time.Hour)))

	clock = minuteBegins()
	d = openSmallDisk(t, dir, &clock)
	d.wantRoom(8998)
	d.sweep()
	d.wantRoom(8998 - 3999)
	d.sweep() // once is enough
	d.wantRoom(8998 - 3999)
	d.remove(recent)
	d.wantRoom(8999)
}

// What has no length is taken as long as there is room.
func TestMinFreeSpaceOfUnknownLength(t *testing.T) {
	clock := minuteBegins()
	d := openSmallDisk(t, t.TempDir(), &clock)
	d.space.space = func() (free, total int64, known bool) { return 3 << 20, 1 << 30, true }
	d.space.least = 1 << 20
	id := d.upload(handler.FileInfo{SizeIsDeferred: true}, "")
	wantStatus(t, d.send(id, 0, strings.Repeat("x", 10<<20)), http.StatusInsufficientStorage)
	info, err := d.head(id)
	if err != nil || info.Offset < 1<<20 || info.Offset > 4<<20 {
		t.Errorf("%d bytes came (error %v), for 2 MiB there was room", info.Offset, err)
	}

	d.pass(time.Second)
	draft, err := d.NewDraft(as(t, http.MethodPost))
	d.must(err)
	for err == nil && draft.Size() < 10<<20 {
		err = draft.Append(t.Context(), make([]byte, 64<<10))
	}
	wantStatus(t, err, http.StatusInsufficientStorage)
	d.must(draft.Abandon())
}

// A body that is too long for an upload of unknown length leaves no claim: nothing of it
// is to come.
func TestMinFreeSpaceOfTooMuch(t *testing.T) {
	clock := minuteBegins()
	d := openSmallDisk(t, t.TempDir(), &clock)
	d.opts.MaxSize = 2000
	id := d.upload(handler.FileInfo{SizeIsDeferred: true}, "")
	body := storetest.NewBody(make([]byte, 3000))
	ctx := store.WithRequest(t.Context(), &store.Request{Method: http.MethodPatch, Body: body})
	u, err := d.GetUpload(ctx, id)
	d.must(err)
	_, err = u.WriteChunk(ctx, 0, body)
	wantStatus(t, err, http.StatusRequestEntityTooLarge)
	d.wantRoom(9000)
}

func TestSpaceGuardSums(t *testing.T) {
	clock := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
	free := int64(1000)
	g := &spaceGuard{least: 100, now: func() time.Time { return clock }, space: func() (int64, int64, bool) { return free, 1000, true }}
	sum := func() (all int64) {
		g.advance()
		for _, n := range g.sums {
			all += n
		}
		return all
	}
	want := func(what string, n int64) {
		t.Helper()
		if got := sum(); got != n {
			t.Errorf("%s: the sum is %d, want %d", what, got, n)
		}
	}
	a, err := g.take(500)
	want("claimed", 500)
	if _, err2 := g.take(401); err != nil || err2 == nil {
		t.Errorf("claims of 500 and 401 of 900 bytes: %v, %v", err, err2)
	}
	clock = clock.Add(time.Minute)
	g.wrote(&a, 100)
	want("after some bytes", 400)
	if err := g.enough(clock, 400); err != nil {
		t.Error(err)
	}
	g.wrote(&a, -50)
	want("after some were taken back", 450)
	clock = clock.Add(claimTime * time.Minute)
	want("ten minutes later", 450)
	clock = clock.Add(time.Minute)
	want("eleven minutes later", 0)
	g.release(a)
	want("released when it is forgotten", 0)
	g.wrote(&a, 50)
	want("back", 400)
	g.release(claim{a.minute, 1 << 50})
	want("more is released than there was", 0)
	for range 100 { // whatever clients declare, nothing overflows
		g.restore(claim{minuteOf(clock), 1 << 62})
	}
	if err := g.enough(clock, 0); err == nil {
		t.Error("there is room beside claims of 2^62 bytes")
	}
	clock = clock.Add(-time.Hour) // somebody set the clock
	want("back in time", 0)
	if _, err := g.take(900); err != nil {
		t.Error(err)
	}
	want("back in time", 900)
	free = 0
	clock = clock.Add(time.Second)
	if err := g.fits(); err == nil || answerTo(err).ErrorCode != store.Full().ErrorCode {
		t.Errorf("on a full disk: %v", err)
	}
}

// The guard is on the way of each creation and each block.
func BenchmarkSpaceGuard(b *testing.B) {
	g := &spaceGuard{least: 1 << 20, now: time.Now, space: func() (int64, int64, bool) { return 1 << 40, 1 << 40, true }}
	for b.Loop() {
		c, err := g.take(4096)
		if err != nil {
			b.Fatal(err)
		}
		g.wrote(&c, 4096)
	}
}

// minuteBegins is a time for a test's clock: so no minute passes but where the test says so.
func minuteBegins() time.Time { return time.Now().Truncate(time.Minute) }
