package storetest

import (
	"net/http"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func idPrefixContract() []contract {
	return []contract{
		{"ids begin with the request's prefix", testIDPrefix},
		{"a final upload has its first part's prefix, whatever the request's", testIDPrefixOfFinal},
		{"drafts have a prefix each", testIDPrefixOfDrafts},
		{"what a crash leaves of uploads with a prefix is put right", testIDPrefixAfterCrash},
		{"uploads with a prefix expire, and what is left of them goes", testIDPrefixExpiry},
	}
}

// longPrefix has all that is allowed.
const longPrefix = "Z9-a_b-0123456789abcdef-01920000"

// wantPrefix checks how an id begins.
func (s *suite) wantPrefix(id, prefix string) {
	s.Helper()
	got, rest := store.CutIDPrefix(id)
	if got != prefix || rest == "" {
		s.Errorf("the prefix of %q is %q, want %q", id, got, prefix)
	}
}

func testIDPrefix(s *suite) {
	s.start(Options{})
	var ids []string
	for _, prefix := range []string{"tenant1", "", longPrefix} {
		s.prefix = prefix
		later := s.create(5)
		_, err := s.patch(later, 0, NewBody([]byte("ab")))
		s.must(err)
		s.crash()
		s.wantOffset(later, 2)
		_, err = s.patch(later, 2, NewBody([]byte("cde")))
		s.must(err)
		atOnce, _, err := s.post(handler.FileInfo{Size: 5}, NewBody([]byte("abcde")))
		s.must(err)
		for _, id := range []string{later, atOnce} {
			if prefix != "" {
				s.wantPrefix(id, prefix+"--")
			} else {
				s.wantPrefix(id, "")
			}
			s.wantContent(id, []byte("abcde"))
		}
		ids = append(ids, later, atOnce)
	}
	s.events.want(ids...)
	s.wantNames(ids...)
	for _, id := range ids {
		s.must(s.delete(id))
	}
	s.wantNames()
}

func testIDPrefixOfFinal(s *suite) {
	s.start(Options{})
	s.prefix = "tenant1"
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	s.prefix = ""
	c := s.part([]byte("f"))
	var final string
	for _, prefix := range []string{"tenant1", "", "tenant2"} {
		s.prefix = prefix
		id, err := s.concat(a, b, c)
		s.must(err)
		if final == "" {
			final = id
		}
		if id != final {
			s.Errorf("the same parts became %q and then %q", final, id)
		}
	}
	s.wantPrefix(final, "tenant1--")
	s.wantContent(final, []byte("abcdef"))
	s.events.want(final)

	d := s.part([]byte("g"))
	s.prefix = ""
	e := s.part([]byte("h"))
	s.prefix = "tenant2"
	plain, err := s.concat(e, d)
	s.must(err)
	s.wantPrefix(plain, "")
}

func testIDPrefixOfDrafts(s *suite) {
	s.start(Options{})
	var drafts []store.Draft
	for _, prefix := range []string{"tenant1", "", longPrefix} {
		s.prefix = prefix
		ctx := s.context(http.MethodPost, nil)
		d, err := s.store.NewDraft(ctx)
		s.must(err)
		s.must(d.Append(ctx, []byte("abc")))
		d.Rest()
		drafts = append(drafts, d)
	}
	s.must(drafts[1].Abandon())
	drafts = []store.Draft{drafts[0], drafts[2]}
	var ids []string
	for i, done := range s.store.FinishDrafts(s.context(http.MethodPost, nil), drafts, make([]handler.MetaData, 2)) {
		s.must(done.Err)
		if done.Info.ID != drafts[i].ID() {
			s.Errorf("the draft %q became %q", drafts[i].ID(), done.Info.ID)
		}
		ids = append(ids, done.Info.ID)
		s.wantContent(done.Info.ID, []byte("abc"))
	}
	s.wantPrefix(ids[0], "tenant1--")
	s.wantPrefix(ids[1], longPrefix+"--")
	s.events.want(ids...)
	s.wantNames(ids...)
}

func testIDPrefixAfterCrash(s *suite) {
	s.start(Options{})
	s.prefix = "tenant1"
	id := s.crashedComplete([]byte("abc"))
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	s.events.fail(errSink)
	_, err := s.concat(a, b)
	s.wantPassing(err, http.StatusLocked, "ERR_UPLOAD_UNFINISHED")
	s.crash()
	s.events.fail(nil)
	s.events.want()
	s.sweep()
	s.events.want(id)
	s.wantContent(id, []byte("abc"))
	s.wantNames(id, a, b)
	s.sweep()
	s.events.want(id)
	final, err := s.concat(a, b)
	s.must(err)
	s.wantPrefix(final, "tenant1--")
	s.events.want(id, final)
	s.wantNames(id, a, b, final)
}

func testIDPrefixExpiry(s *suite) {
	clock := s.startExpiring(Options{DeleteFinishedAfter: 48 * time.Hour, Waiting: func(string, time.Time) (bool, error) { return false, nil }})
	s.prefix = "tenant1"
	open, alone := s.create(5), s.part([]byte("f"))
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	final, err := s.concat(a, b)
	s.must(err)
	sealed, _, err := s.post(handler.FileInfo{Size: 3}, NewBody([]byte("abc")))
	s.must(err)
	s.wantExpired()
	clock.forward(2 * expireAfter)
	s.wantStatus(open, http.StatusGone)
	s.wantExpired(open, alone)
	s.wantNames(a, b, final, sealed)
	clock.forward(25 * time.Hour)
	s.wantExpired()
	s.wantNames(final, sealed)
	for _, id := range []string{final, sealed} {
		if !strings.HasPrefix(id, "tenant1--") {
			s.Errorf("an id is %q", id)
		}
	}
	clock.forward(48 * time.Hour)
	s.wantExpired(final, sealed)
	s.wantNames()
}
