package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// pause waits before the next try, or gives up. After a PATCH, which may have taken hours and got far, HEAD has as long to say
// so as any failure may last.
func (u *upload) pause(ctx context.Context, why error) error {
	o := u.client.options
	if u.failing.IsZero() {
		u.failing = time.Now()
	}
	if answered(why) {
		u.client.nobody.Store(false)
	}
	if u.sending {
		u.broke = time.Now()
	}
	if !u.sending && (u.over() && o.RetryFor <= time.Since(u.broke) || u.client.nobody.Load()) {
		return u.giveUp()
	}
	u.delay = min(max(u.delay*2, o.MinDelay), o.MaxDelay)
	wait := u.delay/2 + rand.N(u.delay/2+1)
	if e, ok := errors.AsType[*StatusError](why); ok {
		wait = max(wait, e.RetryAfter)
	}
	if o.RetryFor > 0 {
		since := u.failing
		if u.broke.After(since) {
			since = u.broke
		}
		wait = min(wait, max(0, o.RetryFor-time.Since(since)))
	}
	u.watch(Event{Kind: Waiting, Offset: u.offset, Err: why, Wait: wait})
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &UnfinishedError{Err: context.Cause(ctx)}
	}
}

// over says whether it failed for longer than it may without getting any further.
func (u *upload) over() bool {
	limit := u.client.options.RetryFor
	return limit > 0 && !u.failing.IsZero() && time.Since(u.failing) >= limit
}

func (u *upload) giveUp() error {
	if !u.over() {
		return &UnfinishedError{Err: fmt.Errorf("tried once only, since nobody answered for the file before either: %w", u.why)}
	}
	if !u.sending && !u.known && !answered(u.why) {
		u.client.nobody.Store(true)
	}
	return &UnfinishedError{Err: fmt.Errorf("given up after %s without getting further: %w", u.client.options.RetryFor, u.explain(u.why))}
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
