package bucket

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// call is one call to the endpoint, as it may be tried.
type call struct {
	name     string // of the S3 API
	subject  string // what it is about: a key
	attempts int
	timeout  time.Duration // of one attempt
}

// small is a call without a large body, that may be made again.
func (b *Bucket) small(name, subject string) call {
	return call{name: name, subject: subject, attempts: 3, timeout: b.o.CallTimeout}
}

// withBody is a call that moves size bytes, a MB in a second at least.
func (c call) withBody(least time.Duration, size int64) call {
	c.timeout = least + time.Duration(size)*time.Microsecond
	return c
}

func (c call) once() call {
	c.attempts = 1
	return c
}

// do makes a call, again if it failed in a way that passes. tries is how many attempts
// were made. f's context ends with the attempt; its error is the SDK's, or a failure
// whose call and subject are filled in here.
func (b *Bucket) do(ctx context.Context, c call, f func(context.Context) error) (tries int, err error) {
	ctx, leave, err := b.enter(ctx)
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", c.name, c.subject, err)
	}
	defer leave()
	pause := 100 * time.Millisecond
	for try := 1; ; try++ {
		err := b.attempt(ctx, c, f)
		if err == nil || try == c.attempts {
			return try, err
		}
		if failed, ok := errors.AsType[*failure](err); !ok || !failed.passing {
			return try, err
		}
		select {
		case <-ctx.Done():
			return try, fmt.Errorf("%s %s: %w", c.name, c.subject, context.Cause(ctx))
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause *= 4
	}
}

func (b *Bucket) attempt(ctx context.Context, c call, f func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	begun := time.Now()
	err := b.identify(limited)
	if err == nil {
		err = b.aside(func() error { return f(limited) })
	}
	took := time.Since(begun)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = fmt.Errorf("%s %s: %w", c.name, c.subject, context.Cause(ctx))
	case limited.Err() != nil:
		err = &failure{
			call: c.name, subject: c.subject, kind: ErrAway, passing: true,
			said: fmt.Sprintf("no answer within %v", c.timeout),
		}
	default:
		err = classify(c, err)
	}
	if errors.Is(err, ErrRefused) {
		b.proven.Store(false)
	}
	b.o.Called(c.name, took, err)
	return err
}

// identify asks for the credentials first: the SDK would wrap what went wrong with them
// so that it can't be told from trouble with the endpoint. They are cached.
func (b *Bucket) identify(ctx context.Context) error {
	if b.identity == nil {
		return errNoCredentials{errors.New("none are configured")}
	}
	if _, err := b.identity.Retrieve(ctx); err != nil {
		return errNoCredentials{err}
	}
	return nil
}

type errNoCredentials struct{ error }
