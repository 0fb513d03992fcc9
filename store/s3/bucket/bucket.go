package bucket

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Bucket is one bucket. Its methods may be called by several goroutines.
type Bucket struct {
	o        Options
	s3       *s3.Client
	signer   *s3.PresignClient
	identity aws.CredentialsProvider
	calls    *pool // for all calls but Open's
	readers  *pool // for Open's, which last as long as whoever reads
	life     context.Context
	end      context.CancelCauseFunc
	jobs     chan func() // attempts, for goroutines that wait for one
	proven   atomic.Bool // Check has written, read and deleted

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // calls; its Add and closed go together under mu
}

// Open makes a Bucket. It doesn't talk to the endpoint: see Check. ctx is for reading
// the SDK's configuration only.
func Open(ctx context.Context, o Options) (*Bucket, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	b := &Bucket{o: o, jobs: make(chan func())}
	if err := b.connect(ctx); err != nil {
		return nil, fmt.Errorf("bucket %s: %w", o.Name, err)
	}
	b.life, b.end = context.WithCancelCause(context.Background())
	return b, nil
}

// Close ends what is running, waits for it, and closes the connections. Readers of
// Open fail afterwards.
func (b *Bucket) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.end(ErrClosed)
	b.running.Wait()
	b.calls.close()
	b.readers.close()
}

// enter begins a call: its context ends with the Bucket too.
func (b *Bucket) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, nil, ErrClosed
	}
	b.running.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(b.life, func() { cancel(ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
		b.running.Done()
	}, nil
}

// full is a key as the endpoint knows it.
func (b *Bucket) full(key string) *string {
	key = b.o.Prefix + key
	return &key
}
