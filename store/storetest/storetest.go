// Package storetest is what every store and every lock must keep to, as tests
// that run with a constructor:
//
//	storetest.TestStore(t, func(t *testing.T, o storetest.Options) storetest.Store { … })
//	storetest.TestLocker(t, func(t *testing.T) storetest.Locker { … })
//
// It promises to know nothing of how a store keeps its bytes: no file names, no
// keys. It asks a store what tusd's handler asks, in the handler's order and
// with its habits (it finishes an upload whose last byte is said to be there,
// even after an error; it hides from the store how a body ended), so that what
// passes here works behind tusd too.
//
// Stress is part of it: bodies that break, are cut or too long (Body), events
// that fail or take long, a process that stops between any two requests
// (Store.Reopen), locks that are lost. Nothing sleeps: tests wait for channels,
// at most for the time in bound. Random sizes come from a seed that is printed;
// the environment's STORETEST_SEED sets it.
package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// bound is how long a test waits for what must happen at once.
const bound = 20 * time.Second

// Options are what TestStore wants of a store.
type Options struct {
	// Finish is to be called as the store promises; see package disk's Options.
	Finish func(ctx context.Context, info handler.FileInfo, finishedAt time.Time) error
	// Locker is the lock that the store shall use where tusd takes none.
	Locker Locker
	// Accounts are told what uploads occupy.
	Accounts store.Accounts
	// MaxSize is the most bytes of one upload; 0: no limit.
	MaxSize int64
	// Digest is how the whole content is summed up: "sha256", or not at all.
	Digest string
	// ExpireAfter, DeleteFinishedAfter, Waiting and Now are what the janitor goes
	// by; see package disk's Options. Without Now the clock is the real one.
	ExpireAfter, DeleteFinishedAfter time.Duration
	Waiting                          func(id string, finishedAt time.Time) (bool, error)
	Now                              func() time.Time
	// FinishWait is how long a HEAD or PATCH waits for a finish; 0: the default.
	FinishWait time.Duration
}

// Store is a store under test. Its errors must be tusd's handler.Errors.
type Store interface {
	handler.DataStore
	handler.TerminaterDataStore
	handler.ConcaterDataStore
	handler.LengthDeferrerDataStore

	// Content returns the bytes of a sealed upload, as a GET has them.
	Content(ctx context.Context, id string) ([]byte, error)
	// Record reads an upload's record, also of one that is in use.
	Record(ctx context.Context, id string) (handler.FileInfo, error)
	// Sweep finishes once what is complete but not sealed.
	Sweep(ctx context.Context) error
	// Expire removes once what has expired, and what no upload needs any more. It
	// returns the uploads that it removed; as a dry run it only says which.
	Expire(ctx context.Context, dryRun bool) (ids []string, err error)
	// NewDraft and FinishDrafts are for the files of forms; see package disk's.
	NewDraft(ctx context.Context) (store.Draft, error)
	FinishDrafts(ctx context.Context, drafts []store.Draft, metadata []handler.MetaData) []store.Finished
	// Occupants calls each for what occupies something, in order; see package disk's.
	Occupants(ctx context.Context, after string, each func(id, owner string, what store.Occupied) error) error
	// Names lists the ids of which anything is in the storage, be it a piece that
	// no request can see.
	Names(t *testing.T) []string
	// Reopen returns the store as after a crash of the process: the same
	// storage, nothing else kept. The old one is not used again.
	Reopen(t *testing.T, o Options) Store
}

// Locker is a lock under test: what tusd and the stores want of one.
type Locker interface {
	handler.Locker
	// TryLock takes the lock if nobody holds it.
	TryLock(id string) (unlock func(), ok bool)
	// Acquire takes the lock for the request in ctx, as Lock does.
	Acquire(ctx context.Context, id string) (unlock func(), err error)
}

// TestStore runs the contract of stores. open returns an empty store, which it
// also closes at the test's end.
func TestStore(t *testing.T, open func(t *testing.T, o Options) Store) {
	for _, group := range [][]contract{
		creationContract(), chunkContract(), bodyContract(), finishContract(), redriveContract(),
		concatContract(), brokenConcatContract(), lockContract(), digestContract(), expiryContract(), guardContract(), accountsContract(), idPrefixContract(),
	} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				s := &suite{T: t, open: open}
				c.test(s)
				s.wantAccounts()
			})
		}
	}
}

// contract is one promise of a store and its test.
type contract struct {
	name string
	test func(s *suite)
}

// suite is one subtest's store, with the events that it made.
type suite struct {
	*testing.T
	open   func(t *testing.T, o Options) Store
	opts   Options
	store  Store
	events *events
	// accounts count what it occupies.
	accounts *accounts
	prefix   string // of the ids of what requests create
}

// start opens the store. Finish and Locker are the suite's own where o has none.
func (s *suite) start(o Options) {
	s.Helper()
	s.wantAccounts() // of the store before, if there was one
	s.events, s.accounts = newEvents(s.T), newAccounts(s.T)
	s.opts = s.withParts(o)
	s.store = s.open(s.T, s.opts)
}

// crash stops the process that serves the store, and starts another.
func (s *suite) crash() {
	s.Helper()
	s.wantAccounts()
	s.accounts = newAccounts(s.T) // what the old store still does is not heard any more
	s.opts.Locker, s.opts.Accounts = nil, nil
	s.opts = s.withParts(s.opts)
	s.store = s.store.Reopen(s.T, s.opts)
	s.fillAccounts()
}

// sweep sweeps once.
func (s *suite) sweep() {
	s.Helper()
	if err := s.store.Sweep(s.Context()); err != nil {
		s.Fatalf("sweep: %v", err)
	}
}

// wantAnswer checks that err is a handler.Error with this status and, if code
// isn't empty, this code.
func (s *suite) wantAnswer(err error, status int, code string) {
	s.Helper()
	answer, ok := errors.AsType[handler.Error](err)
	switch {
	case !ok:
		s.Errorf("got error %v, want status %d %s", err, status, code)
	case answer.HTTPResponse.StatusCode != status, code != "" && answer.ErrorCode != code:
		s.Errorf("got status %d %s, want %d %s", answer.HTTPResponse.StatusCode, answer.ErrorCode, status, code)
	}
}

// wantPassing checks that err is such an answer, after which a client tries again.
func (s *suite) wantPassing(err error, status int, code string) {
	s.Helper()
	s.wantAnswer(err, status, code)
	if answer, ok := errors.AsType[handler.Error](err); ok && answer.HTTPResponse.Header["Retry-After"] == "" {
		s.Errorf("%s comes without Retry-After", answer.ErrorCode)
	}
}

// wantRefused checks that err is an answer that blames the request.
func (s *suite) wantRefused(err error) {
	s.Helper()
	answer, ok := errors.AsType[handler.Error](err)
	if !ok || answer.HTTPResponse.StatusCode < 400 || answer.HTTPResponse.StatusCode > 499 {
		s.Errorf("got error %v, want a status 4xx", err)
	}
}

// must ends the test if err isn't nil.
func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// checked returns err after a look at it: only handler.Errors may leave a
// store or a lock, and none of them may show where things lie.
func (s *suite) checked(err error) error {
	s.Helper()
	if err == nil {
		return nil
	}
	answer, ok := err.(handler.Error) // not errors.As: tusd shows the client the text of what wraps one
	if !ok {
		s.Errorf("the error %v (%T) is not a handler.Error; the client would see its text", err, err)
		return err
	}
	if text := answer.Message + answer.HTTPResponse.Body; strings.Contains(text, "/") {
		s.Errorf("the answer shows a path: %q", text)
	}
	return err
}

// within waits for a channel to be closed, or for a value of it.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(bound):
		t.Fatalf("%s: nothing happened for %s", what, bound)
		panic("unreachable")
	}
}

// random returns a source of random numbers, and prints its seed.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("STORETEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("STORETEST_SEED: %v", err)
		}
	}
	t.Logf("STORETEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// bytesOf returns n random bytes.
func bytesOf(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
