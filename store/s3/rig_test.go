package s3_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"plateau/hooks"
	"plateau/store/memorylock"
	"plateau/store/s3"
	"plateau/store/s3/bucket"
	"plateau/store/s3/outbox"
	"plateau/store/s3/s3test"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// rig is a bucket, and the processes that serve it one after the other.
type rig struct {
	*testing.T
	gateway *s3test.Gateway
	bucket  string
	spool   string // the folder; as after a crash, the next process finds it as it was
	change  func(*s3.Options)
	events  events
	quiet   bool          // the outbox asks for nothing by itself
	timeout time.Duration // of one call
}

func newRig(t *testing.T) *rig {
	g := shared.Gateway(t)
	return &rig{T: t, gateway: g, bucket: g.NewBucket(t), spool: t.TempDir(), timeout: 5 * time.Second}
}

// events are those that arrived, of all processes.
type events struct {
	mu      sync.Mutex
	arrived map[string][]hooks.Event // by upload
}

func (e *events) add(of hooks.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.arrived == nil {
		e.arrived = make(map[string][]hooks.Event)
	}
	e.arrived[of.Subject] = append(e.arrived[of.Subject], of)
}

func (e *events) of(id string) []hooks.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.arrived[id])
}

// uploads returns the uploads that have events.
func (e *events) uploads() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for id := range e.arrived {
		ids = append(ids, id)
	}
	return ids
}

// process is one process that serves the bucket: what it asks of it passes its own proxy,
// so that it can die at any call.
type process struct {
	*s3.Store
	rig    *rig
	proxy  *s3test.Proxy
	locker *memorylock.Locker
	outbox *outbox.Outbox
	died   chan struct{}
	once   sync.Once
	bucket *bucket.Bucket
	dying  sync.WaitGroup
	ended  func() // closes all; it may be called again
}

func (r *rig) start() *process {
	r.Helper()
	p := &process{rig: r, proxy: s3test.StartProxy(r.T, r.gateway), locker: memorylock.New(), died: make(chan struct{})}
	b, err := bucket.Open(r.Context(), bucket.Options{
		Name: r.bucket, Endpoint: p.proxy.Endpoint, Region: r.gateway.Region,
		AccessKey: r.gateway.AccessKey, SecretKey: r.gateway.SecretKey, CallTimeout: r.timeout, CompleteTimeout: 10 * time.Second,
	})
	r.must(err)
	p.bucket = b
	waits := outbox.Options{
		Bucket: b, Relist: 100 * time.Millisecond, AskAfter: time.Millisecond, AloneMin: 50 * time.Millisecond, AloneMax: 100 * time.Millisecond,
		Confirm: func(ctx context.Context, id string, at time.Time) (hooks.Confirmation, error) {
			return p.Confirm(ctx, id, at)
		},
	}
	if r.quiet {
		waits.Relist, waits.AskAfter = time.Hour, time.Hour
	}
	p.outbox, err = outbox.Open(waits)
	r.must(err)
	opts := s3.Options{
		Bucket: b, BucketName: r.bucket, SpoolDir: r.spool, SpoolSize: 256 << 20, Locker: p.locker,
		Intents: waiting{p.outbox}, PartSize: 5 << 20, Grace: 2 * time.Second,
	}
	if r.change != nil {
		r.change(&opts)
	}
	p.Store, err = s3.Open(r.Context(), opts)
	r.must(err)
	relay, err := hooks.NewRelay(hooks.RelayOptions{Outbox: p.outbox, Sink: sink{p}, Source: "/test", BackoffMin: 10 * time.Millisecond, BackoffMax: 50 * time.Millisecond, Grace: time.Millisecond})
	r.must(err)
	ctx, stop := context.WithCancel(context.Background())
	var relaying sync.WaitGroup
	relaying.Go(func() { _ = relay.Run(ctx) }) // of a dead process it fails
	p.ended = sync.OnceFunc(func() {
		closing, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := p.Close(closing)
		stop()
		relaying.Wait()
		err = errors.Join(err, p.outbox.Close())
		b.Close()
		p.dying.Wait()
		if err != nil && !p.dead() {
			r.Errorf("close: %v", err)
		}
	})
	r.Cleanup(p.ended)
	return p
}

// die ends the process as kill -9 does, as far as the bucket and the receiver of its
// events can tell: nothing of it arrives any more.
func (p *process) die() {
	p.once.Do(func() {
		close(p.died)
		p.proxy.Away(true)
		p.dying.Go(p.bucket.Close) // so that it doesn't try for long
	})
}

func (p *process) dead() bool {
	select {
	case <-p.died:
		return true
	default:
		return false
	}
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// waiting is the outbox as the store needs it.
type waiting struct{ *outbox.Outbox }

func (w waiting) Pending(ctx context.Context, id string) (s3.Intent, bool, error) {
	i, waits, err := w.Intent(ctx, id)
	return s3.Intent(i), waits, err
}

func (w waiting) Keep(ctx context.Context, id string) error { return w.MarkConfirmed(ctx, id) }

// sink collects events.
type sink struct{ p *process }

func (s sink) Send(_ context.Context, sent []hooks.Event) []error {
	if s.p.dead() {
		errs := make([]error, len(sent))
		for i := range errs {
			errs[i] = errors.New("the process is dead")
		}
		return errs
	}
	for _, e := range sent {
		s.p.rig.events.add(e)
	}
	return nil
}

func (s sink) Close(context.Context) error { return nil }

// eventually waits until something holds.
func (r *rig) eventually(what string, holds func() bool) {
	r.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) { // between two looks
		if time.Now().After(end) {
			r.Fatalf("waited in vain: %s", what)
		}
	}
}

// wantTidy checks that nothing lies in the bucket but finished uploads and records.
func (r *rig) wantTidy(c *client) {
	r.Helper()
	if _, err := c.p.Sweep(r.Context()); err != nil {
		r.Logf("what no client knows of can't be finished yet: %v", err)
	}
	b := r.direct()
	defer b.Close()
	object, _ := s3.SplitID(c.id)
	objects, _, err := b.List(r.Context(), "", "", 1000)
	r.must(err)
	for _, o := range objects {
		if o.Key == object+".part" { // others are of uploads that no client knows
			r.Errorf("a tail is left: %s", o.Key)
		}
	}
	r.must(b.Multiparts(r.Context(), func(key, id string, _ time.Time) error {
		if c.p.MultipartOf(c.id) == id { // of another one no client knows
			r.Errorf("a multipart upload is left: %s %s", key, id)
		}
		return nil
	}))
	r.eventually("no event waits", func() bool {
		waiting, _, err := b.List(r.Context(), "outbox/pending/", "", 1000)
		r.must(err)
		return len(waiting) == 0
	})
	dead, _, err := b.List(r.Context(), "outbox/dead/", "", 1000)
	r.must(err)
	if len(dead) > 0 {
		r.Errorf("%d events are dead", len(dead))
	}
}

// direct returns the bucket past all proxies.
func (r *rig) direct() *bucket.Bucket {
	r.Helper()
	b, err := bucket.Open(r.Context(), bucket.Options{
		Name: r.bucket, Endpoint: r.gateway.Endpoint, Region: r.gateway.Region,
		AccessKey: r.gateway.AccessKey, SecretKey: r.gateway.SecretKey,
	})
	r.must(err)
	return b
}
