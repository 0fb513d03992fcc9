package storetest

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func creationContract() []contract {
	return []contract{
		{"what was given at creation is kept", testRecord},
		{"an upload with no bytes is finished at once", testEmpty},
		{"a length can be given later", testDeferredLength},
		{"an unknown id is 404", testUnknown},
		{"an invalid id creates nothing", testInvalidID},
		{"an id is created once", testExists},
		{"deletion", testDelete},
	}
}

func testRecord(s *suite) {
	s.start(Options{})
	metadata := handler.MetaData{"filename": "größe \" \x00.txt", "empty": "", "long": strings.Repeat("x", 4000)}
	id, _, err := s.post(handler.FileInfo{Size: 7, MetaData: metadata}, nil)
	s.must(err)
	check := func() {
		s.Helper()
		info, err := s.head(id)
		s.must(err)
		if info.ID != id || info.Size != 7 || info.Offset != 0 || info.SizeIsDeferred || info.IsPartial || info.IsFinal || !maps.Equal(info.MetaData, metadata) {
			s.Errorf("HEAD says %+v", info)
		}
	}
	check()
	s.crash()
	check()
	s.events.want()
}

func testEmpty(s *suite) {
	s.start(Options{})
	plain, _, err := s.post(handler.FileInfo{Size: 0}, nil)
	s.must(err)
	withBody, _, err := s.post(handler.FileInfo{Size: 0}, NewBody(nil))
	s.must(err)
	part, _, err := s.post(handler.FileInfo{Size: 0, IsPartial: true}, nil)
	s.must(err)
	s.events.want(plain, withBody)
	s.wantContent(plain, nil)
	s.wantContent(withBody, nil)
	s.wantOffset(part, 0)
	s.sweep()
	s.events.want(plain, withBody)
}

func testDeferredLength(s *suite) {
	s.start(Options{MaxSize: 100})
	content := bytesOf(random(s.T), 60)
	id, _, err := s.post(handler.FileInfo{SizeIsDeferred: true}, nil)
	s.must(err)
	s.wantOffset(id, 0) // 0 of 0 bytes, and yet not complete
	s.sweep()
	if offset, err := s.patch(id, 0, NewBody(content[:40])); offset != 40 || err != nil {
		s.Fatalf("PATCH without a length: offset %d, error %v", offset, err)
	}
	_, err = s.patch(id, 40, NewBody(make([]byte, 61)))
	s.wantAnswer(err, http.StatusRequestEntityTooLarge, "")
	s.wantOffset(id, 40)
	s.events.want()

	declare := func(held func() error) error {
		ctx := s.context(http.MethodPatch, nil)
		store.RequestFrom(ctx).Hold(held)
		u, err := s.store.GetUpload(ctx, id)
		s.must(err)
		return s.checked(s.store.AsLengthDeclarableUpload(u).DeclareLength(ctx, 60))
	}
	s.wantPassing(declare(func() error { return store.Locked() }), http.StatusLocked, "")
	if info, err := s.head(id); err != nil || !info.SizeIsDeferred {
		s.Errorf("after a length that came without the lock: %+v, error %v", info, err)
	}
	s.must(declare(nil))
	s.crash()
	if info, err := s.head(id); err != nil || info.SizeIsDeferred || info.Size != 60 || info.Offset != 40 {
		s.Errorf("after the length: %+v, error %v", info, err)
	}
	_, err = s.patch(id, 40, NewBody(content[40:]))
	s.must(err)
	s.wantContent(id, content)
	s.events.want(id)
}

func testUnknown(s *suite) {
	s.start(Options{})
	for _, id := range []string{
		strings.Repeat("0", 32), "", ".", "..", "../x", "a/b", "/etc/passwd", "a\x00b", "%2e%2e", "a.info", "x.tmp", "ü",
		strings.Repeat("a", 4096), "-", "lock",
	} {
		_, err := s.head(id)
		s.wantAnswer(err, http.StatusNotFound, "")
		_, err = s.get(id)
		s.wantAnswer(err, http.StatusNotFound, "")
		_, err = s.patch(id, 0, NewBody([]byte("x")))
		s.wantAnswer(err, http.StatusNotFound, "")
		s.wantAnswer(s.delete(id), http.StatusNotFound, "")
	}
	s.wantNames()
}

func testInvalidID(s *suite) {
	s.start(Options{})
	for _, id := range []string{".", "..", "../x", "a/b", "/x", "a\x00", "x.info", " ", strings.Repeat("a", 4096)} {
		_, _, err := s.post(handler.FileInfo{ID: id, Size: 1}, nil)
		s.wantRefused(err)
	}
	s.wantNames()
}

func testExists(s *suite) {
	s.start(Options{})
	const id = "b-0123456789abcdef0123456789abcdef"
	_, _, err := s.post(handler.FileInfo{ID: id, Size: 5, MetaData: handler.MetaData{"a": "b"}}, nil)
	s.must(err)
	_, err = s.patch(id, 0, NewBody([]byte("abc")))
	s.must(err)
	again := func() {
		s.Helper()
		_, _, err := s.post(handler.FileInfo{ID: id, Size: 2}, NewBody([]byte("xy")))
		s.wantAnswer(err, http.StatusConflict, "")
	}
	again()
	if info, err := s.head(id); err != nil || info.Offset != 3 || info.Size != 5 || info.MetaData["a"] != "b" {
		s.Errorf("after a second creation: %+v, error %v", info, err)
	}
	_, err = s.patch(id, 3, NewBody([]byte("de")))
	s.must(err)
	again()
	s.wantContent(id, []byte("abcde"))
	s.events.want(id)
}

func testDelete(s *suite) {
	s.start(Options{})
	half, sealed := s.create(4), s.create(4)
	_, err := s.patch(half, 0, NewBody([]byte("ab")))
	s.must(err)
	_, err = s.patch(sealed, 0, NewBody([]byte("abcd")))
	s.must(err)
	part := s.part([]byte("abc"))
	for _, id := range []string{half, sealed, part} {
		ctx := s.context(http.MethodDelete, nil)
		u, err := s.store.GetUpload(ctx, id)
		s.must(err)
		lost := s.context(http.MethodDelete, nil)
		store.RequestFrom(lost).Hold(func() error { return store.Locked() })
		terminate := func(ctx context.Context) error {
			return s.checked(s.store.AsTerminatableUpload(u).Terminate(ctx))
		}
		s.wantPassing(terminate(lost), http.StatusLocked, "")
		_, err = s.head(id)
		s.must(err)
		s.must(terminate(ctx))
		s.must(terminate(ctx)) // twice at the same time is no mistake
		_, err = s.head(id)
		s.wantAnswer(err, http.StatusNotFound, "")
		s.wantAnswer(s.delete(id), http.StatusNotFound, "")
		_, err = s.get(id)
		s.wantAnswer(err, http.StatusNotFound, "")
	}
	s.wantNames()
	s.events.want(sealed)
}
