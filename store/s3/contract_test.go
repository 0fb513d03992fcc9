package s3_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
	"plateau/store/s3/bucket"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

var shared s3test.Shared

func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }

func TestContract(t *testing.T) {
	storetest.TestStore(t, func(t *testing.T, o storetest.Options) storetest.Store {
		g := shared.Gateway(t)
		return open(t, &place{gateway: g, endpoint: g.Endpoint, name: g.NewBucket(t), intents: newIntents()}, o)
	})
}

// place is where a store under test keeps its uploads; it outlives the store.
type place struct {
	gateway  *s3test.Gateway
	endpoint string
	name     string // of the bucket
	intents  *intents
	change   func(*s3.Options)
	called   func(call string, took time.Duration, err error)
}

// intents are an outbox in memory, which calls what a test wants to be called.
type intents struct {
	mu      sync.Mutex
	waiting map[string]time.Time
	add     func(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error
}

func newIntents() *intents { return &intents{waiting: make(map[string]time.Time)} }

func (i *intents) Add(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error {
	if err := i.add(ctx, info, finishedAt); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.waiting[info.ID] = finishedAt
	return nil
}

func (i *intents) Confirmed(string) {}

func (i *intents) Pending(_ context.Context, id string) (s3.Intent, bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at, waits := i.waiting[id]
	return s3.Intent{FinishedAt: at, Written: time.Now()}, waits, nil
}

func (i *intents) BuryUpload(ctx context.Context, id, _ string) error { return i.Withdraw(ctx, id) }

func (i *intents) Keep(context.Context, string) error { return nil }

func (i *intents) Withdraw(_ context.Context, id string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.waiting, id)
	return nil
}

// underTest is a store as the contract suite wants one.
type underTest struct {
	*s3.Store
	place  *place
	bucket *bucket.Bucket
	closed bool
}

func open(t *testing.T, p *place, o storetest.Options) *underTest {
	t.Helper()
	b, err := bucket.Open(t.Context(), bucket.Options{
		Name: p.name, Endpoint: p.endpoint, Region: p.gateway.Region,
		AccessKey: p.gateway.AccessKey, SecretKey: p.gateway.SecretKey, Called: p.called,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.intents.add = o.Finish
	opts := s3.Options{
		Bucket: b, BucketName: p.name, SpoolDir: t.TempDir(), SpoolSize: 256 << 20, Locker: o.Locker, Intents: p.intents,
		MaxSize: o.MaxSize, Accounts: o.Accounts, Digest: o.Digest, FinishWait: o.FinishWait,
		ExpireAfter: o.ExpireAfter, DeleteFinishedAfter: o.DeleteFinishedAfter, Waiting: o.Waiting, Now: o.Now,
	}
	if p.change != nil {
		p.change(&opts)
	}
	s, err := s3.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	u := &underTest{Store: s, place: p, bucket: b}
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
	u.bucket.Close()
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
	objects := make(map[string]bool)
	for after, more := "", true; more; {
		var page []bucket.Object
		var err error
		if page, more, err = u.bucket.List(t.Context(), "", after, 1000); err != nil {
			t.Fatal(err)
		}
		for _, o := range page {
			object, _, _ := strings.Cut(o.Key, ".")
			objects[object], after = true, o.Key
		}
	}
	err := u.bucket.Multiparts(t.Context(), func(key, _ string, _ time.Time) error {
		objects[key] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for object := range objects {
		ids = append(ids, u.RecordedID(t.Context(), object))
	}
	return ids
}

// Reopen is part of storetest.Store.
func (u *underTest) Reopen(t *testing.T, o storetest.Options) storetest.Store {
	t.Helper()
	u.close(t)
	return open(t, u.place, o)
}
