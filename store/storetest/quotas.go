package storetest

import (
	"errors"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func accountsContract() []contract {
	return []contract{
		{"what uploads occupy", testOccupied},
		{"what files of forms occupy", testOccupiedDrafts},
		{"an upload over quota is not created", testQuotaCreation},
		{"a length over quota is not declared", testQuotaDeclared},
		{"a part that is removed while its final is being finished is counted once", testPartRemovedMeanwhile},
		{"bytes of unknown length end at the quota", testQuotaGrowth},
		{"what occupies something can be gone through from anywhere", testOccupantsAfter},
	}
}

func (s *suite) wantOccupied(id string, want store.Occupied) {
	s.Helper()
	s.wantAccounts()
	var got store.Occupied
	for key, c := range s.occupants() {
		if key == id || len(key) < len(id) && id[:len(key)+1] == key+"+" {
			got = c.After
		}
	}
	if got != want {
		s.Errorf("the upload occupies %+v, want %+v", got, want)
	}
}

func testOccupied(s *suite) {
	s.start(Options{})
	id := s.create(10)
	s.wantOccupied(id, store.Occupied{Open: true, Bytes: 10})
	_, err := s.patch(id, 0, NewBody([]byte("abcde")))
	s.must(err)
	s.wantOccupied(id, store.Occupied{Open: true, Bytes: 10})
	_, err = s.patch(id, 5, NewBody([]byte("fghij")))
	s.must(err)
	s.wantOccupied(id, store.Occupied{Bytes: 10})

	deferred, _, err := s.post(handler.FileInfo{SizeIsDeferred: true}, nil)
	s.must(err)
	s.wantOccupied(deferred, store.Occupied{Open: true})
	_, err = s.patch(deferred, 0, NewBody([]byte("abc")))
	s.must(err)
	s.wantOccupied(deferred, store.Occupied{Open: true, Bytes: 3})
	s.must(s.declare(deferred, 100))
	s.wantOccupied(deferred, store.Occupied{Open: true, Bytes: 100})

	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	s.wantOccupied(a, store.Occupied{Open: true, Bytes: 3})
	s.accounts.refuse(func(store.Change) error { return store.OverQuota() })
	final, err := s.concat(a, b)
	s.must(err)
	s.wantOccupied(final, store.Occupied{Bytes: 5})
	s.wantOccupied(a, store.Occupied{})
	s.wantOccupied(b, store.Occupied{})
	s.crash()
	for _, id := range []string{id, deferred, b, final, a} {
		s.must(s.delete(id))
	}
	s.wantAccounts()
	if left := s.occupants(); len(left) > 0 {
		s.Errorf("when all is gone, there is still %+v", left)
	}
}

// testOccupiedDrafts: until it is finished, only the accounts know of a draft.
func testOccupiedDrafts(s *suite) {
	s.start(Options{})
	ctx := s.context(http.MethodPost, nil)
	draft := func(size int) store.Draft {
		s.Helper()
		d, err := s.store.NewDraft(ctx)
		s.must(err)
		s.must(d.Append(ctx, make([]byte, size)))
		return d
	}
	abandoned := draft(1000)
	if all := s.accounts.all(); len(all) != 1 {
		s.Errorf("of a draft %+v was counted", all)
	}
	s.must(abandoned.Abandon())
	s.wantAccounts()

	refused := draft(10)
	s.accounts.refuse(func(store.Change) error { return store.OverQuota() })
	s.wantPassing(refused.Append(ctx, make([]byte, 10)), http.StatusInsufficientStorage, "ERR_QUOTA_EXCEEDED")
	_, err := s.store.NewDraft(ctx)
	s.wantPassing(err, http.StatusInsufficientStorage, "ERR_QUOTA_EXCEEDED")
	s.accounts.refuse(nil)
	s.must(refused.Abandon())
	s.wantAccounts()

	for _, fails := range []error{nil, errSink} {
		s.events.fail(fails)
		drafts := []store.Draft{draft(1000), draft(0)}
		for _, done := range s.store.FinishDrafts(ctx, drafts, make([]handler.MetaData, 2)) {
			if fails == nil {
				s.must(done.Err)
				s.wantOccupied(done.Info.ID, store.Occupied{Bytes: done.Info.Size})
			}
		}
		s.wantAccounts()
	}
	s.events.fail(nil)
}

func testPartRemovedMeanwhile(s *suite) {
	s.start(Options{})
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	g := s.events.hold()
	defer s.events.open(g)
	made := make(chan error, 1)
	go func() {
		_, err := s.concat(a, b)
		made <- err
	}()
	within(s.T, "the event", g.entered)
	s.must(s.delete(a))
	s.events.open(g)
	s.must(<-made)
	s.wantAccounts()
	s.must(s.delete(b))
	s.wantAccounts()
}

// declare gives an upload its length, as a PATCH does.
func (s *suite) declare(id string, length int64) error {
	s.Helper()
	ctx := s.context(http.MethodPatch, nil)
	u, err := s.store.GetUpload(ctx, id)
	s.must(err)
	return s.checked(s.store.AsLengthDeclarableUpload(u).DeclareLength(ctx, length))
}

func testQuotaCreation(s *suite) {
	s.start(Options{})
	refuse := errors.New("none")
	s.accounts.refuse(func(c store.Change) error {
		if c.Owner != "" || c.Before != (store.Occupied{}) {
			s.Errorf("a creation is %+v", c)
		}
		refuse = store.OverQuota()
		return refuse
	})
	for _, info := range []handler.FileInfo{{Size: 5}, {SizeIsDeferred: true}, {Size: 100 << 20}, {Size: 5, IsPartial: true}} {
		_, _, err := s.post(info, nil)
		s.wantPassing(err, http.StatusInsufficientStorage, "ERR_QUOTA_EXCEEDED")
		_, _, err = s.post(info, NewBody([]byte("abc")))
		s.wantPassing(err, http.StatusInsufficientStorage, "ERR_QUOTA_EXCEEDED")
	}
	s.wantNames()
}

func testQuotaDeclared(s *suite) {
	s.start(Options{})
	id, _, err := s.post(handler.FileInfo{SizeIsDeferred: true}, nil)
	s.must(err)
	_, err = s.patch(id, 0, NewBody([]byte("abc")))
	s.must(err)
	s.accounts.refuse(func(c store.Change) error {
		if c.Before.Bytes != 3 || c.After.Bytes != 6 {
			s.Errorf("a declaration is %+v", c)
		}
		return store.OverQuota()
	})
	s.wantPassing(s.declare(id, 6), http.StatusInsufficientStorage, "ERR_QUOTA_EXCEEDED")
	if info, err := s.head(id); err != nil || !info.SizeIsDeferred || info.Offset != 3 {
		s.Errorf("after a length that was refused: %+v, error %v", info, err)
	}
	s.accounts.refuse(nil)
	s.must(s.declare(id, 6))
	_, err = s.patch(id, 3, NewBody([]byte("def")))
	s.must(err)
	s.wantContent(id, []byte("abcdef"))
}

func testQuotaGrowth(s *suite) {
	s.start(Options{})
	r := random(s.T)
	const quota = 100_000
	limited := func(c store.Change) error {
		if c.After.Bytes > quota {
			return store.OverQuota()
		}
		return nil
	}
	s.accounts.refuse(limited)
	id, _, err := s.post(handler.FileInfo{SizeIsDeferred: true}, nil)
	s.must(err)
	content := bytesOf(r, 3*quota)
	_, err = s.patch(id, 0, arrivals(r, content))
	s.wantPassing(err, http.StatusInsufficientStorage, "ERR_QUOTA_EXCEEDED")
	info, err := s.head(id)
	s.must(err)
	if info.Offset > quota {
		s.Errorf("%d bytes came, %d were allowed", info.Offset, quota)
	}
	s.wantAccounts()
	s.crash()
	s.accounts.refuse(nil)
	s.must(s.declare(id, int64(len(content))))
	_, err = s.patch(id, info.Offset, NewBody(content[info.Offset:]))
	s.must(err)
	s.wantContent(id, content)

	s.accounts.refuse(limited)
	_, _, err = s.post(handler.FileInfo{SizeIsDeferred: true}, NewBody(content))
	s.wantPassing(err, http.StatusInsufficientStorage, "ERR_QUOTA_EXCEEDED")
	if all := s.occupants(); len(all) != 1 {
		s.Errorf("of a creation over quota something is left: %+v", all)
	}
}

func testOccupantsAfter(s *suite) {
	s.start(Options{})
	for range 5 {
		s.create(3)
	}
	var ids []string
	s.must(s.store.Occupants(s.Context(), "", func(id, _ string, _ store.Occupied) error { ids = append(ids, id); return nil }))
	for i, after := range ids {
		n := i
		s.must(s.store.Occupants(s.Context(), after, func(id, _ string, _ store.Occupied) error {
			if n++; n >= len(ids) || ids[n] != id {
				s.Errorf("after %s comes %s", after, id)
			}
			return nil
		}))
		if n != len(ids)-1 {
			s.Errorf("after %s there are only %d of %d", after, n+1, len(ids))
		}
	}
	stop := errors.New("enough")
	if err := s.store.Occupants(s.Context(), "", func(string, string, store.Occupied) error { return stop }); !errors.Is(err, stop) {
		s.Errorf("stopped with %v", err)
	}
}
