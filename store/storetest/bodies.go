package storetest

import (
	"fmt"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func bodyContract() []contract {
	return []contract{
		{"a body that breaks keeps what came", testBroken},
		{"a body that breaks on POST leaves nothing", testBrokenPost},
		{"a PATCH that is cut keeps what came", testCut},
		{"a POST that is cut keeps what came and is told no error", testCutPost},
		{"a body that is too long is taken back", testTooLong},
	}
}

// breaks are byte counts at which something goes wrong, around the sizes at
// which stores collect.
func breaks(size int) []int64 {
	var at []int64
	for _, n := range []int{0, 1, 511, 512, 513, 16 << 10, 1<<20 - 1, 1 << 20, 1<<20 + 1} {
		if n < size {
			at = append(at, int64(n))
		}
	}
	return append(at, int64(size))
}

func testBroken(s *suite) {
	s.start(Options{})
	r := random(s.T)
	content := bytesOf(r, 1<<20+1000)
	for _, at := range breaks(len(content)) {
		id := s.create(len(content))
		body := arrivals(r, content)
		body.BreakAt, body.Failure = at, store.BodyIdle()
		_, err := s.patch(id, 0, body)
		s.wantPassing(err, http.StatusServiceUnavailable, "ERR_BODY_IDLE")
		if at < int64(len(content)) {
			s.wantOffset(id, int(at))
			_, err = s.patch(id, at, NewBody(content[at:]))
			s.must(err)
		}
		s.wantContent(id, content) // where all came, the GET finishes it
		if info := s.events.last(); info.ID != id {
			s.Errorf("broken at %d: there is no event", at)
		}
		s.must(s.delete(id))
	}
}

func testBrokenPost(s *suite) {
	s.start(Options{})
	for _, at := range breaks(600) {
		body := NewBody(make([]byte, 600))
		body.BreakAt, body.Failure = at, store.BodyBroken()
		_, _, err := s.post(handler.FileInfo{Size: 600}, body)
		s.wantAnswer(err, http.StatusBadRequest, "ERR_UNEXPECTED_EOF")
	}
	s.wantNames()
	s.events.want()
}

func testCut(s *suite) {
	s.start(Options{})
	r := random(s.T)
	content := bytesOf(r, 1<<20+1000)
	for _, at := range breaks(len(content)) {
		id := s.create(len(content))
		body := arrivals(r, content)
		body.StallAt = at
		done := make(chan error, 1)
		go func() {
			_, err := s.patch(id, 0, body)
			done <- err
		}()
		within(s.T, "the stall", body.Stalled())
		called := s.events.called()
		body.Cut(store.ShuttingDown())
		s.wantPassing(within(s.T, "the cut PATCH", done), http.StatusServiceUnavailable, "ERR_SERVER_SHUTDOWN")
		if s.events.called() != called {
			s.Errorf("cut at %d: it was finished, and the client heard an error", at)
		}
		s.wantOffset(id, int(at))
		s.must(s.delete(id))
	}
	// Before the body is first read.
	id := s.create(5)
	body := NewBody([]byte("abcde"))
	body.Cut(store.TakenOver())
	_, err := s.patch(id, 0, body)
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_TAKEN_OVER")
	s.wantOffset(id, 0)
}

func testCutPost(s *suite) {
	s.start(Options{})
	content := bytesOf(random(s.T), 1000)
	for _, at := range breaks(999) {
		body := NewBody(content)
		body.StallAt = at
		go func() {
			<-body.Stalled()
			body.Cut(store.ShuttingDown())
		}()
		id, offset, err := s.post(handler.FileInfo{Size: 1000}, body)
		if err != nil || offset != at {
			s.Fatalf("POST cut at %d: offset %d, error %v", at, offset, err)
		}
		s.wantOffset(id, int(at))
		_, err = s.patch(id, at, NewBody(content[at:]))
		s.must(err)
		s.wantContent(id, content)
	}
	s.crash()
}

func testTooLong(s *suite) {
	s.start(Options{})
	r := random(s.T)
	for _, size := range []int{0, 1, 512, 20_000, 1<<20 + 7} {
		for _, extra := range []int{1, 600, 1<<20 + 1} {
			name := fmt.Sprintf("%d bytes in place of %d", size+extra, size)
			body := arrivals(r, make([]byte, size+extra))
			_, _, err := s.post(handler.FileInfo{Size: int64(size)}, body)
			s.wantAnswer(err, http.StatusRequestEntityTooLarge, "")
			s.wantNames()

			content := bytesOf(r, 10+size)
			id, offset, err := s.post(handler.FileInfo{Size: int64(len(content))}, NewBody(content[:10]))
			s.must(err)
			if size == 0 {
				s.must(s.delete(id)) // complete: tusd hands no body to the store
				continue
			}
			called := s.events.called()
			long := append(content[10:len(content):len(content)], make([]byte, extra)...)
			if offset, err = s.patch(id, offset, arrivals(r, long)); offset != 10 {
				s.Errorf("%s: the store says that it has %d bytes", name, offset)
			}
			s.wantAnswer(err, http.StatusRequestEntityTooLarge, "")
			if s.events.called() != called {
				s.Errorf("%s: it was finished, and the client heard an error", name)
			}
			s.wantOffset(id, 10)
			_, err = s.patch(id, 10, NewBody(content[10:]))
			s.must(err)
			s.wantContent(id, content)
			s.must(s.delete(id))
		}
	}
}
