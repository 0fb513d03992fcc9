package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/bdragon300/tusgo"
)

// maxVanished is how many uploads in a row the server may forget before that is taken for its way.
const maxVanished = 3

// Client uploads files to one endpoint. Its uploads may run at the same time only if Watch allows for it.
type Client struct {
	options  Options
	endpoint *url.URL
	http     *http.Client
	tus      *tusgo.Client
}

// New makes a client; its error is that of [Options.Validate].
func New(o Options) (*Client, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	endpoint, err := o.endpoint()
	if err != nil {
		return nil, err
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{{&o.Stall, defaultStall}, {&o.MinDelay, defaultMinDelay}, {&o.MaxDelay, defaultMaxDelay}} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	c := &Client{options: o, endpoint: endpoint, http: &http.Client{Transport: newTransport()}}
	c.tus = tusgo.NewClient(c.http, endpoint)
	c.tus.GetRequest = c.newRequest
	if o.State != "" {
		removeStale(o.State, time.Now())
	}
	return c, nil
}

// Close closes connections that wait for a next upload.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Upload uploads a file, or what is missing of it, and returns the upload's address. An error is a *[RefusedError], or an
// *[UnfinishedError], also when ctx ended.
func (c *Client) Upload(ctx context.Context, file string) (address string, err error) {
	watch := func(e Event) {
		e.File = file
		if c.options.Watch != nil {
			c.options.Watch(e)
		}
	}
	from, err := openSource(file)
	if err != nil {
		return "", &RefusedError{err}
	}
	defer from.Close()
	u := &upload{client: c, source: from, metadata: from.metadata(c.options.Metadata)}
	u.watch = func(e Event) {
		e.Size = from.size
		watch(e)
	}
	u.watch(Event{Kind: Started})
	err = u.open()
	if err == nil {
		defer u.entry.close()
		err = u.run(ctx)
	}
	u.watch(Event{Kind: Ended, Err: err, Offset: u.offset, Address: u.address})
	if err != nil {
		return "", err
	}
	return u.address, nil
}

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

	best     int64 // the highest offset that the server ever had
	vanished int   // uploads in a row that the server had forgotten
	failing  time.Time
	delay    time.Duration
}

// open finds the place where the upload is remembered, and its address if there is one.
func (u *upload) open() error {
	if u.client.options.State == "" || u.source.size == 0 {
		return nil // what one request does needs no memory
	}
	entry, warning, err := openEntry(u.client.options.State, record{
		File:     u.source.path,
		Size:     u.source.size,
		Modified: u.source.modified,
		Endpoint: u.client.endpoint.String(),
		Metadata: u.metadata,
	})
	if errors.Is(err, ErrBusy) {
		return &UnfinishedError{ErrBusy}
	}
	if err != nil {
		warning = fmt.Errorf("a later run won't know where this one stopped: %w", err)
	}
	if warning != nil {
		u.watch(Event{Kind: Warning, Err: warning})
	}
	if entry != nil {
		u.entry, u.address = entry, entry.record.Address
		u.resumes = u.address != ""
	}
	return nil
}

// run tries until the upload is done, or trying is in vain.
func (u *upload) run(ctx context.Context) error {
	for {
		done, err := u.try(ctx)
		switch {
		case done:
			u.warn(u.entry.forget())
			return nil
		case err == nil:
			continue
		case ctx.Err() != nil:
			return &UnfinishedError{context.Cause(ctx)}
		case final(err):
			if e, ok := errors.AsType[*protocolError](err); errors.Is(err, ErrChanged) || ok && e.final {
				u.warn(u.entry.forget()) // nothing to go on with
			}
			return &RefusedError{u.explain(err)}
		}
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
	u.known = false
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
	address, err := u.client.create(ctx, u.source.size, u.metadata)
	if err != nil {
		return err
	}
	u.address, u.offset, u.known = address, 0, true
	u.failing, u.delay = time.Time{}, 0
	u.warn(u.entry.remember(address))
	u.watch(Event{Kind: Created, Address: address})
	return nil
}

// ask asks the server for the offset. An upload that it no longer has is forgotten.
func (u *upload) ask(ctx context.Context) (vanished bool, err error) {
	offset, err := u.client.offset(ctx, u.address, u.source.size)
	if e, ok := errors.AsType[*StatusError](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone) {
		if u.vanished++; u.vanished > maxVanished {
			return true, &protocolError{true, fmt.Errorf("it forgot %d uploads in a row", u.vanished)}
		}
		u.warn(u.entry.forget())
		u.address, u.offset, u.best, u.resumes = "", 0, 0, false
		u.watch(Event{Kind: Vanished})
		return true, nil
	}
	if err != nil {
		return false, err
	}
	kind := Moved
	if u.resumes {
		kind, u.resumes = Resumed, false
	}
	u.reached(offset)
	u.watch(Event{Kind: kind, Offset: offset, Address: u.address})
	return false, nil
}

// reached notes what the server has, and starts the count of failures anew if that is more than ever.
func (u *upload) reached(offset int64) {
	u.offset, u.known = offset, true
	if offset > u.best {
		u.best, u.vanished, u.failing, u.delay = offset, 0, time.Time{}, 0
	}
}

// pause waits before the next try, or gives up.
func (u *upload) pause(ctx context.Context, why error) error {
	o := u.client.options
	if u.failing.IsZero() {
		u.failing = time.Now()
	}
	u.delay = min(max(u.delay*2, o.MinDelay), o.MaxDelay)
	wait := u.delay/2 + rand.N(u.delay/2+1)
	if e, ok := errors.AsType[*StatusError](why); ok {
		wait = max(wait, e.RetryAfter)
	}
	if o.RetryFor > 0 {
		left := o.RetryFor - time.Since(u.failing)
		if left <= 0 {
			return &UnfinishedError{fmt.Errorf("given up after %s without getting further: %w", o.RetryFor, u.explain(why))}
		}
		wait = min(wait, left)
	}
	u.watch(Event{Kind: Waiting, Offset: u.offset, Err: why, Wait: wait})
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &UnfinishedError{context.Cause(ctx)}
	}
}

// explain adds what whoever reads of the error can do about it.
func (u *upload) explain(err error) error {
	e, ok := errors.AsType[*StatusError](err)
	if !ok {
		return err
	}
	switch {
	case e.Method == http.MethodPost && e.Status < 400:
		return fmt.Errorf("%w: if that is the right address, name it", err)
	case e.Method == http.MethodPost && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed || e.Status == http.StatusNotImplemented):
		return fmt.Errorf("%w: is the address right? that of a Plateau ends in %s", err, defaultPath)
	case e.Status == http.StatusUnauthorized && e.Method != http.MethodPost && !u.sameOrigin():
		return fmt.Errorf("%w: the upload is at %s, another place than %s, so no token was sent there", err, u.address, u.client.endpoint)
	}
	return err
}

func (u *upload) sameOrigin() bool {
	address, err := url.Parse(u.address)
	return err == nil && sameOrigin(address, u.client.endpoint)
}

func (u *upload) warn(err error) {
	if err != nil {
		u.watch(Event{Kind: Warning, Err: err})
	}
}
