package storetest

import (
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

func expiryContract() []contract {
	return []contract{
		{"an unfinished upload expires: 410, and 404 when it is removed", testExpires},
		{"bytes put the end off", testExpiryPutOff},
		{"nothing expires that is complete, or in use, or when nothing shall", testNoExpiry},
		{"a part expires until a final has its bytes", testExpiryOfParts},
		{"the record of a part is kept a day after its final, and goes with it", testPartsRecords},
		{"a finished upload is deleted once its event is delivered", testDeleteFinished},
	}
}

// expireAfter is when unfinished uploads expire in these tests.
const expireAfter = time.Hour

// shiftedClock is a clock that is ahead of the real one.
type shiftedClock struct{ ahead atomic.Int64 }

func (c *shiftedClock) now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *shiftedClock) forward(by time.Duration) { c.ahead.Add(int64(by)) }

// startExpiring opens the store with a clock.
func (s *suite) startExpiring(o Options) *shiftedClock {
	s.Helper()
	clock := new(shiftedClock)
	o.Now, o.ExpireAfter = clock.now, expireAfter
	s.start(o)
	return clock
}

// wantExpired expires, and checks which uploads went by it.
func (s *suite) wantExpired(want ...string) {
	s.Helper()
	slices.Sort(want)
	for _, dryRun := range []bool{true, false} {
		got, err := s.store.Expire(s.Context(), dryRun)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, want) {
			s.Errorf("expire (dry run: %t) removed %q (error %v), want %q", dryRun, got, err, want)
		}
	}
}

// wantStatus checks how a HEAD is answered.
func (s *suite) wantStatus(id string, status int) {
	s.Helper()
	_, err := s.head(id)
	s.wantAnswer(err, status, "")
}

// expires returns when an upload says that it expires, from now.
func (s *suite) expires(id string, clock *shiftedClock) (time.Duration, bool) {
	s.Helper()
	u, err := s.store.GetUpload(s.context(http.MethodHead, nil), id)
	s.must(err)
	at, expires := u.(store.Expiring).Expires()
	return at.Sub(clock.now()), expires
}

func testExpires(s *suite) {
	clock := s.startExpiring(Options{})
	empty, begun := s.create(5), s.create(5)
	deferred, _, err := s.post(handler.FileInfo{SizeIsDeferred: true}, nil)
	s.must(err)
	_, err = s.patch(begun, 0, NewBody([]byte("abc")))
	s.must(err)
	clock.forward(expireAfter - time.Minute)
	for _, id := range []string{empty, begun, deferred} {
		if in, expires := s.expires(id, clock); !expires || in <= 0 || in > time.Minute {
			s.Errorf("%s expires in %s (%t), want a minute", id, in, expires)
		}
	}
	s.wantExpired()

	clock.forward(2 * time.Minute)
	for _, id := range []string{empty, begun, deferred} {
		s.wantStatus(id, http.StatusGone)
		_, err := s.patch(id, 0, NewBody([]byte("abc")))
		s.wantAnswer(err, http.StatusGone, "")
	}
	s.must(s.delete(deferred))
	s.wantExpired(empty, begun)
	for _, id := range []string{empty, begun, deferred} {
		s.wantStatus(id, http.StatusNotFound)
	}
	s.wantNames()
	s.events.want()
}

func testExpiryPutOff(s *suite) {
	clock := s.startExpiring(Options{})
	id := s.create(5)
	created := time.Now()
	_, err := s.patch(id, 0, NewBody([]byte("abc")))
	s.must(err)
	if in, _ := s.expires(id, clock); clock.now().Add(in).Before(created.Add(expireAfter - time.Second)) {
		s.Errorf("after bytes the upload expires in %s", in)
	}
	clock.forward(expireAfter - time.Minute)
	s.wantExpired()
	s.wantOffset(id, 3)
	clock.forward(2 * time.Minute)
	s.wantExpired(id)
}

func testNoExpiry(s *suite) {
	clock := s.startExpiring(Options{})
	sealed, used := s.create(3), s.create(5)
	_, err := s.patch(sealed, 0, NewBody([]byte("abc")))
	s.must(err)
	s.events.fail(errSink)
	unsealed := s.crashedComplete([]byte("abc"))
	unlock, ok := s.opts.Locker.TryLock(used)
	if !ok {
		s.Fatal("the lock is held")
	}
	clock.forward(1000 * expireAfter)
	got, err := s.store.Expire(s.Context(), false)
	if err != nil || len(got) > 0 {
		s.Errorf("expire removed %q (error %v)", got, err)
	}
	unlock()
	s.events.fail(nil)
	s.wantContent(sealed, []byte("abc"))
	s.wantContent(unsealed, []byte("abc"))

	s.opts.ExpireAfter = 0
	s.crash()
	if _, expires := s.expires(used, clock); expires {
		s.Error("an upload expires though none shall")
	}
	s.wantExpired()
	s.wantOffset(used, 0)
}

func testExpiryOfParts(s *suite) {
	clock := s.startExpiring(Options{})
	a, b, alone := s.part([]byte("abc")), s.part([]byte("de")), s.part([]byte("f"))
	if _, expires := s.expires(a, clock); !expires {
		s.Error("a part without a final doesn't expire")
	}
	final, err := s.concat(a, b)
	s.must(err)
	if _, expires := s.expires(a, clock); expires {
		s.Error("a part whose bytes a final has expires")
	}
	clock.forward(2 * expireAfter)
	s.wantStatus(alone, http.StatusGone)
	s.wantExpired(alone)
	s.wantOffset(a, 3)
	s.wantContent(final, []byte("abcde"))
}

func testPartsRecords(s *suite) {
	clock := s.startExpiring(Options{})
	a, b, c := s.part([]byte("abc")), s.part([]byte("de")), s.part([]byte("f"))
	kept, err := s.concat(a, b)
	s.must(err)
	gone, err := s.concat(c)
	s.must(err)
	s.must(s.delete(gone))
	s.wantStatus(c, http.StatusGone)
	clock.forward(23 * time.Hour)
	s.wantExpired()
	s.wantStatus(c, http.StatusNotFound)
	s.wantNames(a, b, kept)
	s.wantOffset(a, 3)
	clock.forward(2 * time.Hour)
	s.wantExpired()
	s.wantNames(kept)
	s.wantStatus(a, http.StatusNotFound)
	s.wantContent(kept, []byte("abcde"))
}

func testDeleteFinished(s *suite) {
	waiting, failure := true, error(nil)
	clock := s.startExpiring(Options{DeleteFinishedAfter: 24 * time.Hour, Waiting: func(string, time.Time) (bool, error) {
		return waiting, failure
	}})
	id := s.create(3)
	_, err := s.patch(id, 0, NewBody([]byte("abc")))
	s.must(err)
	part := s.part([]byte("de"))
	final, err := s.concat(part)
	s.must(err)
	clock.forward(23 * time.Hour)
	waiting = false
	s.wantExpired()
	waiting = true
	clock.forward(2 * time.Hour)
	s.wantExpired()
	failure = errors.New("the outbox can't be read")
	if got, err := s.store.Expire(s.Context(), false); err == nil || len(got) > 0 {
		s.Errorf("while the outbox can't be read, expire removed %q (error %v)", got, err)
	}
	waiting, failure = false, nil
	s.wantExpired(id, final)
	s.wantStatus(id, http.StatusNotFound)
	s.wantExpired()
	s.wantNames()
}
