package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// reading is the body of an answer that lasts as long as whoever reads it. The
// endpoint has to send something within Options.BodyTimeout of each Read; how long
// passes between two of them is the reader's affair.
type reading struct {
	what   string
	ctx    context.Context
	cancel context.CancelCauseFunc
	unbind func() bool
	idle   time.Duration
	body   io.ReadCloser
}

var errIdle = fmt.Errorf("%w: nothing came for too long", ErrAway)

// newReading makes its context, which ends with the caller's and with the Bucket.
func (b *Bucket) newReading(ctx context.Context, what string) *reading {
	ctx, cancel := context.WithCancelCause(ctx)
	return &reading{
		what: what, ctx: ctx, cancel: cancel, idle: b.o.BodyTimeout,
		unbind: context.AfterFunc(b.life, func() { cancel(ErrClosed) }),
	}
}

// Read reads on. Its errors are ErrAway, ErrClosed and the context's.
func (r *reading) Read(p []byte) (int, error) {
	late := time.AfterFunc(r.idle, func() { r.cancel(errIdle) })
	n, err := r.body.Read(p)
	late.Stop()
	switch {
	case err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return n, err
	case r.ctx.Err() != nil:
		return n, fmt.Errorf("%s: %w", r.what, context.Cause(r.ctx))
	}
	return n, fmt.Errorf("%s: %w: %s", r.what, ErrAway, err)
}

// Close gives the connection back; it ends what was not read.
func (r *reading) Close() error {
	err := r.body.Close()
	r.release()
	return err
}

func (r *reading) release() {
	r.unbind()
	r.cancel(nil)
}
