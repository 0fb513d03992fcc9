package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// formServer takes forms and answers as POST /upload does, except that it lets spoil write the n-th answer.
func formServer(t *testing.T, spoil func(w http.ResponseWriter, n int64) bool) (addr string, received *atomic.Int64) {
	received = new(atomic.Int64)
	var answers atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil {
			t.Error(err)
			return
		}
		form := multipart.NewReader(r.Body, parameters["boundary"])
		for {
			part, err := form.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				return // broken off
			}
			n, err := io.Copy(io.Discard, part)
			if err != nil {
				return
			}
			if part.FormName() == "file" {
				received.Add(n)
			}
		}
		n := answers.Add(1)
		if spoil != nil && spoil(w, n) {
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `[{"id":"%032x","size":%d}]`, n, smallSize)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), received
}

func TestCrowdFinishesEveryUpload(t *testing.T) {
	const uploads = 100
	content := make([]byte, smallSize)
	for name, try := range map[string]struct {
		serve  func(*testing.T, func(http.ResponseWriter, int64) bool) (string, *atomic.Int64)
		method func(string, []byte) method
	}{"tus": {uploadServer, byTus}, "form": {formServer, byForm}} {
		addr, received := try.serve(t, nil)
		var mu sync.Mutex // guards ids and at
		var ids []string
		var at []int
		c := crowd{
			addr: addr, method: try.method(addr, content), uploads: uploads, fast: 3, slow: 2,
			kept: func(id string) error {
				mu.Lock()
				defer mu.Unlock()
				ids = append(ids, id)
				return nil
			},
			sample: func(n int) error {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, n)
				return nil
			}, sampleEvery: 30,
		}
		seen, err := c.run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Those that were on their way when the last one was finished are finished too.
		if seen.done < uploads || len(ids) != seen.done || slices.Contains(ids, "") {
			t.Errorf("%s: %d uploads finished, kept as %q", name, seen.done, ids)
		}
		if got := received.Load(); got < int64(seen.done*smallSize) {
			t.Errorf("%s: %d bytes arrived of %d uploads", name, got, seen.done)
		}
		if len(seen.delays) == 0 || len(seen.delays) > seen.done || slices.Min(seen.delays) <= 0 {
			t.Errorf("%s: %d delays of %d uploads, the least %g s", name, len(seen.delays), seen.done, slices.Min(seen.delays))
		}
		slices.Sort(at)
		if !slices.Equal(at, []int{30, 60, 90, 100}) {
			t.Errorf("%s: sampled at %d", name, at)
		}
	}
}

func TestSlowUploadIsBrokenOff(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, _ := io.ReadFull(r.Body, make([]byte, 1000))
		close(begun)
		rest, err := io.Copy(io.Discard, r.Body)
		if int64(n)+rest >= 100*slowBlock {
			err = nil
		}
		ended <- err
	}))
	defer server.Close()
	addr := server.Listener.Addr().String()
	ctx, breakOff := context.WithCancel(t.Context())
	defer breakOff()
	go func() {
		<-begun
		breakOff()
	}()
	c := crowd{addr: addr, method: byTus(addr, make([]byte, 100*slowBlock)), slow: 1} // of 10 s
	if err := c.trickle(ctx, 0, func(string) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the whole upload arrived")
	}
}

func TestCrowdFailsOnAWrongAnswer(t *testing.T) {
	for want, answer := range map[string]func(w http.ResponseWriter){
		"the event could not be sent": func(w http.ResponseWriter) { http.Error(w, "the event could not be sent", 500) },
		"not one file of 4096":        func(w http.ResponseWriter) { w.WriteHeader(201); fmt.Fprint(w, `[{"id":"a","size":4095}]`) },
		"understand":                  func(w http.ResponseWriter) { w.WriteHeader(201); fmt.Fprint(w, `{}`) },
	} {
		addr, _ := formServer(t, func(w http.ResponseWriter, n int64) bool {
			if n == 7 {
				answer(w)
			}
			return n == 7
		})
		c := crowd{
			addr: addr, method: byForm(addr, make([]byte, smallSize)), uploads: 40, fast: 2,
			kept: func(string) error { return nil }, sample: func(int) error { return nil }, sampleEvery: 10,
		}
		if _, err := c.run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}
