package s3_test

import (
	"bytes"
	"context"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/memorylock"
	"plateau/store/s3"
	"plateau/store/s3/bucket"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

// caretaker is a store whose calls, events and clock a test sees, and may change.
type caretaker struct {
	*underTest
	t     *testing.T
	locks *memorylock.Locker
	proxy *s3test.Proxy

	prefix string // of the ids of what requests create

	mu     sync.Mutex
	ahead  time.Duration
	calls  map[string]int
	events []handler.FileInfo
	fail   func(id string) error // of the event; may be nil
}

// newCaretaker opens a store in an empty bucket. Uploads expire after an hour.
func newCaretaker(t *testing.T, change ...func(*s3.Options)) *caretaker {
	t.Helper()
	c := &caretaker{t: t, calls: make(map[string]int), locks: memorylock.New()}
	g := shared.Gateway(t)
	c.proxy = s3test.StartProxy(t, g)
	p := &place{gateway: g, endpoint: c.proxy.Endpoint, name: g.NewBucket(t), intents: newIntents(), called: c.called}
	p.change = func(o *s3.Options) {
		for _, change := range change {
			change(o)
		}
	}
	c.underTest = open(t, p, storetest.Options{Locker: c.locks, Finish: c.finish, ExpireAfter: time.Hour, Now: c.now})
	return c
}

func (c *caretaker) called(call string, _ time.Duration, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[call]++
}

// countOf returns which calls f makes.
func (c *caretaker) countOf(f func()) map[string]int {
	c.mu.Lock()
	before := maps.Clone(c.calls)
	c.mu.Unlock()
	f()
	c.mu.Lock()
	defer c.mu.Unlock()
	made := make(map[string]int)
	for call, n := range c.calls {
		if n -= before[call]; n > 0 {
			made[call] = n
		}
	}
	return made
}

func (c *caretaker) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *caretaker) forward(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += by
}

func (c *caretaker) finish(_ context.Context, info handler.FileInfo, _ time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		if err := c.fail(info.ID); err != nil {
			return err
		}
	}
	c.events = append(c.events, info)
	return nil
}

// eventOf returns the last event of an upload.
func (c *caretaker) eventOf(id string) handler.FileInfo {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, info := range slices.Backward(c.events) {
		if info.ID == id {
			return info
		}
	}
	c.t.Errorf("%s has no event", id)
	return handler.FileInfo{}
}

func (c *caretaker) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// as is the context of a request.
func (c *caretaker) as(method string, body *storetest.Body) context.Context {
	r := &store.Request{Method: method, Offset: -1, IDPrefix: c.prefix}
	if body != nil {
		r.Body = body
	}
	return store.WithRequest(c.t.Context(), r)
}

// post creates an upload with all its bytes, and finishes it.
func (c *caretaker) post(info handler.FileInfo, b []byte) string {
	c.t.Helper()
	info.Size = int64(len(b))
	body := storetest.NewBody(b)
	ctx := c.as(http.MethodPost, body)
	u, err := c.NewUpload(ctx, info)
	c.must(err)
	n, err := u.WriteChunk(ctx, 0, body)
	c.must(err)
	if n != int64(len(b)) {
		c.t.Fatalf("%d of %d bytes are stored", n, len(b))
	}
	c.must(u.FinishUpload(ctx))
	info, err = u.GetInfo(ctx)
	c.must(err)
	return info.ID
}

// part makes a finished part of a concatenation.
func (c *caretaker) part(b []byte) string { return c.post(handler.FileInfo{IsPartial: true}, b) }

// begin creates an upload and sends its first bytes; it doesn't finish it.
func (c *caretaker) begin(info handler.FileInfo, b []byte) string {
	c.t.Helper()
	ctx := c.as(http.MethodPost, nil)
	u, err := c.NewUpload(ctx, info)
	c.must(err)
	info, err = u.GetInfo(ctx)
	c.must(err)
	if len(b) > 0 {
		body := storetest.NewBody(b)
		_, err = u.WriteChunk(c.as(http.MethodPatch, body), 0, body)
		c.must(err)
	}
	return info.ID
}

// offset is what a HEAD says.
func (c *caretaker) offset(id string) (int64, error) {
	ctx := c.as(http.MethodHead, nil)
	u, err := c.GetUpload(ctx, id)
	if err != nil {
		return 0, err
	}
	info, err := u.GetInfo(ctx)
	return info.Offset, err
}

// concat makes a final of parts with so many bytes in all.
func (c *caretaker) concat(size int, parts ...string) (string, error) {
	ctx := c.as(http.MethodPost, nil)
	u, err := c.NewUpload(ctx, handler.FileInfo{IsFinal: true, Size: int64(size), PartialUploads: parts})
	if err != nil {
		return "", err
	}
	info, err := u.GetInfo(ctx)
	c.must(err)
	return info.ID, c.AsConcatableUpload(u).ConcatUploads(ctx, nil)
}

func (c *caretaker) wantBytes(id string, want []byte) {
	c.t.Helper()
	got, err := c.Content(c.as(http.MethodGet, nil), id)
	if err != nil || !bytes.Equal(got, want) {
		c.t.Errorf("%s has %d bytes (%v), which are not the %d that were sent", id, len(got), err, len(want))
	}
}

// keys lists all objects in the bucket, and multipart uploads as "<object>?".
func (c *caretaker) keys() []string {
	c.t.Helper()
	var keys []string
	for after, more := "", true; more; {
		var page []bucket.Object
		var err error
		page, more, err = c.bucket.List(c.t.Context(), "", after, 1000)
		c.must(err)
		for _, o := range page {
			keys = append(keys, o.Key)
			after = o.Key
		}
	}
	c.must(c.bucket.Multiparts(c.t.Context(), func(key, _ string, _ time.Time) error {
		keys = append(keys, key+"?")
		return nil
	}))
	slices.Sort(keys)
	return keys
}

func (c *caretaker) wantKeys(want ...string) {
	c.t.Helper()
	slices.Sort(want)
	if got := c.keys(); !slices.Equal(got, want) {
		c.t.Errorf("in the bucket are %q, want %q", got, want)
	}
}

// lay puts an object into the bucket.
func (c *caretaker) lay(key, text string, metadata map[string]string) {
	c.t.Helper()
	_, err := c.bucket.Put(c.t.Context(), key, bucket.Content{
		Body: strings.NewReader(text), Size: int64(len(text)), Metadata: metadata,
		CRC32C: crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)),
	}, bucket.Any)
	c.must(err)
}

func (c *caretaker) sweep() s3.Swept {
	c.t.Helper()
	n, err := c.Store.Sweep(c.t.Context())
	c.must(err)
	return n
}

// objectOf is the part of an id that names objects.
func objectOf(id string) string {
	object, _, _ := strings.Cut(id, "+")
	return object
}

// noise returns n random bytes, the same for the same n.
func noise(n int) []byte {
	b := make([]byte, n)
	seed := [32]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	return b
}
