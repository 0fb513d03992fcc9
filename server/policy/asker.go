package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// maxHeader is the longest header of an answer, in bytes.
const maxHeader = 16 << 10

var (
	// ErrPaused says that nobody was asked, after a row of failures.
	ErrPaused = errors.New("the policy isn't asked for a while, since it gave no answers")
	// ErrClosed says that the question was given up by Close.
	ErrClosed = errors.New("the server stops")

	errQuestion = errors.New("the policy can't answer this question")
)

// Asker puts questions to one URL. Its methods may be called from any goroutine.
type Asker struct {
	opts      Options
	client    *http.Client
	transport *http.Transport
	breaker   breaker
	turns     *turns

	open      context.Context // until Close
	close     context.CancelFunc
	closeOnce sync.Once
}

// New returns an Asker that has not connected yet.
func New(opts Options) (*Asker, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	a := &Asker{
		opts:    opts,
		breaker: breaker{failures: opts.Failures, pause: opts.Pause, now: opts.Now, changed: opts.Changed},
		turns:   newTurns(opts.AtOnce),
	}
	a.open, a.close = context.WithCancel(context.Background())
	a.transport = &http.Transport{
		DialContext:            a.dial,
		TLSClientConfig:        opts.TLS,
		TLSHandshakeTimeout:    opts.Timeout,
		MaxConnsPerHost:        opts.AtOnce,
		MaxIdleConnsPerHost:    opts.AtOnce,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
	}
	a.client = &http.Client{
		Transport:     a.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return a, nil
}

// dial ends with Close too: a transport goes on with it when the question is given up.
func (a *Asker) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, a.opts.Timeout)
	defer cancel()
	defer context.AfterFunc(a.open, cancel)()
	return new(net.Dialer).DialContext(ctx, network, address)
}

// Ask puts a question and waits for the answer, for Options.Timeout at most, or until ctx
// ends. Without an error the answer allows or refuses. It may be asked again.
func (a *Asker) Ask(ctx context.Context, q Question) (answer Answer, err error) {
	switch {
	case a.open.Err() != nil:
		return Answer{}, ErrClosed
	case a.breaker.paused():
		return Answer{}, ErrPaused
	}
	asking, cancel := context.WithTimeout(ctx, a.opts.Timeout)
	defer cancel()
	defer context.AfterFunc(a.open, cancel)()
	if !a.turns.take(asking, q.Asker) {
		// Who waits too long for a turn has learnt nothing of the other side.
		return Answer{}, a.whyGivenUp(ctx, errors.New("too many questions are open"))
	}
	defer a.turns.give(q.Asker)
	probe, ok := a.breaker.admit()
	if !ok {
		return Answer{}, ErrPaused
	}
	how := failed // by a panic
	defer func() { a.breaker.report(probe, how, err) }()
	answer, err = a.put(asking, q)
	switch {
	case err == nil:
		// Also where it wants what can't be done: that comes of this one question, and
		// mustn't end the asking for all owners.
		how = answered
		if answer.Allow {
			err = a.opts.Check(answer)
		}
		if err != nil {
			return Answer{}, fmt.Errorf("do what the policy wants: %w", err)
		}
		return answer, nil
	case errors.Is(err, errQuestion):
		how = answered // with nothing that could be done, as above
	case ctx.Err() != nil, a.open.Err() != nil:
		how = givenUp
	}
	return Answer{}, a.whyGivenUp(ctx, err)
}

// whyGivenUp is err, unless nobody waits for an answer any more.
func (a *Asker) whyGivenUp(ctx context.Context, err error) error {
	switch {
	case a.open.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return fmt.Errorf("who asks has left: %w", ctx.Err())
	}
	return fmt.Errorf("ask the policy: %w", err)
}

// put makes the request.
func (a *Asker) put(ctx context.Context, q Question) (Answer, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return Answer{}, fmt.Errorf("write the question: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.opts.URL, bytes.NewReader(text))
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "plateau")
	// Without a value it isn't sent. It tells the transport that the request may be made
	// again, should a kept connection have been closed meanwhile.
	r.Header["Idempotency-Key"] = []string{}
	response, err := a.client.Do(r)
	if err != nil {
		return Answer{}, withoutURL(err)
	}
	defer response.Body.Close()
	// All of it, so that the connection can be used again.
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case blamesQuestion(response.StatusCode):
		return Answer{}, fmt.Errorf("the answer has the status %d: %w", response.StatusCode, errQuestion)
	case response.StatusCode != http.StatusOK:
		return Answer{}, fmt.Errorf("the answer has the status %d", response.StatusCode)
	case err != nil:
		return Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return parseAnswer(body)
}

// blamesQuestion reports whether a status speaks of the one question (4xx), and not of the
// server: 408 and 429 are of one that has too much to do.
func blamesQuestion(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

// withoutURL leaves out of an error what may be a secret in the URL.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// Away reports whether there were no answers lately, so that at most a probe is asked.
func (a *Asker) Away() bool { return a.breaker.away() }

// Close gives up all questions and waits for their ends. It may be called more than once;
// every Ask that follows returns ErrClosed.
func (a *Asker) Close() {
	a.closeOnce.Do(func() {
		a.close()
		a.turns.end() // and nobody has one any more
		a.transport.CloseIdleConnections()
	})
}
