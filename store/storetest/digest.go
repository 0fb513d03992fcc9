package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func digestContract() []contract {
	return []contract{
		{"the digest of an upload in one piece, in its creation, and of nothing", testDigestWhole},
		{"the digest of an upload with breaks and crashes", testDigestBroken},
		{"the digest when a body was too long", testDigestTooLong},
		{"the digest of a final, and of an upload whose length came late", testDigestOthers},
		{"the digest of an upload that a crash left complete", testDigestCrash},
	}
}

// digestOf is what a record says of these bytes.
func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// wantDigest wants the events of an upload, one or more, to have the digest of
// these bytes.
func (s *suite) wantDigest(id string, content []byte) {
	s.Helper()
	found := false
	for _, info := range s.events.of(id) {
		found = true
		if got := info.Storage[store.KeyDigest]; got != digestOf(content) {
			s.Errorf("the digest of %s is %q, want %q", id, got, digestOf(content))
		}
	}
	if !found {
		s.Errorf("%s has no event", id)
	}
	s.wantContent(id, content)
}

func testDigestWhole(s *suite) {
	s.start(Options{Digest: "sha256"})
	content := bytesOf(random(s.T), 100_000)
	id := s.create(len(content))
	_, err := s.patch(id, 0, NewBody(content))
	s.must(err)
	s.wantDigest(id, content)
	id, _, err = s.post(handler.FileInfo{Size: int64(len(content))}, NewBody(content))
	s.must(err)
	s.wantDigest(id, content)
	id, _, err = s.post(handler.FileInfo{}, nil)
	s.must(err)
	s.wantDigest(id, nil)
}

// testDigestBroken sends an upload in pieces of which some are large enough for
// the state of the digest to be kept, some break off, and some are followed by a
// crash.
func testDigestBroken(s *suite) {
	s.start(Options{Digest: "sha256"})
	r := random(s.T)
	content := bytesOf(r, 30<<20)
	id := s.create(len(content))
	offset := 0
	for offset < len(content) {
		n := min(1+r.IntN(12<<20), len(content)-offset)
		body := NewBody(content[offset : offset+n])
		if r.IntN(2) == 0 {
			body.BreakAt = int64(r.IntN(n))
		}
		_, _ = s.patch(id, int64(offset), body)
		if r.IntN(3) == 0 {
			s.crash()
		}
		info, err := s.head(id)
		s.must(err)
		offset = int(info.Offset)
	}
	s.wantDigest(id, content)
}

func testDigestTooLong(s *suite) {
	s.start(Options{Digest: "sha256"})
	content := bytesOf(random(s.T), 100_000)
	id := s.create(len(content))
	_, err := s.patch(id, 0, NewBody(content[:60_000]))
	s.must(err)
	_, err = s.patch(id, 60_000, NewBody(content))
	s.wantAnswer(err, http.StatusRequestEntityTooLarge, "")
	s.wantOffset(id, 60_000)
	_, err = s.patch(id, 60_000, NewBody(content[60_000:]))
	s.must(err)
	s.wantDigest(id, content)
}

func testDigestOthers(s *suite) {
	s.start(Options{Digest: "sha256"})
	final, err := s.concat(s.part([]byte("first")), s.part([]byte("second")))
	s.must(err)
	s.wantDigest(final, []byte("firstsecond"))

	id, _, err := s.post(handler.FileInfo{SizeIsDeferred: true}, nil)
	s.must(err)
	_, err = s.patch(id, 0, NewBody([]byte("late")))
	s.must(err)
	ctx := s.context(http.MethodPatch, nil)
	u, err := s.store.GetUpload(ctx, id)
	s.must(err)
	s.must(s.store.AsLengthDeclarableUpload(u).DeclareLength(ctx, 4))
	s.must(u.FinishUpload(ctx))
	s.wantDigest(id, []byte("late"))
}

func testDigestCrash(s *suite) {
	s.start(Options{Digest: "sha256"})
	id := s.crashedComplete([]byte("abc"))
	s.sweep()
	s.wantDigest(id, []byte("abc"))
	if n := len(s.events.of(id)); n != 1 {
		s.Errorf("%d events, want 1", n)
	}
}
