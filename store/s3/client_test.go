package s3_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/storetest"
)

// client uploads one file, as tus-js-client does: step by step as tusd's handler asks the
// store. What it was told is in acked; nothing of that may be lost.
type client struct {
	*rig
	p        *process
	content  []byte
	deferred bool // its length is told with the last bytes
	partial  bool

	id       string // empty: it has heard of none yet
	acked    int64
	finished bool  // it has heard so
	cause    error // of the answer heard last
}

func (c *client) context(method string, body *storetest.Body) context.Context {
	r := &store.Request{Method: method, Offset: -1}
	if body != nil {
		body.Creates = method == http.MethodPost
		r.Body = body
	}
	return store.WithRequest(c.Context(), r)
}

// create makes the upload, with the first n bytes in it; -1: with no body.
func (c *client) create(n int) error {
	info := handler.FileInfo{Size: int64(len(c.content)), MetaData: handler.MetaData{"filename": "a"}, IsPartial: c.partial}
	if c.deferred {
		info.Size, info.SizeIsDeferred = 0, true
	}
	var body *storetest.Body
	if n >= 0 {
		body = storetest.NewBody(c.content[:n])
	}
	ctx := c.context(http.MethodPost, body)
	u, err := c.p.NewUpload(ctx, info)
	if err != nil {
		return err
	}
	info, err = u.GetInfo(ctx)
	if err != nil {
		return err
	}
	var reached int64
	if body != nil {
		unlock, err := c.lock(ctx, info.ID)
		if err != nil {
			return err
		}
		defer unlock()
		if reached, err = c.write(ctx, u, 0, body); err != nil {
			return err
		}
	} else if !info.SizeIsDeferred && info.Size == 0 {
		if err := u.FinishUpload(ctx); err != nil {
			return err
		}
	}
	if c.p.dead() {
		return errors.New("nobody hears the answer")
	}
	c.id, c.acked = info.ID, reached
	c.finished = !info.SizeIsDeferred && reached == info.Size
	return nil
}

// patch sends n bytes more, or what is left.
func (c *client) patch(n int) error {
	to := min(int(c.acked)+n, len(c.content))
	body := storetest.NewBody(c.content[c.acked:to])
	ctx := c.context(http.MethodPatch, body)
	unlock, err := c.lock(ctx, c.id)
	if err != nil {
		return err
	}
	defer unlock()
	defer func() { _, c.cause = store.RequestFrom(ctx).Failure() }()
	u, err := c.p.GetUpload(ctx, c.id)
	if err != nil {
		return err
	}
	info, err := u.GetInfo(ctx)
	if err != nil {
		return err
	}
	reached := info.Offset
	switch {
	case info.Offset != c.acked:
		return handler.ErrMismatchOffset
	case !info.SizeIsDeferred && info.Offset == info.Size:
	default:
		if c.deferred && info.SizeIsDeferred && to == len(c.content) {
			if err := c.p.AsLengthDeclarableUpload(u).DeclareLength(ctx, int64(to)); err != nil {
				return err
			}
		}
		if reached, err = c.write(ctx, u, info.Offset, body); err != nil {
			return err
		}
	}
	if c.p.dead() {
		return errors.New("nobody hears the answer")
	}
	c.acked = reached
	c.finished = reached == int64(len(c.content)) && to == len(c.content)
	return nil
}

// send begins a PATCH at the offset that the client knows, with this body, and returns how
// it will have been answered: then the client knows what was acknowledged.
func (c *client) send(body *storetest.Body) <-chan error {
	answer := make(chan error, 1)
	go func() {
		ctx := c.context(http.MethodPatch, body)
		unlock, err := c.lock(ctx, c.id)
		if err != nil {
			answer <- err
			return
		}
		defer unlock()
		u, err := c.p.GetUpload(ctx, c.id)
		reached := c.acked
		if err == nil {
			reached, err = c.write(ctx, u, c.acked, body)
		}
		if err == nil {
			c.acked, c.finished = reached, reached == int64(len(c.content))
		}
		answer <- err
	}()
	return answer
}

func (c *client) write(ctx context.Context, u handler.Upload, offset int64, body *storetest.Body) (int64, error) {
	info, err := u.GetInfo(ctx)
	if err != nil {
		return offset, err
	}
	room := int64(math.MaxInt64)
	if !info.SizeIsDeferred {
		room = info.Size - offset
	}
	n, err := u.WriteChunk(ctx, offset, http.MaxBytesReader(nil, body, room))
	if !info.SizeIsDeferred && offset+n == info.Size {
		if err2 := u.FinishUpload(ctx); err == nil {
			err = err2
		}
	}
	return offset + n, err
}

func (c *client) lock(ctx context.Context, id string) (func(), error) {
	l, err := c.p.locker.NewLock(id)
	c.must(err)
	if err := l.Lock(ctx, func() {}); err != nil {
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil
}

// head asks how far the upload is, and checks that nothing was lost.
func (c *client) head() error {
	ctx := c.context(http.MethodHead, nil)
	u, err := c.p.GetUpload(ctx, c.id)
	var info handler.FileInfo
	if err == nil {
		info, err = u.GetInfo(ctx)
	}
	if answer, ok := errors.AsType[handler.Error](err); ok && (answer.HTTPResponse.StatusCode == 404 || answer.HTTPResponse.StatusCode == 410) {
		_, cause := store.RequestFrom(ctx).Failure()
		c.Fatalf("the upload is lost: %v (%v)", err, cause)
	}
	if err != nil {
		_, c.cause = store.RequestFrom(ctx).Failure()
		return err
	}
	if info.Offset < c.acked {
		c.Fatalf("the offset went back from %d to %d", c.acked, info.Offset)
	}
	c.acked = info.Offset
	c.finished = !info.SizeIsDeferred && info.Offset == int64(len(c.content)) && info.Size == info.Offset
	return nil
}

// wantHead wants a HEAD to say this offset.
func (c *client) wantHead(offset int64) {
	c.Helper()
	c.must(c.head())
	if c.acked != offset {
		c.Errorf("HEAD says %d, want %d", c.acked, offset)
	}
}

// resume goes on until the upload is finished, as a client does that tries again.
func (c *client) resume() {
	c.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) { // as clients pause
		if c.finished {
			return
		}
		switch {
		case c.id == "":
			err = c.create(-1)
		default:
			if err = c.head(); err == nil && !c.finished {
				err = c.patch(len(c.content))
			}
		}
	}
	c.Fatalf("the upload doesn't come to its end: %v (%v)", err, c.cause)
}

// check compares what is stored, and waits for the event.
func (c *client) check() {
	c.Helper()
	if c.partial {
		return
	}
	content, err := c.p.Content(c.context(http.MethodGet, nil), c.id)
	c.must(err)
	got := bytes.NewBuffer(make([]byte, 0, len(c.content)+bytes.MinRead))
	_, err = got.ReadFrom(content.Body)
	c.must(errors.Join(err, content.Body.Close()))
	if !bytes.Equal(got.Bytes(), c.content) {
		c.Errorf("%d bytes are stored, which are not the %d that were sent", got.Len(), len(c.content))
	}
	c.eventually("the event of "+c.id, func() bool { return len(c.events.of(c.id)) > 0 })
	for _, id := range c.events.uploads() {
		if !c.stored(id) {
			c.Errorf("there is an event of %s, which was never finished", id)
		}
		events := c.events.of(id)
		for _, event := range events {
			if event.ID != id+":finished" {
				c.Errorf("an event of %s has the id %s", id, event.ID)
			}
			if first := events[0]; !event.Time.Equal(first.Time) || !bytes.Equal(event.Data, first.Data) {
				c.Errorf("two events of %s differ:\n%s %s\n%s %s", id, first.Time, first.Data, event.Time, event.Data)
			}
		}
	}
}

func (c *client) stored(id string) bool {
	content, err := c.p.Content(c.context(http.MethodGet, nil), id)
	return err == nil && content.Body.Close() == nil
}

// wantPassing checks that an answer is one after which a client tries again.
func (c *client) wantPassing(err error) {
	c.Helper()
	answer, ok := errors.AsType[handler.Error](err)
	if !ok || answer.HTTPResponse.Header["Retry-After"] == "" {
		c.Errorf("the client hears %v, after which it doesn't try again", err)
	}
}
