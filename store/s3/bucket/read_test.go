package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	b, made := gateway(t, nil)
	c := text("0123456789")
	c.Metadata = map[string]string{"k": "v"}
	put := must(b.Put(t.Context(), "a", c, Absent))(t)
	made.take()
	data, found, err := b.Read(t.Context(), "a", 10)
	if err != nil || string(data) != "0123456789" || found.ETag != put.ETag || found.Size != 10 || found.Metadata["k"] != "v" {
		t.Errorf("Read: %q, %+v, %v", data, found, err)
	}
	made.want(t, "GetObject")
	_, _, err = b.Read(t.Context(), "a", 9)
	wantError(t, err, ErrTooLarge)
	_, _, err = b.Read(t.Context(), "none", 9)
	wantError(t, err, ErrNotFound)
	_, err = b.Head(t.Context(), "none")
	wantError(t, err, ErrNotFound)
	made.want(t, "GetObject", "GetObject", "HeadObject")
}

func TestOpen(t *testing.T) {
	b, made := gateway(t, nil)
	must(b.Put(t.Context(), "a", text("0123456789"), Absent))(t)
	must(b.Put(t.Context(), "empty", text(""), Absent))(t)
	for _, c := range []struct {
		offset, length int64
		want           string
		call           string
	}{
		{0, -1, "0123456789", "GetObject"},
		{0, 10, "0123456789", "GetObject"},
		{0, 3, "012", "GetObject"},
		{4, 3, "456", "GetObject"},
		{4, -1, "456789", "GetObject"},
		{9, 1, "9", "GetObject"},
		{8, 100, "89", "GetObject"},
		{3, 0, "", "HeadObject"},
	} {
		made.take()
		r, found, err := b.Open(t.Context(), "a", c.offset, c.length)
		if err != nil {
			t.Errorf("%d, %d: %v", c.offset, c.length, err)
			continue
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || string(got) != c.want || found.Size != 10 {
			t.Errorf("%d, %d: %q of %+v, %v", c.offset, c.length, got, found, err)
		}
		made.want(t, c.call)
	}
	for _, c := range [][2]int64{{10, -1}, {10, 1}, {-1, 1}, {0, -2}} {
		_, _, err := b.Open(t.Context(), "a", c[0], c[1])
		wantError(t, err, ErrRange)
	}
	_, _, err := b.Open(t.Context(), "none", 0, -1)
	wantError(t, err, ErrNotFound)
	r, _, err := b.Open(t.Context(), "empty", 0, -1)
	if got, readErr := io.ReadAll(must(r, err)(t)); len(got) > 0 || readErr != nil {
		t.Errorf("an empty object: %q, %v", got, readErr)
	}
	_ = r.Close()
}

func TestReadAgainAfterBreaking(t *testing.T) {
	b, made := scripted(t, nil, func(n int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		if n < 3 {
			fmt.Fprint(w, "0123")
			_ = http.NewResponseController(w).Flush()
			cutOff(w)
		}
		fmt.Fprint(w, "0123456789")
	})
	data, _, err := b.Read(t.Context(), "a", 10)
	if err != nil || string(data) != "0123456789" {
		t.Errorf("%q, %v", data, err)
	}
	made.want(t, "GetObject", "GetObject", "GetObject")
}

// A body that ends early must not look like one that is whole.
func TestOpenBreaks(t *testing.T) {
	b, _ := scripted(t, nil, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "0123")
		_ = http.NewResponseController(w).Flush()
		cutOff(w)
	})
	r, _, err := b.Open(t.Context(), "a", 0, -1)
	got, err := io.ReadAll(must(r, err)(t))
	if string(got) != "0123" {
		t.Errorf("%q", got)
	}
	wantError(t, err, ErrAway)
	_ = r.Close()
}

// hanging opens a reader of an endpoint that sends 4 of 10 bytes, and no more.
func hanging(t *testing.T, ctx context.Context, change func(*Options)) (*Bucket, io.ReadCloser) {
	t.Helper()
	b, _ := scripted(t, change, func(_ int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "0123")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	r, _, err := b.Open(ctx, "a", 0, -1)
	must(r, err)(t)
	t.Cleanup(func() { _ = r.Close() })
	if _, err := io.ReadFull(r, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	return b, r
}

func TestOpenStalls(t *testing.T) {
	_, r := hanging(t, t.Context(), func(o *Options) { o.BodyTimeout = 50 * time.Millisecond })
	_, err := r.Read(make([]byte, 1))
	wantError(t, err, ErrAway)
	wantWords(t, err, "nothing came")
}

func TestOpenEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, r := hanging(t, ctx, nil)
	cancel()
	_, err := r.Read(make([]byte, 1))
	wantError(t, err, context.Canceled)
}

func TestOpenEndsWithTheBucket(t *testing.T) {
	b, r := hanging(t, t.Context(), nil)
	b.Close()
	_, err := r.Read(make([]byte, 1))
	wantError(t, err, ErrClosed)
}

// Downloads that nobody reads must not take the connections that uploads need.
func TestReadersTakeNoConnections(t *testing.T) {
	b, _ := gateway(t, func(o *Options) { o.Conns = 1 })
	must(b.Put(t.Context(), "a", content(make([]byte, 8*mib)), Absent))(t)
	for range 3 {
		r, _, err := b.Open(t.Context(), "a", 0, -1)
		must(r, err)(t)
		t.Cleanup(func() { _ = r.Close() })
	}
	must(b.Head(t.Context(), "a"))(t)
}

func TestRangeIgnored(t *testing.T) {
	b, _ := scripted(t, nil, func(_ int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "0123456789") })
	_, _, err := b.Open(t.Context(), "a", 4, -1)
	wantError(t, err, ErrRefused)
}
