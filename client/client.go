package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bdragon300/tusgo"
)

// Client uploads files to one endpoint. Its uploads may run at the same time only if Watch allows for it.
type Client struct {
	options  Options
	endpoint *url.URL
	http     *http.Client
	tus      *tusgo.Client

	// nobody is true after an upload was given up because no server answered. The next ones then get one try each.
	nobody atomic.Bool

	mu       sync.Mutex
	finished map[string]string // the addresses of this client's uploads, by the key of their records
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
	}{{&o.Stall, defaultStall}, {&o.Answer, defaultAnswer}, {&o.MinDelay, defaultMinDelay}, {&o.MaxDelay, defaultMaxDelay}} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	c := &Client{options: o, endpoint: endpoint, http: &http.Client{Transport: newTransport()}, finished: map[string]string{}}
	c.tus = tusgo.NewClient(c.http, endpoint)
	c.tus.GetRequest = c.newRequest
	if o.State != "" {
		removeStale(o.State, time.Now())
	}
	return c, nil
}

// Close closes connections that wait for a next upload.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Upload uploads a file, or what is missing of it, and returns the upload's address. A file that this client has uploaded
// already, or an earlier run that remembered it (see [Client.Forget]), is not uploaded again. An error is a *[RefusedError],
// or an *[UnfinishedError], also when ctx ended.
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
	if address, ok := c.uploaded(u.record().key()); ok {
		u.watch(Event{Kind: Found, Offset: from.size, Address: address})
		u.watch(Event{Kind: Ended, Offset: from.size, Address: address})
		return address, nil
	}
	err = u.open()
	if err == nil {
		defer u.entry.close()
		err = u.run(ctx)
	}
	if e, ok := errors.AsType[*UnfinishedError](err); ok {
		e.Kept = u.entry != nil && (u.address == "" || u.entry.remembered())
	}
	u.watch(Event{Kind: Ended, Err: err, Offset: u.offset, Address: u.address})
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished[u.record().key()] = u.address
	return u.address, nil
}

func (c *Client) uploaded(key string) (address string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	address, ok = c.finished[key]
	return address, ok
}

// Forget forgets the uploads that this client has finished, so that the next run uploads these files anew. It is for a program
// that has nothing left to do. One that wants to be run again leaves them remembered, for a day: then only what is missing is
// uploaded.
func (c *Client) Forget() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for key, address := range c.finished {
		if c.options.State != "" {
			errs = append(errs, forgetFinished(filepath.Join(c.options.State, recordPrefix+key), address))
		}
	}
	clear(c.finished)
	return errors.Join(errs...)
}
