package disk_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/disk"
	"plateau/store/storetest"
)

func TestContract(t *testing.T) {
	for name, durable := range map[string]bool{"durable": true, "not durable": false} {
		t.Run(name, func(t *testing.T) {
			storetest.TestStore(t, func(t *testing.T, o storetest.Options) storetest.Store {
				return open(t, t.TempDir(), durable, o)
			})
		})
	}
}

// underTest is a disk store as the contract suite wants one.
type underTest struct {
	*disk.Store
	dir     string
	durable bool
	closed  bool
}

func open(t *testing.T, dir string, durable bool, o storetest.Options) *underTest {
	t.Helper()
	s, err := disk.Open(disk.Options{
		Dir: dir, Locker: o.Locker, Finish: o.Finish, Durable: durable, MaxSize: o.MaxSize, FinishWait: o.FinishWait, Blocks: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	u := &underTest{Store: s, dir: dir, durable: durable}
	t.Cleanup(func() { u.close(t) })
	return u
}

func (u *underTest) close(t *testing.T) {
	t.Helper()
	if u.closed {
		return
	}
	u.closed = true
	if err := u.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Content is part of storetest.Store.
func (u *underTest) Content(ctx context.Context, id string) ([]byte, error) {
	info, modified, f, err := u.Store.Content(ctx, id)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	if info.ID != id || time.Since(modified) > time.Hour {
		err = errors.Join(err, errors.New("Content returns another upload's record or time"))
	}
	return b, errors.Join(err, f.Close())
}

// Sweep is part of storetest.Store.
func (u *underTest) Sweep(ctx context.Context) error {
	_, err := u.Store.Sweep(ctx)
	return err
}

// Names is part of storetest.Store.
func (u *underTest) Names(t *testing.T) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(u.dir, "uploads"))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, f := range files {
		id, _, _ := strings.Cut(f.Name(), ".")
		seen[id] = true
	}
	var ids []string
	for id := range seen {
		ids = append(ids, id)
	}
	return ids
}

// Reopen is part of storetest.Store.
func (u *underTest) Reopen(t *testing.T, o storetest.Options) storetest.Store {
	t.Helper()
	u.close(t)
	return open(t, u.dir, u.durable, o)
}

func noEvent(context.Context, handler.FileInfo) error { return nil }
