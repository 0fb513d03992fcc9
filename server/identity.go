package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/server/access"
	"plateau/store"
)

// identity is who sends a request. The zero value is anybody.
type identity struct {
	owner    string // whose uploads these are; empty: nobody's
	admin    bool   // may use all uploads
	untimely error  // that the token's time is over or hasn't come, which is all that is wrong with it: see identify

	link    string    // the one upload that a signed address opens; empty: there is none
	expires time.Time // of the signed address
}

// mayStart is for how long, of d, a download may be begun: not longer than the signed
// address is valid that the client came by.
func (c *identity) mayStart(d time.Duration) time.Duration {
	if c.link == "" {
		return d
	}
	return max(time.Second, min(d, time.Until(c.expires)))
}

// identify finds out who sends a request, or returns what they are to hear. It is called
// for each request but OPTIONS, before anything is done. A token's time is looked at
// here only: what runs goes on.
//
// HEAD with a token that has merely expired, or isn't valid yet, gets past: its client would
// throw the upload away at a 401. Once it is known that the upload is the owner's, permit answers 423.
func (s *Server) identify(x *exchange, r *http.Request) error {
	if s.auth.tokens == nil {
		return nil
	}
	token, err := access.Bearer(r.Header)
	if err != nil {
		return refused(x, err)
	}
	who, err := s.auth.tokens.Identify(x, token)
	untimely := errors.Is(err, access.ErrExpired) || errors.Is(err, access.ErrEarly)
	if err != nil && !(untimely && r.Method == http.MethodHead) {
		x.client.owner = who.Owner // for the log
		return refused(x, err)
	}
	x.client = identity{owner: who.Owner, admin: who.Admin, untimely: err}
	x.request.Owner = who.Owner
	return nil
}

// identifyFor is identify, or identifyLink for a signed address.
func (s *Server) identifyFor(id string, r *http.Request) error {
	if id != "" && signed(r) {
		return s.identifyLink(exchangeOf(r), r, id)
	}
	return s.identify(exchangeOf(r), r)
}

// identifyLink is identify for a request whose address is signed: it opens one upload
// to whoever has it, and says nothing of who that is. A token beside it isn't looked at.
func (s *Server) identifyLink(x *exchange, r *http.Request, id string) error {
	expires, err := s.auth.links.Check(id, r.URL.Query(), time.Now())
	if err != nil {
		return refused(x, err)
	}
	x.client = identity{link: id, expires: expires}
	return nil
}

// refused returns the answer to a token or a link, and notes the reason for the log.
func refused(x *exchange, reason error) error {
	answer := refusal(reason)
	x.request.Fail(answer, reason)
	return answer
}

// Permit is part of store.Guard. Every verb asks it, for each part of a concatenation
// too. Strangers hear that there is no such upload; an upload that has no owner is an
// admin's only.
func (x *exchange) Permit(info handler.FileInfo) error {
	if x.server.auth.tokens == nil {
		return nil
	}
	c := &x.client
	owns := c.owner != "" && c.owner == info.Storage[store.KeyOwner]
	switch {
	case c.link != "" && c.link == info.ID:
		return nil
	case !owns && !c.admin:
		return store.NotFound()
	case c.untimely != nil:
		return tokenUntimely(c.untimely)
	}
	return nil
}

// MayWait is part of store.Guard. A POST waits only for finals of parts that it was
// permitted; those need not have a record yet.
func (x *exchange) MayWait(ctx context.Context, id string) error {
	if x.server.auth.tokens == nil || x.client.admin || x.request.Creates() {
		return nil
	}
	info, err := x.server.store.Record(ctx, id)
	if err != nil {
		return err
	}
	return x.Permit(info)
}

// permitUnread asks Permit about an upload that the store could not open, or opened to
// have it removed: whose it is its record may still say. failure is what the store said.
func (x *exchange) permitUnread(ctx context.Context, id string, failure error) error {
	switch {
	case x.server.auth.tokens == nil, x.client.admin:
		return nil
	case isStatus(failure, http.StatusNotFound), isStatus(failure, http.StatusServiceUnavailable):
		return nil // which all ids hear
	}
	info, err := x.server.store.Record(context.WithoutCancel(ctx), id)
	switch {
	case err == nil:
		return x.Permit(info)
	case isStatus(err, http.StatusNotFound), isStatus(err, http.StatusGone):
		return x.Permit(handler.FileInfo{ID: id}) // nobody's
	}
	return err // a passing trouble, the same for all ids
}

func isStatus(err error, status int) bool {
	answer, ok := errors.AsType[handler.Error](err)
	return ok && answer.HTTPResponse.StatusCode == status
}

// notePart notes whose a part is that a concatenation names: the final is that owner's,
// whoever asks for it.
func (x *exchange) notePart(part handler.FileInfo) error {
	if err := x.Permit(part); err != nil {
		return err
	}
	owner := part.Storage[store.KeyOwner]
	if x.parts > 0 && owner != x.request.Owner {
		return store.InvalidParts("the parts belong to different owners")
	}
	x.parts++
	x.request.Owner = owner
	return nil
}
