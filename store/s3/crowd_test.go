package s3_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
	"plateau/store/s3/s3test"
	"plateau/store/storetest"
)

// TestCrowd has more uploads than the spool has room for: they make room for each other, by
// tails, and all come to their ends.
func TestCrowd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.change = func(o *s3.Options) { o.SpoolSize = 12 * mib }
	p := r.start()
	var all sync.WaitGroup
	clients := make([]*client, 8)
	for i := range clients {
		content := make([]byte, 6*mib+i)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(content)
		c := &client{rig: r, p: p, content: content}
		clients[i] = c
		all.Go(func() {
			if err := c.create(-1); err != nil {
				t.Error(err)
				return
			}
			for !c.finished {
				if err := c.patch(700_001); err != nil {
					c.wantPassing(err) // too many at once: the client asks, and goes on
					if err := c.head(); err != nil {
						c.wantPassing(err)
					}
				}
			}
		})
	}
	all.Wait()
	if used, budget := p.Spooled(); used > budget {
		t.Errorf("the spool has %d bytes of %d", used, budget)
	}
	for _, c := range clients {
		c.check()
	}
	r.wantTidy(clients[0])
}

// TestHeadIsKept: what a HEAD says while a client is silent in the middle of its body is there
// after the end of the process.
func TestHeadIsKept(t *testing.T) {
	for _, at := range []int64{1, 300_000, 5*mib - 1, 5 * mib, 5*mib + 1, 11 * mib} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			r := newRig(t)
			p := r.start()
			c := ways()[4].start(r, p)
			c.content = append(c.content, 'x')
			r.must(c.create(-1))
			body := storetest.NewBody(c.content)
			body.StallAt = at
			done := make(chan error, 1)
			go func() {
				ctx := c.context(http.MethodPatch, body)
				unlock, err := c.lock(ctx, c.id)
				if err == nil {
					defer unlock()
					var u handler.Upload
					if u, err = p.GetUpload(ctx, c.id); err == nil {
						_, err = c.write(ctx, u, 0, body)
					}
				}
				done <- err
			}()
			<-body.Stalled()
			// Parts that are on their way are not there yet; then it says less.
			r.eventually("HEAD says all that came", func() bool {
				r.must(c.head())
				return c.acked == at
			})
			p.die()
			body.Cut(store.ShuttingDown())
			<-done
			c.p = r.start()
			r.must(c.head())
			c.resume()
			c.check()
		})
	}
}

// TestSilentClientsHoldNothing: clients that are silent have their bytes in the bucket when
// others need the room.
func TestSilentClientsHoldNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.change = func(o *s3.Options) { o.SpoolSize = 8 * mib }
	p := r.start()
	const silent = 10
	var all sync.WaitGroup
	bodies := make([]*storetest.Body, silent)
	clients := make([]*client, silent)
	for i := range bodies {
		c := &client{rig: r, p: p, content: make([]byte, 2*mib)}
		r.must(c.create(-1))
		body := storetest.NewBody(c.content)
		body.StallAt = mib
		bodies[i], clients[i] = body, c
		all.Go(func() {
			ctx := c.context(http.MethodPatch, body)
			unlock, err := c.lock(ctx, c.id)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			u, err := p.GetUpload(ctx, c.id)
			if err == nil {
				_, err = c.write(ctx, u, 0, body)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	for _, body := range bodies {
		<-body.Stalled()
	}
	fast := ways()[4].start(r, p)
	r.must(fast.create(len(fast.content)))
	fast.check()
	for _, body := range bodies {
		body.Resume()
	}
	all.Wait()
	for _, c := range clients {
		r.must(c.head())
		c.check()
	}
}

// TestPartsRemoved is a rule of the bucket that removes multipart uploads: the client hears
// that the upload is gone, not that it is finished.
func TestPartsRemoved(t *testing.T) {
	r := newRig(t)
	r.change = func(o *s3.Options) { o.FreshFor = time.Nanosecond }
	p := r.start()
	c := ways()[4].start(r, p)
	r.must(c.create(-1))
	r.must(c.patch(7 * mib))
	b := r.direct()
	defer b.Close()
	object, multipart := s3.SplitID(c.id)
	r.must(b.Abort(r.Context(), object, multipart))
	if err := c.patch(mib); err == nil {
		t.Error("a PATCH to parts that are gone is answered well")
	}
	for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodGet} {
		_, err := p.GetUpload(c.context(method, nil), c.id)
		answer, ok := errors.AsType[handler.Error](err)
		if !ok || answer.HTTPResponse.StatusCode != http.StatusGone {
			t.Errorf("%s: %v, want 410", method, err)
		}
	}
	_, err := p.Content(c.context(http.MethodGet, nil), c.id)
	if answer, ok := errors.AsType[handler.Error](err); !ok || answer.HTTPResponse.StatusCode != http.StatusGone {
		t.Errorf("the content: %v, want 410", err)
	}
	if len(r.events.uploads()) > 0 {
		t.Error("there is an event")
	}
}

// TestBucketAway: the bucket is away in the middle of many uploads. Each goes on afterwards.
func TestBucketAway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.start()
	const many = 20
	var all, half sync.WaitGroup
	half.Add(many)
	back := make(chan struct{})
	for i := range many {
		w := ways()[1+i%7]
		all.Go(func() {
			c := w.start(r, p)
			if err := c.create(-1); err != nil {
				t.Error(err)
			} else if err := c.patch(len(c.content) / 2); err != nil {
				t.Error(err)
			}
			half.Done()
			half.Wait()
			<-back
			before := c.acked
			if err := c.patch(len(c.content)); err == nil && c.acked == before {
				t.Error("a PATCH without a bucket brought nothing and was answered well")
			}
			p.proxy.Away(false)
			c.resume()
			c.check()
		})
	}
	half.Wait()
	p.proxy.Away(true)
	close(back)
	all.Wait()
}

// TestBodyCutOnItsWay: a part that reaches the bucket in half is no part.
func TestBodyCutOnItsWay(t *testing.T) {
	r := newRig(t)
	p := r.start()
	p.proxy.On(s3test.Nth(s3test.UploadPart, 2, s3test.CutBody(3*mib)))
	c := ways()[4].start(r, p)
	r.must(c.create(len(c.content)))
	c.check()
}
