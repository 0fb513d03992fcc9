package storetest

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/tus/tusd/v2/pkg/handler"
)

func brokenConcatContract() []contract {
	return []contract{
		{"what can't be concatenated is refused before anything exists", testConcatRefused},
		{"a failing event: a final upload leaves nothing but its parts", testConcatFailingEvent},
		{"a final upload outlives its client", testConcatWithoutClient},
		{"many ask for the same final upload", testConcatMany},
	}
}

func testConcatRefused(s *suite) {
	s.start(Options{})
	good := s.part([]byte("abc"))
	whole, _, err := s.post(handler.FileInfo{Size: 3}, NewBody([]byte("abc")))
	s.must(err)
	half, _, err := s.post(handler.FileInfo{Size: 5, IsPartial: true}, NewBody([]byte("abc")))
	s.must(err)
	deferred, _, err := s.post(handler.FileInfo{SizeIsDeferred: true, IsPartial: true}, nil)
	s.must(err)
	final, err := s.concat(s.part([]byte("x")))
	s.must(err)
	before := s.store.Names(s.T)

	missing := strings.Repeat("f", 32)
	for name, list := range map[string][]string{
		"missing": {good, missing}, "not partial": {whole, good}, "unfinished": {good, half}, "without a length": {deferred, good},
		"twice": {good, good}, "a final": {good, final}, "invalid": {good, "../" + good},
	} {
		_, err := s.concat(list...)
		s.wantRefused(err)
		s.wantRefused(s.finalOf(list...))
		if s.Failed() {
			s.Fatalf("the case: %s", name)
		}
	}
	s.wantNames(before...)
	s.events.want(whole, final)

	// What was refused is possible once it is right.
	_, err = s.patch(half, 3, NewBody([]byte("de")))
	s.must(err)
	id, err := s.concat(good, half)
	s.must(err)
	s.wantContent(id, []byte("abcabcde"))
}

func testConcatFailingEvent(s *suite) {
	s.start(Options{})
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	s.events.fail(errSink)
	for range 2 {
		_, err := s.concat(a, b)
		s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
		s.wantNames(a, b)
	}
	s.crash()
	s.sweep()
	s.wantOffset(a, 3)
	s.events.want()
	s.events.fail(nil)
	// The parts still belong to nobody.
	id, err := s.concat(b, a)
	s.must(err)
	s.wantContent(id, []byte("deabc"))
	s.events.want(id)
}

func testConcatWithoutClient(s *suite) {
	s.start(Options{})
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	ctx, leave := context.WithCancel(s.context(http.MethodPost, nil))
	u, err := s.store.NewUpload(ctx, handler.FileInfo{IsFinal: true, Size: 5, PartialUploads: []string{a, b}})
	s.must(err)
	leave()
	s.must(s.checked(s.store.AsConcatableUpload(u).ConcatUploads(ctx, nil)))
	info, err := u.GetInfo(ctx)
	s.must(err)
	s.wantContent(info.ID, []byte("abcde"))
	s.events.want(info.ID)
}

func testConcatMany(s *suite) {
	s.start(Options{})
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	var all sync.WaitGroup
	ids := make(chan string, 8)
	for range cap(ids) {
		all.Go(func() {
			// A newer one may displace it: then it asks again.
			s.eventually(func() error {
				id, err := s.concat(a, b)
				if err == nil {
					ids <- id
				}
				return err
			})
		})
	}
	all.Wait()
	close(ids)
	first := <-ids
	for id := range ids {
		if id != first {
			s.Errorf("the same list made the final uploads %s and %s", first, id)
		}
	}
	s.events.want(first)
	s.wantContent(first, []byte("abcde"))
}
