package outbox_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/hooks"
	"plateau/store/s3/bucket"
	"plateau/store/s3/outbox"
	"plateau/store/s3/s3test"
)

var shared s3test.Shared

func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }

// bound is how long a test waits for what must happen soon.
const bound = 20 * time.Second

// calls counts the HTTP attempts of a bucket.
type calls struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *calls) add(call string, _ time.Duration, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[call]++
}

// take returns what was called since the last time.
func (c *calls) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	c.counts = nil
	return counts
}

// want fails unless exactly these calls were made since the last time.
func (c *calls) want(t *testing.T, what string, want map[string]int) {
	t.Helper()
	if got := c.take(); !maps.Equal(got, want) {
		t.Errorf("%s took %v, want %v", what, got, want)
	}
}

// box is an outbox in a bucket of its own, with a store that knows of each upload
// what it was told.
type box struct {
	*outbox.Outbox
	t      *testing.T // of a step, if it needs one
	opts   outbox.Options
	bucket *bucket.Bucket
	calls  calls

	mu      sync.Mutex
	answers map[string]hooks.Confirmation
	failure error // instead of any
	asked   int
}

func newBox(t testing.TB, opts outbox.Options) *box {
	t.Helper()
	g := shared.Gateway(t)
	return newBoxAt(t, opts, g, g.Endpoint)
}

func newBoxAt(t testing.TB, opts outbox.Options, g *s3test.Gateway, endpoint string) *box {
	t.Helper()
	b := &box{opts: opts, answers: map[string]hooks.Confirmation{}}
	var err error
	b.bucket, err = bucket.Open(t.Context(), bucket.Options{
		Name: g.NewBucket(t), Prefix: "some/where/", Endpoint: endpoint, Region: g.Region,
		AccessKey: g.AccessKey, SecretKey: g.SecretKey, Called: b.calls.add,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.bucket.Close)
	b.opts.Bucket, b.opts.Confirm = b.bucket, b.confirm
	b.open(t)
	t.Cleanup(func() { b.close(t) })
	return b
}

func (b *box) open(t testing.TB) {
	t.Helper()
	var err error
	if b.Outbox, err = outbox.Open(b.opts); err != nil {
		t.Fatal(err)
	}
}

func (b *box) close(t testing.TB) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// reopen is a restart of the process.
func (b *box) reopen(t testing.TB) {
	t.Helper()
	b.close(t)
	b.open(t)
}

func (b *box) confirm(ctx context.Context, id string, _ time.Time) (hooks.Confirmation, error) {
	b.mu.Lock()
	b.asked++
	c, failure := b.answers[id], b.failure
	b.mu.Unlock()
	if failure == nil && c == hooks.Abandoned {
		failure = b.Withdraw(ctx, id)
	}
	return c, failure
}

func (b *box) answer(id string, c hooks.Confirmation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers[id] = c
}

// at is the finish time of the nth upload, and idOf its id, as Plateau makes them.
func at(n int) time.Time {
	return time.Date(2026, 11, 29, 5, 41, 7, 123456789, time.UTC).Add(time.Duration(n) * time.Second)
}

func idOf(n int) string { return nameOf(n) + "+VXBsb2FkSUQ.2~" }

func nameOf(n int) string { return fmt.Sprintf("%012x%020x", at(n).UnixMilli(), n) }

func infoOf(n int) handler.FileInfo {
	return handler.FileInfo{
		ID: idOf(n), Size: 5, MetaData: handler.MetaData{"filename": "a <b> & c.txt"},
		Storage: map[string]string{"Type": "s3store", "Bucket": "b", "Key": nameOf(n)},
	}
}

// mustAdd adds the nth uploads, of which nobody knows yet whether they are finished.
func (b *box) mustAdd(t testing.TB, ns ...int) {
	t.Helper()
	for _, n := range ns {
		if err := b.Add(t.Context(), infoOf(n), at(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// addMany adds the uploads from to before to, several at a time.
func (b *box) addMany(t testing.TB, from, to int) {
	t.Helper()
	var adding sync.WaitGroup
	for first := range 8 {
		adding.Go(func() {
			for n := from + first; n < to; n += 8 {
				if err := b.Add(t.Context(), infoOf(n), at(n)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	adding.Wait()
}

func (b *box) mustClaim(t testing.TB, count int) []hooks.Entry {
	t.Helper()
	entries, err := b.Claim(t.Context(), count, 1<<20, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// wantClaimed claims all, and fails unless these are the entries of the nth uploads.
func (b *box) wantClaimed(t testing.TB, ns ...int) (entries []hooks.Entry) {
	t.Helper()
	for more := b.mustClaim(t, 100); len(more) > 0; more = b.mustClaim(t, 100) {
		entries = append(entries, more...)
	}
	wantEntries(t, entries, ns...)
	return entries
}

func wantEntries(t testing.TB, entries []hooks.Entry, ns ...int) {
	t.Helper()
	same := len(entries) == len(ns)
	for i := range min(len(entries), len(ns)) {
		e, n := entries[i], ns[i]
		same = same && e.ID == idOf(n) && e.Name == nameOf(n) && e.FinishedAt.Equal(at(n))
	}
	if !same {
		t.Fatalf("the entries are %v, want those of %v", entries, ns)
	}
}

func (b *box) mustRemove(t testing.TB, entries ...hooks.Entry) {
	t.Helper()
	if err := b.Remove(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
}

// there fails unless the objects with a prefix are these.
func (b *box) there(t testing.TB, prefix string, names ...string) {
	t.Helper()
	objects, _, err := b.bucket.List(t.Context(), prefix, "", 1_000)
	if err != nil {
		t.Fatal(err)
	}
	same := len(objects) == len(names)
	for i := range min(len(objects), len(names)) {
		same = same && objects[i].Key == prefix+names[i]
	}
	if !same {
		t.Errorf("below %s there are %v, want %v", prefix, objects, names)
	}
}

// eventually waits until a condition is true.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(bound); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for: %s", bound, what)
		}
	}
}

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
