package flags

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// redirectsMost is how many redirects are followed, on the same host.
	redirectsMost = 3
	// drainMost is how much of an answer that nobody wants is read, so that its connection ends in order.
	drainMost = 64 << 10
)

// poller asks a GrowthBook server. The library's own poller isn't used: each failed poll of it keeps a connection, it stops
// for good when the first one fails, and it knows no time limit.
type poller struct {
	url       string
	every     time.Duration
	timeout   time.Duration
	client    *http.Client
	evaluator evaluator
	source    *source
	after     func(time.Duration) <-chan time.Time
	nudged    chan struct{}

	etag string // of what was accepted last
}

func newPoller(opts Options, e evaluator, s *source) *poller {
	dialer := &net.Dialer{Timeout: opts.Timeout}
	return &poller{
		url:     opts.featuresURL(),
		every:   opts.Poll,
		timeout: opts.Timeout,
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            dialer.DialContext,
				ForceAttemptHTTP2:      true,
				MaxIdleConns:           1,
				IdleConnTimeout:        2 * opts.Poll,
				TLSHandshakeTimeout:    opts.Timeout,
				MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: stayOnHost,
		},
		evaluator: e,
		source:    s,
		after:     opts.After,
		nudged:    make(chan struct{}, 1),
	}
}

// stayOnHost refuses redirects elsewhere: who may redirect a poll could else say which flags hold.
func stayOnHost(next *http.Request, before []*http.Request) error {
	if first := before[0].URL; next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return fmt.Errorf("redirected to %s://%s, which is not followed", next.URL.Scheme, next.URL.Host)
	}
	if len(before) > redirectsMost {
		return errors.New("redirected in a circle, or too often")
	}
	return nil
}

// run asks at once, and then again and again until ctx ends.
func (p *poller) run(ctx context.Context, reports chan<- report) {
	defer p.client.CloseIdleConnections()
	for {
		r := report{source: p.source}
		r.reading, r.err = p.poll(ctx)
		if r.err != nil {
			p.client.CloseIdleConnections() // the next poll starts afresh
		}
		if ctx.Err() != nil { // which made the error
			return
		}
		select {
		case <-ctx.Done():
			return
		case reports <- r:
		}
		select {
		case <-ctx.Done():
			return
		case <-p.after(p.every - rand.N(p.every/4+1)): // many servers don't ask at once
		case <-p.nudged:
		}
	}
}

// poll asks once. It returns nil and no error if nothing has changed.
func (p *poller) poll(ctx context.Context) (*reading, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	data, etag, err := p.fetch(ctx)
	if ctx.Err() == context.DeadlineExceeded && err != nil {
		return nil, fmt.Errorf("no answer within %s", p.timeout)
	}
	if err != nil || data == nil {
		return nil, err
	}
	r, err := p.evaluator.read(data, false)
	if err != nil {
		return nil, fmt.Errorf("the answer is refused: %w", err)
	}
	p.etag = etag
	return &r, nil
}

// fetch returns the answer, or nil if it is still the last one. Its errors don't show the client key.
func (p *poller) fetch(ctx context.Context) (data []byte, etag string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return nil, "", errors.New("the flag server's address makes no request")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "plateau")
	if p.etag != "" {
		req.Header.Set("If-None-Match", p.etag)
	}
	answer, err := p.client.Do(req)
	if err != nil {
		return nil, "", keyless(err)
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusNotModified && p.etag != "":
		return nil, "", nil
	case answer.StatusCode != http.StatusOK:
		_, _ = io.CopyN(io.Discard, answer.Body, drainMost) // its status says what is wrong
		return nil, "", fmt.Errorf("answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	data, err = readAtMost(answer.Body)
	if err != nil {
		return nil, "", fmt.Errorf("read the answer: %w", keyless(err))
	}
	return data, answer.Header.Get("ETag"), nil
}

// keyless drops what net/http adds to an error: the address, which has the client key in it, and the numbers of ports, which
// would make the same error look new each time.
func keyless(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return err
}
