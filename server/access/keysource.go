package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	fetchTimeout  = 5 * time.Second
	redirectsMost = 3
	maxKeysAnswer = 1 << 20 // bytes
	// retryFirst and retryMost are the pauses after a look that failed, with some chance in them.
	retryFirst, retryMost = time.Second, 30 * time.Second
	// waitersMost is how many tokens wait for a look at the keys.
	waitersMost = 100
	// missedMost is how many keys are remembered that a look didn't find.
	missedMost = 1000
)

// keySource fetches an issuer's keys. One goroutine, that of run, looks at them; the others may ask it to.
type keySource struct {
	url     string
	client  *http.Client
	refresh time.Duration // between two looks
	pause   time.Duration // at least, between two looks that tokens ask for
	spread  time.Duration // of a new key, at most, to all that answer for the address
	changed func()        // called when there are other keys than before
	trouble trouble
	nudged  chan struct{}

	mu      sync.Mutex // guards what follows
	keys    keySet     // nil: there have never been any
	began   time.Time  // when the look began that they come from, or the last that found the same
	sum     [sha256.Size]byte
	looking bool // a look runs, or will at once
	look    *look
	asked   time.Time            // when a token asked for a look last
	waiters int                  // tokens that wait for a look
	missed  map[string]time.Time // when the first look began that didn't find the key of this name
}

// look is one look at the keys; err is set before done is closed.
type look struct {
	done chan struct{}
	err  error
}

func newKeySource(opts JWTOptions, changed func()) *keySource {
	return &keySource{
		url: opts.JWKSURL,
		client: &http.Client{
			Timeout: fetchTimeout,
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            (&net.Dialer{Timeout: fetchTimeout}).DialContext,
				ForceAttemptHTTP2:      true,
				TLSHandshakeTimeout:    fetchTimeout,
				DisableKeepAlives:      true, // the next look is minutes away
				MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: stayOnHost,
		},
		refresh: opts.Refresh,
		pause:   opts.Pause,
		spread:  opts.Spread,
		changed: changed,
		trouble: trouble{
			log:    opts.Log.With("url", opts.JWKSURL),
			begins: "the keys of tokens can't be fetched", ends: "the keys of tokens can be fetched again",
		},
		nudged:  make(chan struct{}, 1),
		looking: true, // run begins with a look
		look:    &look{done: make(chan struct{})},
		missed:  make(map[string]time.Time),
	}
}

// stayOnHost refuses redirects elsewhere: who may redirect a look could else say whose tokens are valid.
func stayOnHost(next *http.Request, before []*http.Request) error {
	if first := before[0].URL; next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return fmt.Errorf("redirected to %s://%s, which is not followed", next.URL.Scheme, next.URL.Host)
	}
	if len(before) > redirectsMost {
		return errors.New("redirected in a circle, or too often")
	}
	return nil
}

// run looks at the keys until ctx ends.
func (s *keySource) run(ctx context.Context) {
	retry := retryFirst
	for {
		began := time.Now()
		keys, sum, err := s.fetch(ctx)
		if ctx.Err() != nil { // which made the error
			err = ctx.Err()
		}
		s.looked(began, keys, sum, err)
		wait := s.refresh - rand.N(s.refresh/8+1) // many servers don't ask at once
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.trouble.say(err)
			wait = retry/2 + rand.N(retry/2+1)
			retry = min(2*retry, retryMost)
		default:
			s.trouble.over()
			retry = retryFirst
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-s.nudged:
			timer.Stop()
		}
		s.mu.Lock()
		s.looking = true
		s.mu.Unlock()
	}
}

// looked notes how a look has ended, and lets those go on that wait for it.
func (s *keySource) looked(began time.Time, keys keySet, sum [sha256.Size]byte, err error) {
	s.mu.Lock()
	different := err == nil && (s.keys == nil || sum != s.sum)
	if err == nil {
		s.keys, s.sum, s.began = keys, sum, began
	}
	ended := s.look
	ended.err = err
	s.look, s.looking = &look{done: make(chan struct{})}, false
	s.mu.Unlock()
	if different {
		s.changed()
	}
	close(ended.done)
}

// nudge has the keys looked at soon.
func (s *keySource) nudge() {
	select {
	case s.nudged <- struct{}{}:
	default: // they will be
	}
}

// find returns the key for a token, that search finds among the issuer's; its own error is final. name is what the key is
// remembered by while it is missed. The errors are ErrInvalid and ErrAway.
func (s *keySource) find(ctx context.Context, name string, search func(keySet) (any, error)) (any, error) {
	for waited := false; ; waited = true {
		keys, began := s.current()
		if keys != nil {
			key, err := search(keys)
			switch {
			case key != nil, err != nil:
				return key, err
			case s.isGone(name, began, waited):
				return nil, fmt.Errorf("%w: its key isn't one of the issuer's", ErrInvalid)
			case waited:
				return nil, fmt.Errorf("%w: a token's isn't among them yet", ErrAway)
			}
		}
		l, err := s.ask(name)
		if err != nil {
			return nil, err
		}
		if err := s.await(ctx, l); err != nil {
			return nil, err
		}
	}
}

// current returns the keys, and when the look began that they come from.
func (s *keySource) current() (keySet, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, s.began
}

// isGone reports whether two looks haven't found a key, of which the second, that of began, was made when a new key must have
// been everywhere. The first one is noted here, if it was made for this key.
func (s *keySource) isGone(name string, began time.Time, madeForIt bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, missed := s.missed[name]
	switch {
	case missed:
		return began.Sub(first) >= s.spread
	case madeForIt:
		if len(s.missed) >= missedMost {
			clear(s.missed) // their tokens hear ErrAway for longer
		}
		s.missed[name] = began
	}
	return false
}

// ask returns the look that a token is to wait for, or why there is none: for a key that is missed there are two.
func (s *keySource) ask(name string) (*look, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiters >= waitersMost {
		return nil, fmt.Errorf("%w: too many tokens wait for them", ErrAway)
	}
	now := time.Now()
	first, missed := s.missed[name]
	switch {
	case missed && now.Sub(first) < s.spread:
		return nil, fmt.Errorf("%w: a token's wasn't among them a moment ago", ErrAway)
	case s.looking:
	case s.keys == nil:
		return nil, ErrAway // run tries again by itself
	case now.Sub(s.asked) >= s.pause:
		s.asked, s.looking = now, true
		s.nudge()
	default:
		return nil, fmt.Errorf("%w: a token's isn't among them, and they were fetched a moment ago", ErrAway)
	}
	s.waiters++
	return s.look, nil
}

// await waits for a look, which takes no longer than fetchTimeout.
func (s *keySource) await(ctx context.Context, l *look) error {
	timer := time.NewTimer(fetchTimeout + time.Second)
	defer timer.Stop()
	err := ErrAway
	select {
	case <-l.done:
		if err = nil; l.err != nil {
			err = fmt.Errorf("%w: %w", ErrAway, l.err)
		}
	case <-ctx.Done():
	case <-timer.C:
	}
	s.mu.Lock()
	s.waiters--
	s.mu.Unlock()
	return err
}

func (s *keySource) fetch(ctx context.Context) (keySet, [sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, sum, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", "plateau")
	answer, err := s.client.Do(req)
	if err != nil {
		return nil, sum, plain(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, sum, fmt.Errorf("answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxKeysAnswer+1))
	if err != nil {
		return nil, sum, fmt.Errorf("read the answer: %w", plain(err))
	}
	if len(data) > maxKeysAnswer {
		return nil, sum, fmt.Errorf("the answer has more than %d bytes", maxKeysAnswer)
	}
	keys, err := parseKeys(data)
	if err != nil {
		return nil, sum, fmt.Errorf("the answer is refused: %w", err)
	}
	return keys, sha256.Sum256(data), nil
}

// plain drops what net/http adds to an error: the address, which is in the log line already, and the numbers of ports, which would
// make the same error look new each time.
func plain(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	return err
}
