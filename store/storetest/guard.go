package storetest

import (
	"context"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func guardContract() []contract {
	return []contract{
		{"a stranger hears of nothing and does nothing", testStranger},
		{"whoever is permitted is asked once more each time", testPermitted},
		{"the record says whose an upload is, also while it is in use", testWhose},
	}
}

// doorkeeper is a store.Guard that knows one owner.
type doorkeeper struct {
	owner  string
	asked  []string // ids, by Permit
	waited []string // and by MayWait
}

func (d *doorkeeper) Permit(info handler.FileInfo) error {
	d.asked = append(d.asked, info.ID)
	if d.owner != info.Storage[store.KeyOwner] {
		return store.NotFound()
	}
	return nil
}

func (d *doorkeeper) MayWait(_ context.Context, id string) error {
	d.waited = append(d.waited, id)
	if d.owner == "" {
		return store.NotFound()
	}
	return nil
}

// guardedBy is the context of a request of d's.
func (s *suite) guardedBy(method string, body *Body, d *doorkeeper) context.Context {
	ctx := s.context(method, body)
	store.RequestFrom(ctx).Guard = d
	return ctx
}

// ownedUploads makes uploads of alice in the states that strangers may not see.
func (s *suite) ownedUploads() (receiving, complete, sealed string) {
	s.Helper()
	receiving = s.owned(handler.FileInfo{Size: 5}, []byte("abc"))
	sealed = s.owned(handler.FileInfo{Size: 3}, []byte("abc"))
	s.events.fail(store.Failed())
	complete = s.owned(handler.FileInfo{Size: 3}, []byte("abc"))
	s.events.fail(nil)
	return receiving, complete, sealed
}

// owned makes an upload of alice that starts with data.
func (s *suite) owned(info handler.FileInfo, data []byte) string {
	s.Helper()
	ctx := s.context(http.MethodPost, nil)
	store.RequestFrom(ctx).Owner = "alice"
	u, err := s.store.NewUpload(ctx, info)
	s.must(s.checked(err))
	info, err = u.GetInfo(ctx)
	s.must(err)
	_, _ = s.patch(info.ID, 0, NewBody(data)) // of complete the finish fails
	return info.ID
}

func testStranger(s *suite) {
	s.start(Options{})
	receiving, complete, sealed := s.ownedUploads()
	before := s.events.called()
	for _, id := range []string{receiving, complete, sealed} {
		for _, method := range []string{http.MethodHead, http.MethodPatch, http.MethodDelete, http.MethodPost} {
			d := &doorkeeper{owner: "bob"}
			_, err := s.store.GetUpload(s.guardedBy(method, nil, d), id)
			s.wantAnswer(s.checked(err), http.StatusNotFound, "ERR_UPLOAD_NOT_FOUND")
			if len(d.asked) != 1 || d.asked[0] != id {
				s.Errorf("%s of %s asked about %v", method, id, d.asked)
			}
		}
		_, err := s.store.Content(s.guardedBy(http.MethodGet, nil, &doorkeeper{owner: "bob"}), id)
		s.wantAnswer(s.checked(err), http.StatusNotFound, "ERR_UPLOAD_NOT_FOUND")
	}
	if after := s.events.called(); after != before {
		s.Errorf("strangers have made %d uploads finish", after-before)
	}
	s.must(second(s.head(complete))) // so it could have been
	s.wantContent(complete, []byte("abc"))
}

func testPermitted(s *suite) {
	s.start(Options{})
	receiving, complete, sealed := s.ownedUploads()
	for _, id := range []string{receiving, complete, sealed} {
		d := &doorkeeper{owner: "alice"}
		_, err := s.store.GetUpload(s.guardedBy(http.MethodHead, nil, d), id)
		s.must(s.checked(err))
		if len(d.asked) == 0 {
			s.Errorf("nobody was asked about %s", id)
		}
	}
	d := &doorkeeper{owner: "alice"}
	_, err := s.store.Content(s.guardedBy(http.MethodGet, nil, d), sealed)
	if s.must(s.checked(err)); len(d.asked) == 0 {
		s.Error("nobody was asked about a download")
	}
}

func testWhose(s *suite) {
	s.start(Options{})
	receiving, complete, sealed := s.ownedUploads()
	for _, id := range []string{receiving, complete, sealed} {
		unlock, err := s.opts.Locker.Acquire(s.context(http.MethodPatch, nil), id)
		s.must(err)
		info, err := s.store.Record(s.context(http.MethodDelete, nil), id)
		if s.must(s.checked(err)); info.ID != id || info.Storage[store.KeyOwner] != "alice" {
			s.Errorf("the record of %s is %+v", id, info)
		}
		unlock()
	}
	s.must(s.delete(sealed))
	_, err := s.store.Record(s.context(http.MethodPatch, nil), sealed)
	s.wantAnswer(s.checked(err), http.StatusNotFound, "ERR_UPLOAD_NOT_FOUND")
	_, err = s.store.Record(s.context(http.MethodPatch, nil), "../"+receiving)
	s.wantAnswer(s.checked(err), http.StatusNotFound, "ERR_UPLOAD_NOT_FOUND")
}

func second[T any](_ T, err error) error { return err }

// Who may not use an upload waits for nobody, and cuts nobody.
func testLockStranger(s *lockSuite) {
	h := s.holder()
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		d := &doorkeeper{} // whom nobody lets wait
		r := s.request(method, "id")
		r.info.Guard = d
		r.start(s)
		s.wantAnswer(within(s.T, "the stranger", r.got), http.StatusNotFound, "ERR_UPLOAD_NOT_FOUND")
		if len(d.waited) != 1 || d.waited[0] != "id" {
			s.Errorf("asked about %v", d.waited)
		}
		if err := h.body.Err(); err != nil {
			s.Errorf("a stranger's %s has cut the holder: %v", method, err)
		}
	}
	// One that waits already is not displaced either.
	w := s.waiter(h)
	ctx := s.context(http.MethodPost, nil)
	store.RequestFrom(ctx).Guard = &doorkeeper{}
	_, err := s.locker.Acquire(ctx, "id")
	s.wantAnswer(s.checked(err), http.StatusNotFound, "ERR_UPLOAD_NOT_FOUND")
	s.unlock(h)
	s.must(within(s.T, "the waiter", w.got))
	s.unlock(w)

	// A lock that is free is taken: who may use the upload is asked afterwards.
	r := s.request(http.MethodPatch, "id")
	r.info.Guard = &doorkeeper{}
	r.start(s)
	s.must(within(s.T, "the free lock", r.got))
	s.unlock(r)
	s.wantFree(true)
}
