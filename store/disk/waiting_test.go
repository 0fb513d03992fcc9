package disk_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/memorylock"
	"plateau/store/storetest"
)

// start creates an upload and returns what writes body into it.
func start(t *testing.T, s *underTest, body *storetest.Body) (id string, write func() (int64, error)) {
	t.Helper()
	ctx := store.WithRequest(t.Context(), &store.Request{Method: http.MethodPatch, Body: body})
	u, err := s.NewUpload(ctx, handler.FileInfo{Size: int64(len(body.Bytes))})
	if err != nil {
		t.Fatal(err)
	}
	info, err := u.GetInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return info.ID, func() (int64, error) { return u.WriteChunk(ctx, 0, body) }
}

// While an upload waits for its client, it holds a small buffer, and all that
// came is in the file.
func TestWaiting(t *testing.T) {
	for _, c := range []struct {
		name   string
		noPoll bool
		held   int
	}{{"polling", false, 512}, {"not polling", true, 16 << 10}} {
		for _, burst := range []int{1, 300, 512, 513, 5000, 1 << 20, 1<<20 + 1, 3 << 20} {
			s := open(t, t.TempDir(), durability{}, storetest.Options{Locker: memorylock.New(), Finish: noEvent})
			body := storetest.NewBody(bytes.Repeat([]byte("x"), 4*burst))
			body.NoPoll, body.Burst = c.noPoll, burst
			id, write := start(t, s, body)
			waits := 0
			body.OnWait = func(received int64, held int) {
				waits++
				if held > c.held {
					t.Errorf("%s, bursts of %d: it waits with %d bytes held", c.name, burst, held)
				}
				stat, err := os.Stat(filepath.Join(s.dir, "uploads", id))
				if err != nil || stat.Size() != received {
					t.Errorf("%s, bursts of %d: %d bytes came before the wait, and the file has %d (error %v)", c.name, burst, received, stat.Size(), err)
				}
			}
			if n, err := write(); err != nil || n != int64(4*burst) {
				t.Errorf("%s, bursts of %d: wrote %d, error %v", c.name, burst, n, err)
			}
			if waits < 4 {
				t.Errorf("%s, bursts of %d: it waited only %d times", c.name, burst, waits)
			}
		}
	}
}

// Uploads that stall hold no block: with two blocks in all, four stall and
// others go on.
func TestStalledHoldNoBlock(t *testing.T) {
	s := open(t, t.TempDir(), durability{}, storetest.Options{Locker: memorylock.New(), Finish: noEvent})
	done := make(chan error)
	var stalled []*storetest.Body
	for range 4 {
		body := storetest.NewBody(make([]byte, 3<<20))
		body.StallAt = 2<<20 + 5
		_, write := start(t, s, body)
		go func() {
			_, err := write()
			done <- err
		}()
		<-body.Stalled()
		stalled = append(stalled, body)
	}
	if _, err := func() (int64, error) {
		_, write := start(t, s, storetest.NewBody(make([]byte, 3<<20)))
		return write()
	}(); err != nil {
		t.Error(err)
	}
	for _, body := range stalled {
		body.Resume()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// 1 MiB blocks are what makes large uploads cheap: few reads, few writes.
func TestReadsAreLarge(t *testing.T) {
	s := open(t, t.TempDir(), durability{}, storetest.Options{Locker: memorylock.New(), Finish: noEvent})
	body := storetest.NewBody(make([]byte, 16<<20))
	_, write := start(t, s, body)
	if _, err := write(); err != nil {
		t.Fatal(err)
	}
	if n := body.Reads(); n > 40 {
		t.Errorf("16 MiB that had all arrived took %d reads", n)
	}
}
