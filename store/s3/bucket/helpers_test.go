package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/store/s3/s3test"
)

var shared s3test.Shared

func TestMain(m *testing.M) {
	if addr := os.Getenv("PLATEAU_TEST_DISCARD"); addr != "" {
		discard()
		return
	}
	os.Exit(shared.Run(m))
}

// calls are the attempts that a Bucket reported.
type calls struct {
	mu   sync.Mutex
	list []string
}

func (c *calls) add(name string, _ time.Duration, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, name)
}

// take returns what was called since the last time.
func (c *calls) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.list
	c.list = nil
	return list
}

func (c *calls) want(t *testing.T, names ...string) {
	t.Helper()
	if got := c.take(); !slices.Equal(got, names) {
		t.Errorf("called %v, want %v", got, names)
	}
}

// gateway opens a new bucket of a real gateway. change may be nil.
func gateway(t testing.TB, change func(*Options)) (*Bucket, *calls) {
	t.Helper()
	g := shared.Gateway(t)
	return opened(t, optionsFor(g, g.NewBucket(t)), change)
}

func optionsFor(g *s3test.Gateway, name string) Options {
	return Options{Name: name, Prefix: "up/", Endpoint: g.Endpoint, Region: g.Region, AccessKey: g.AccessKey, SecretKey: g.SecretKey}
}

func opened(t testing.TB, o Options, change func(*Options)) (*Bucket, *calls) {
	t.Helper()
	made := &calls{}
	o.Called = made.add
	if change != nil {
		change(&o)
	}
	b, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b, made
}

// scripted opens a bucket of an endpoint that answers by a script, which hears the
// number of the request, from 1 on.
func scripted(t *testing.T, change func(*Options), script func(n int, w http.ResponseWriter, r *http.Request)) (*Bucket, *calls) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		number := n
		mu.Unlock()
		script(number, w, r)
	}))
	t.Cleanup(server.Close)
	return opened(t, Options{Name: "b", Endpoint: server.URL, AccessKey: "a", SecretKey: "s"}, change)
}

// refuse answers as S3 does.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>in words</Message></Error>`, code)
}

// cutOff closes the connection without an answer.
func cutOff(w http.ResponseWriter) {
	panic(http.ErrAbortHandler)
}

// headed answers a HEAD with a size and, if not empty, a CRC32C.
func headed(w http.ResponseWriter, size int, sum string) {
	w.Header().Set("Content-Length", fmt.Sprint(size))
	w.Header().Set("ETag", `"e"`)
	if sum != "" {
		w.Header().Set("X-Amz-Checksum-Crc32c", sum)
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
}

func sumOf(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

func content(data []byte) Content {
	return Content{Body: bytes.NewReader(data), Size: int64(len(data)), CRC32C: sumOf(data)}
}

func text(s string) Content { return content([]byte(s)) }

// wantError wants an error that is of these kinds and of no other; without kinds, no
// error.
func wantError(t *testing.T, err error, kinds ...error) {
	t.Helper()
	if err != nil && len(kinds) == 0 {
		t.Errorf("error %v", err)
	}
	for _, kind := range kinds {
		if !errors.Is(err, kind) {
			t.Errorf("error is %v, want %v", err, kind)
		}
	}
	for _, kind := range []error{ErrNotFound, ErrConflict, ErrNoMultipart, ErrInvalidParts, ErrUnsure, ErrAway, ErrRefused, ErrDamaged, ErrTooLarge, ErrRange, ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) && !slices.Contains(kinds, kind) {
			t.Errorf("error %v is also %v", err, kind)
		}
	}
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q doesn't say %q", err, w)
		}
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// parts stores parts of the given sizes and returns them with their bytes.
func parts(t testing.TB, b *Bucket, key, id string, sizes ...int) (list []Part, all []byte) {
	t.Helper()
	for i, size := range sizes {
		data := bytes.Repeat([]byte{byte('a' + i)}, size)
		list = append(list, must(b.PutPart(t.Context(), key, id, i+1, content(data)))(t))
		all = append(all, data...)
	}
	return list, all
}

const mib = 1 << 20
