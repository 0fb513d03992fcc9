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

	"plateau/store"
	"plateau/store/disk"
	"plateau/store/storetest"
)

func TestContract(t *testing.T) {
	for name, how := range map[string]durability{
		"durable": {durable: true}, "journaled": {durable: true, journal: 1 << 20}, "not durable": {},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.TestStore(t, func(t *testing.T, o storetest.Options) storetest.Store {
				return open(t, t.TempDir(), how, o)
			})
		})
	}
}

// durability is how a store makes uploads durable.
type durability struct {
	durable bool
	journal int64
}

// underTest is a disk store as the contract suite wants one.
type underTest struct {
	*disk.Store
	dir    string
	how    durability
	closed bool
}

func open(t *testing.T, dir string, how durability, o storetest.Options) *underTest {
	t.Helper()
	s, err := disk.Open(disk.Options{
		Dir: dir, Locker: o.Locker, Finish: ignoringJournal(o.Finish), Durable: how.durable, Journal: how.journal, MaxSize: o.MaxSize, Accounts: o.Accounts, Digest: o.Digest, FinishWait: o.FinishWait, BufferPool: 2 << 20,
		ExpireAfter: o.ExpireAfter, DeleteFinishedAfter: o.DeleteFinishedAfter, Waiting: o.Waiting, Now: o.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	u := &underTest{Store: s, dir: dir, how: how}
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
	c, err := u.Store.Content(ctx, id)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(c.Body)
	if c.Info.ID != id || time.Since(c.Modified) > time.Hour {
		err = errors.Join(err, errors.New("Content returns another upload's record or time"))
	}
	return b, errors.Join(err, c.Body.Close())
}

// Sweep is part of storetest.Store.
func (u *underTest) Sweep(ctx context.Context) error {
	_, err := u.Store.Sweep(ctx)
	return err
}

// Expire is part of storetest.Store.
func (u *underTest) Expire(ctx context.Context, dryRun bool) (ids []string, err error) {
	err = u.Store.Expire(ctx, dryRun, func(e store.Expired) error {
		ids = append(ids, e.ID)
		return nil
	})
	return ids, err
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
	return open(t, u.dir, u.how, o)
}

func ignoringJournal(finish func(context.Context, handler.FileInfo, time.Time) error) func(context.Context, handler.FileInfo, time.Time, bool) error {
	return func(ctx context.Context, info handler.FileInfo, at time.Time, _ bool) error {
		return finish(ctx, info, at)
	}
}

func noEvent(context.Context, handler.FileInfo, time.Time) error { return nil }
