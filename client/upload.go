package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// maxVanished is how many uploads in a row the server may forget before that is taken for its way.
const maxVanished = 3

// upload is one file on its way.
type upload struct {
	client   *Client
	source   *source
	metadata map[string]string
	entry    *entry
	watch    func(Event)

	address string
	offset  int64 // what the server has, as far as known
	known   bool  // offset is what the server said last, and nothing was sent since
	resumes bool  // the address is of an earlier run, and nothing was heard of it yet

	done    bool // an earlier run had the answer that all is there
	sending bool // the last request was a PATCH: how far it got, HEAD has to say

	best     int64     // the highest offset that the server ever had
	vanished int       // uploads in a row that the server had forgotten
	failing  time.Time // since when it got no further; zero: it does
	broke    time.Time // when the last PATCH failed
	why      error     // of the last failure
	delay    time.Duration
}

// record is what is to be remembered, without the address.
func (u *upload) record() record {
	return record{
		File:     u.source.path,
		Size:     u.source.size,
		Modified: u.source.modified,
		Endpoint: u.client.endpoint.String(),
		Metadata: u.metadata,
	}
}

// open finds the place where the upload is remembered, and its address if there is one.
func (u *upload) open() error {
	if u.client.options.State == "" {
		return nil
	}
	entry, warning, err := openEntry(u.client.options.State, u.record())
	if errors.Is(err, ErrBusy) {
		return &UnfinishedError{Err: ErrBusy}
	}
	if err != nil {
		warning = fmt.Errorf("a later run will begin this file anew, since nothing can be remembered: %w", err)
	}
	if warning != nil {
		u.watch(Event{Kind: Warning, Err: warning})
	}
	if entry != nil {
		u.entry, u.address = entry, entry.record.Address
		u.resumes, u.done = u.address != "", !entry.record.Finished.IsZero()
	}
	return nil
}

// run tries until the upload is done, or trying is in vain.
func (u *upload) run(ctx context.Context) error {
	for {
		done, err := u.try(ctx)
		switch {
		case done:
			u.client.nobody.Store(false)
			u.warn(u.entry.finish())
			return nil
		case err == nil:
			continue
		case ctx.Err() != nil:
			return &UnfinishedError{Err: context.Cause(ctx)}
		case isUnfinished(err):
			return err
		case final(err):
			if e, ok := errors.AsType[*protocolError](err); errors.Is(err, ErrChanged) || ok && e.final {
				u.warn(u.entry.forget()) // nothing to go on with
			}
			return &RefusedError{u.explain(err)}
		}
		u.why = err
		if err := u.pause(ctx, err); err != nil {
			return err
		}
	}
}

// try takes the upload as far as it gets: there, done is true. Without an error it got further, and is to be called again.
func (u *upload) try(ctx context.Context) (done bool, err error) {
	if err := u.source.unchanged(); err != nil {
		return false, err
	}
	switch {
	case u.address == "":
		if err := u.create(ctx); err != nil {
			return false, err
		}
	case !u.known:
		if vanished, err := u.ask(ctx); vanished || err != nil {
			return false, err
		}
	}
	if u.offset == u.source.size {
		return true, nil
	}
	if u.over() {
		return false, u.giveUp()
	}
	u.known, u.sending = false, true
	offset, err := u.client.send(ctx, u.address, u.source, u.offset, func(offset int64) {
		u.watch(Event{Kind: Moved, Offset: offset})
	})
	if err != nil {
		return false, err
	}
	u.reached(offset)
	return offset == u.source.size, nil
}

func (u *upload) create(ctx context.Context) error {
	u.sending = false
	address, err := u.client.create(ctx, u.source.size, u.metadata)
	if err != nil {
		return err
	}
	u.address, u.offset, u.known = address, 0, true
	u.failing, u.delay = time.Time{}, 0
	u.client.nobody.Store(false)
	u.warn(u.entry.remember(address))
	u.watch(Event{Kind: Created, Address: address})
	return nil
}

// ask asks the server for the offset. An upload that it no longer has is forgotten. One that was finished, and that the server
// doesn't let be asked for, is remembered until there is a new one: the token may be wrong, and right the next time.
func (u *upload) ask(ctx context.Context) (vanished bool, err error) {
	u.sending = false
	offset, err := u.client.offset(ctx, u.address, u.source.size)
	if e, ok := errors.AsType[*StatusError](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone) {
		if u.vanished++; u.vanished > maxVanished {
			return true, &protocolError{true, fmt.Errorf("it forgot %d uploads in a row", u.vanished)}
		}
		u.warn(u.entry.forget())
		u.address, u.offset, u.best, u.resumes, u.done = "", 0, 0, false, false
		u.watch(Event{Kind: Vanished})
		return true, nil
	}
	if u.done && ctx.Err() == nil && final(err) {
		u.warn(fmt.Errorf("an earlier run uploaded it to %s, but that can't be asked for, so it begins anew: %w", u.address, err))
		u.address, u.resumes, u.done = "", false, false
		return true, nil
	}
	if err != nil {
		return false, err
	}
	kind := Moved
	if u.resumes {
		kind, u.resumes = Resumed, false
	}
	if u.done && offset == u.source.size {
		kind = Found
	}
	u.reached(offset)
	u.watch(Event{Kind: kind, Offset: offset, Address: u.address})
	return false, nil
}

// reached notes what the server has, and starts the count of failures anew if that is more than ever.
func (u *upload) reached(offset int64) {
	u.offset, u.known = offset, true
	u.client.nobody.Store(false)
	if offset > u.best {
		u.best, u.vanished, u.failing, u.delay = offset, 0, time.Time{}, 0
	}
}

func (u *upload) warn(err error) {
	if err != nil {
		u.watch(Event{Kind: Warning, Err: err})
	}
}

func isUnfinished(err error) bool {
	_, ok := errors.AsType[*UnfinishedError](err)
	return ok
}
