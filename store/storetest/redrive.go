package storetest

import (
	"errors"
	"net/http"
	"sync"

	"github.com/tus/tusd/v2/pkg/handler"
)

func redriveContract() []contract {
	return []contract{
		{"a crash before the finish: the sweep finishes", testCrashSweep},
		{"a crash before the finish: HEAD, GET and PATCH finish", testCrashRequests},
		{"a crash before the finish: DELETE doesn't finish", testCrashDelete},
		{"a crash before the finish of a part makes no event", testCrashPart},
		{"the sweep tries a failed event again", testSweepAgain},
		{"the sweep leaves alone what is in use", testSweepInUse},
		{"sweeps and uploads at once", testSweepMany},
	}
}

func testCrashSweep(s *suite) {
	s.start(Options{})
	id := s.crashedComplete([]byte("abc"))
	s.events.want()
	s.sweep()
	s.events.want(id)
	s.sweep()
	s.crash()
	s.sweep()
	s.events.want(id)
	if info := s.events.last(); info.Size != 3 || info.Offset != 3 {
		s.Errorf("the event's upload is %+v", info)
	}
	s.wantContent(id, []byte("abc"))
}

func testCrashRequests(s *suite) {
	s.start(Options{})
	var ids []string
	for _, request := range []func(id string) error{
		func(id string) error { _, err := s.head(id); return err },
		func(id string) error { _, err := s.get(id); return err },
		func(id string) error { _, err := s.patch(id, 3, nil); return err },
	} {
		id := s.crashedComplete([]byte("abc"))
		ids = append(ids, id)
		s.must(request(id))
		s.events.want(ids...)
		s.must(request(id))
		s.events.want(ids...)
	}
}

func testCrashDelete(s *suite) {
	s.start(Options{})
	id := s.crashedComplete([]byte("abc"))
	s.must(s.delete(id))
	s.wantNames()
	s.sweep()
	if s.events.called() != 0 {
		s.Error("a DELETE finished the upload")
	}
}

func testCrashPart(s *suite) {
	s.start(Options{})
	content := []byte("abc")
	parts := make([]string, 2)
	for i := range parts {
		id, _, err := s.post(handler.FileInfo{Size: 3, IsPartial: true}, nil)
		s.must(err)
		body := NewBody(content)
		ctx := s.context(http.MethodPatch, body)
		u, err := s.store.GetUpload(ctx, id)
		s.must(err)
		_, err = s.chunk(ctx, u, 0, body)
		s.must(err)
		parts[i] = id
	}
	s.crash()
	s.wantOffset(parts[0], 3)
	s.sweep()
	if s.events.called() != 0 {
		s.Error("a part made an event")
	}
	final, err := s.concat(parts...)
	s.must(err)
	s.wantContent(final, []byte("abcabc"))
}

func testSweepAgain(s *suite) {
	s.start(Options{})
	id := s.crashedComplete([]byte("abc"))
	s.events.fail(errSink)
	s.sweep()
	s.sweep()
	s.events.want()
	s.events.fail(nil)
	s.sweep()
	s.events.want(id)
}

func testSweepInUse(s *suite) {
	s.start(Options{})
	id := s.create(3)
	body := NewBody([]byte("abc"))
	body.StallAt = 3 // all bytes are there, but the body may still turn out too long
	done := make(chan error, 1)
	go func() {
		_, err := s.patch(id, 0, body)
		done <- err
	}()
	within(s.T, "the stall", body.Stalled())
	s.sweep()
	_, err := s.head(id)
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_LOCKED")
	_, err = s.get(id)
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_LOCKED")
	if body.Err() != nil {
		s.Errorf("a HEAD, a GET or the sweep cut the PATCH: %v", body.Err())
	}
	s.events.want()
	body.Resume()
	s.must(within(s.T, "the PATCH", done))
	s.wantOffset(id, 3)
	s.events.want(id)
}

func testSweepMany(s *suite) {
	s.start(Options{})
	stop := make(chan struct{})
	var sweeps, uploads sync.WaitGroup
	sweeps.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.sweep()
			}
		}
	})
	const clients, each = 4, 10
	for range clients {
		uploads.Go(func() {
			for range each {
				s.uploadAndConcat()
			}
		})
	}
	uploads.Wait()
	close(stop)
	sweeps.Wait()
	// One of the three of each round is deleted; its event stays.
	s.sweep()
	if n := s.events.called(); n != 3*clients*each {
		s.Errorf("%d calls for events, want %d", n, 3*clients*each)
	}
}

// uploadAndConcat makes an empty upload, one with bytes and a final, all of
// which a sweep might find half done.
func (s *suite) uploadAndConcat() {
	empty, _, err := s.post(handler.FileInfo{}, nil)
	whole, _, err2 := s.post(handler.FileInfo{Size: 3}, NewBody([]byte("abc")))
	final, err3 := s.concat(s.part([]byte("12")), s.part([]byte("34")))
	if err := errors.Join(err, err2, err3, s.delete(empty)); err != nil {
		s.Error(err)
		return
	}
	s.wantContent(whole, []byte("abc"))
	s.wantContent(final, []byte("1234"))
}
