package storetest

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func finishContract() []contract {
	return []contract{
		{"a failing event: PATCH is told to try again", testFailingEvent},
		{"a failing event's own answer is passed on", testFailingEventAnswer},
		{"a failing event: POST leaves nothing", testFailingEventPost},
		{"a slow event: PATCH and HEAD are told to try again", testSlowEvent},
		{"a finish outlives its client", testFinishWithoutClient},
		{"requests join one finish", testJoin},
		{"deletion waits for a finish", testDeleteWaits},
	}
}

func testFailingEvent(s *suite) {
	s.start(Options{})
	id := s.create(3)
	s.events.fail(errSink)
	_, err := s.patch(id, 0, NewBody([]byte("abc")))
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
	s.redriven(id)
	s.events.fail(nil)
	s.wantOffset(id, 3)
	s.events.want(id)
	s.wantContent(id, []byte("abc"))
}

// redriven checks which requests try to finish an upload whose event fails.
func (s *suite) redriven(id string) {
	s.Helper()
	calls := s.events.called()
	tries := []struct {
		name    string
		request func() error
		drives  bool
	}{
		{"HEAD", func() error { _, err := s.head(id); return err }, true},
		{"GET", func() error { _, err := s.get(id); return err }, true},
		{"PATCH", func() error { _, err := s.patch(id, 3, nil); return err }, true},
		{"opening as a part", func() error { _, err := s.concat(id); return err }, false},
	}
	for _, try := range tries {
		err := try.request()
		if try.drives {
			calls++
			s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
		} else {
			s.wantRefused(err)
		}
		if got := s.events.called(); got != calls {
			s.Errorf("%s: %d calls for the event, want %d", try.name, got, calls)
		}
	}
	s.events.want()
}

func testFailingEventAnswer(s *suite) {
	s.start(Options{})
	id := s.create(3)
	s.events.fail(store.Full())
	_, err := s.patch(id, 0, NewBody([]byte("abc")))
	s.wantPassing(err, http.StatusInsufficientStorage, "ERR_STORAGE_FULL")
	s.events.fail(nil)
	s.wantContent(id, []byte("abc"))
}

func testFailingEventPost(s *suite) {
	s.start(Options{})
	s.events.fail(errSink)
	_, _, err := s.post(handler.FileInfo{Size: 3}, NewBody([]byte("abc")))
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
	_, _, err = s.post(handler.FileInfo{Size: 0}, nil)
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
	s.wantNames()
	s.part([]byte("a part makes no event"))
	s.events.want()
}

func testSlowEvent(s *suite) {
	s.start(Options{FinishWait: 20 * time.Millisecond})
	id := s.create(3)
	g := s.events.hold()
	_, err := s.patch(id, 0, NewBody([]byte("abc")))
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
	_, err = s.head(id)
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
	_, err = s.get(id)
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
	_, err = s.patch(id, 3, nil)
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
	s.wantPassing(s.delete(id), http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
	if n := s.events.called(); n != 1 {
		s.Errorf("%d calls for the event, want one that all wait for", n)
	}
	s.events.open(g)
	s.eventually(func() error { _, err := s.head(id); return err })
	s.wantContent(id, []byte("abc"))
	s.events.want(id)
}

// eventually repeats a request that may hear 423 until it works: as a client,
// it waits in between.
func (s *suite) eventually(request func() error) {
	s.Helper()
	end := time.After(bound)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := request()
		if err == nil {
			return
		}
		if s.wantPassing(err, http.StatusLocked, ""); s.Failed() {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			s.Errorf("still %v after %s", err, bound)
			return
		}
	}
}

func testFinishWithoutClient(s *suite) {
	s.start(Options{})
	id := s.create(3)
	body := NewBody([]byte("abc"))
	left, leave := context.WithCancel(s.context(http.MethodPatch, body))
	u, err := s.store.GetUpload(left, id)
	s.must(err)
	_, err = s.chunk(left, u, 0, body)
	s.must(err)
	leave()
	s.must(s.checked(u.FinishUpload(left)))
	s.events.want(id)
}

func testJoin(s *suite) {
	s.start(Options{})
	id := s.crashedComplete([]byte("abc"))
	g := s.events.hold()
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := s.head(id); err != nil {
			s.Errorf("the HEAD that began the finish: %v", err)
		}
	})
	within(s.T, "the event", g.entered)
	for range 20 {
		// They wait for the finish. One that comes just when it ends may find that
		// another holds the lock, and hear that it shall try again.
		all.Go(func() { s.eventually(func() error { _, err := s.head(id); return err }) })
		all.Go(func() { s.eventually(func() error { _, err := s.patch(id, 3, nil); return err }) })
	}
	all.Go(s.sweep)
	s.events.open(g)
	all.Wait()
	s.wantContent(id, []byte("abc"))
	s.events.want(id)
}

// crashedComplete returns an upload whose process died between the last byte
// and the finish.
func (s *suite) crashedComplete(b []byte) string {
	s.Helper()
	id := s.create(len(b))
	body := NewBody(b)
	ctx := s.context(http.MethodPatch, body)
	u, err := s.store.GetUpload(ctx, id)
	s.must(err)
	if n, err := s.chunk(ctx, u, 0, body); err != nil || n != int64(len(b)) {
		s.Fatalf("write: %d bytes, error %v", n, err)
	}
	s.crash()
	return id
}

func testDeleteWaits(s *suite) {
	s.start(Options{})
	id := s.create(3)
	g := s.events.hold()
	patched, deleted := make(chan error, 1), make(chan error, 1)
	body := NewBody([]byte("abc"))
	go func() {
		_, err := s.patch(id, 0, body)
		patched <- err
	}()
	within(s.T, "the event", g.entered)
	// DELETE as it is after the PATCH's client has left and its lock is free.
	ctx := s.context(http.MethodDelete, nil)
	u, err := s.store.GetUpload(ctx, id)
	s.must(err)
	go func() {
		err := s.checked(s.store.AsTerminatableUpload(u).Terminate(ctx))
		// How long it waits is the slow event's test.
		s.events.want(id)
		deleted <- err
	}()
	s.events.open(g)
	s.must(within(s.T, "the PATCH", patched))
	s.must(within(s.T, "the DELETE", deleted))
	s.wantNames()
	s.events.want(id)
}
