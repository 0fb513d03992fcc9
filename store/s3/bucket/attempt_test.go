package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestWhatIsTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		kind   error
		tries  int
	}{
		"500":       {func(w http.ResponseWriter) { refuse(w, 500, "InternalError") }, ErrAway, 3},
		"503":       {func(w http.ResponseWriter) { refuse(w, 503, "SlowDown") }, ErrAway, 3},
		"429":       {func(w http.ResponseWriter) { refuse(w, 429, "TooManyRequests") }, ErrAway, 3},
		"slow body": {func(w http.ResponseWriter) { refuse(w, 400, "RequestTimeout") }, ErrAway, 3},
		"a page":    {func(w http.ResponseWriter) { w.WriteHeader(502); fmt.Fprint(w, "<html><br>Bad Gateway") }, ErrAway, 3},
		"nothing":   {cutOff, ErrAway, 3},
		"garbage":   {func(w http.ResponseWriter) { fmt.Fprint(w, "<html><br>Hello") }, ErrAway, 3},
		"denied":    {func(w http.ResponseWriter) { refuse(w, 403, "AccessDenied") }, ErrRefused, 1},
		"unknown":   {func(w http.ResponseWriter) { refuse(w, 400, "Whatever") }, ErrRefused, 1},
		"not known": {func(w http.ResponseWriter) { refuse(w, 501, "NotImplemented") }, ErrRefused, 1},
		"elsewhere": {func(w http.ResponseWriter) { w.Header().Set("Location", "/x"); refuse(w, 307, "TemporaryRedirect") }, ErrRefused, 1},
		"no bucket": {func(w http.ResponseWriter) { refuse(w, 404, "NoSuchBucket") }, ErrRefused, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b, made := scripted(t, nil, func(_ int, w http.ResponseWriter, _ *http.Request) { c.answer(w) })
			_, _, err := b.List(t.Context(), "", "", 1)
			wantError(t, err, c.kind)
			if got := made.take(); len(got) != c.tries {
				t.Errorf("called %v", got)
			}
		})
	}
}

// An endless number of failures uses up nothing: the next call has its attempts.
func TestNoBudgetForRetries(t *testing.T) {
	var mu sync.Mutex
	fails := true
	b, made := scripted(t, nil, func(n int, w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if fails || n%3 != 0 {
			refuse(w, 503, "SlowDown")
		}
	})
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			_, err := b.Head(t.Context(), "a")
			wantError(t, err, ErrAway)
		})
	}
	all.Wait()
	if n := len(made.take()); n != 120 {
		t.Errorf("%d attempts", n)
	}
	mu.Lock()
	fails = false
	mu.Unlock()
	must(b.Head(t.Context(), "a"))(t)
	made.want(t, "HeadObject", "HeadObject", "HeadObject")
}

func TestAttemptHasADeadline(t *testing.T) {
	b, made := scripted(t, func(o *Options) { o.CallTimeout = 2 * time.Second }, func(n int, _ http.ResponseWriter, r *http.Request) {
		if n == 1 {
			<-r.Context().Done()
		}
	})
	must(b.Head(t.Context(), "a"))(t)
	if n := len(made.take()); n < 2 {
		t.Errorf("%d attempts", n)
	}
}

func TestNobodyAnswers(t *testing.T) {
	b, made := scripted(t, func(o *Options) { o.CallTimeout = 20 * time.Millisecond }, func(_ int, _ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	})
	_, err := b.Head(t.Context(), "a")
	wantError(t, err, ErrAway)
	wantWords(t, err, "no answer within 20ms")
	_, _, err = b.Open(t.Context(), "a", 0, -1)
	wantError(t, err, ErrAway)
	made.want(t, "HeadObject", "HeadObject", "HeadObject", "GetObject", "GetObject", "GetObject")
}

func TestContextEndsACall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b, made := scripted(t, nil, func(_ int, _ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := b.Head(ctx, "a")
	wantError(t, err, context.Canceled)
	made.want(t, "HeadObject")
	_, err = b.Complete(ctx, "a", "i", []Part{{Number: 1, Size: 1}}, 1)
	wantError(t, err, ErrUnsure, context.Canceled)
}

// A deadline of the caller is not the endpoint's being away.
func TestDeadlineOfTheCaller(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	b, _ := scripted(t, nil, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := b.Head(ctx, "a")
	wantError(t, err, context.DeadlineExceeded)
}

// Once PutPart has returned, nobody reads the body any more: its memory can be used again.
func TestBodyIsFreeAfterwards(t *testing.T) {
	release := make(chan struct{})
	b, _ := scripted(t, func(o *Options) { o.BodyTimeout = time.Millisecond }, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			_, _ = io.CopyN(io.Discard, r.Body, 100_000)
			<-release // the rest is on its way
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusForbidden)
	})
	data := make([]byte, 64*mib)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := b.PutPart(ctx, "a", "i", 1, content(data))
	if err == nil {
		t.Error("no error")
	}
	for i := range data { // the race detector looks
		data[i]++
	}
	close(release)
}

func TestCalledHearsOutcomes(t *testing.T) {
	var mu sync.Mutex
	var outcomes []error
	b, _ := scripted(t, func(o *Options) {
		o.Called = func(call string, took time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			if call != "HeadObject" || took <= 0 {
				t.Errorf("%s, %v", call, took)
			}
			outcomes = append(outcomes, err)
		}
	}, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(503)
		}
	})
	must(b.Head(t.Context(), "a"))(t)
	if len(outcomes) != 2 || !errors.Is(outcomes[0], ErrAway) || outcomes[1] != nil {
		t.Errorf("%v", outcomes)
	}
}

func TestContentShorterThanItSays(t *testing.T) {
	b, _ := gateway(t, nil)
	c := Content{Body: bytes.NewReader(make([]byte, 10)), Size: 20}
	_, err := b.Put(t.Context(), "a", c, Absent)
	if err == nil {
		t.Error("no error")
	}
	_, err = b.Head(t.Context(), "a")
	wantError(t, err, ErrNotFound)
}
