package storetest

import (
	"bytes"
	"net/http"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

func concatContract() []contract {
	return []contract{
		{"a final upload has its parts' bytes in order", testConcat},
		{"the parts of a final upload stay complete without their bytes", testConsumed},
		{"the same list of parts is the same final upload", testConcatAgain},
		{"a final upload of nothing", testConcatEmpty},
		{"a final upload whose finish a crash cut off", testConcatCrash},
		{"a part that is in use when its final is made", testConcatPartInUse},
	}
}

func testConcat(s *suite) {
	s.start(Options{})
	r := random(s.T)
	var parts []string
	var content []byte
	for _, size := range []int{1, 0, 512, 1<<20 + 3, 2, 100_000} {
		b := bytesOf(r, size)
		parts = append(parts, s.part(b))
		content = append(content, b...)
	}
	// The order of the list counts, not that of creation.
	reversed := make([]string, 0, 2)
	reversed = append(reversed, s.part([]byte("second")), s.part([]byte("first")))
	turned, err := s.concat(reversed[1], reversed[0])
	s.must(err)
	s.wantContent(turned, []byte("firstsecond"))

	id, err := s.concat(parts...)
	s.must(err)
	s.wantContent(id, content)
	s.events.want(turned, id)
	info := s.events.last()
	if info.Size != int64(len(content)) || info.Offset != info.Size || !info.IsFinal || info.MetaData["filename"] != "final" || len(info.PartialUploads) != len(parts) {
		s.Errorf("the event's upload is %+v", info)
	}
	s.wantOffset(id, len(content))
	s.sweep()
	s.crash()
	s.sweep()
	s.wantContent(id, content)
	s.events.want(turned, id)
	_, err = s.patch(id, int64(len(content)), nil)
	s.wantAnswer(err, http.StatusForbidden, "")
}

func testConsumed(s *suite) {
	s.start(Options{})
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	id, err := s.concat(a, b)
	s.must(err)
	s.crash()
	s.sweep()
	s.wantOffset(a, 3)
	s.wantOffset(b, 2)
	if n, err := s.patch(a, 3, nil); n != 3 || err != nil {
		s.Errorf("PATCH at the end of a part: offset %d, error %v", n, err)
	}
	ctx := s.context(http.MethodHead, nil)
	u, err := s.store.GetUpload(ctx, a)
	s.must(err)
	if f, err := u.GetReader(ctx); s.checked(err) == nil {
		s.Error("the bytes of a part are still there")
		s.must(f.Close())
	}
	_, err = s.get(a)
	s.wantAnswer(err, http.StatusNotFound, "")

	s.must(s.delete(b))
	_, err = s.head(b)
	s.wantAnswer(err, http.StatusNotFound, "")
	s.wantContent(id, []byte("abcde"))
	// Without its final a part is nothing.
	s.must(s.delete(id))
	_, err = s.head(a)
	s.wantRefused(err)
	_, err = s.concat(a)
	s.wantRefused(err)
}

func testConcatAgain(s *suite) {
	s.start(Options{})
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	id, err := s.concat(a, b)
	s.must(err)
	for range 2 {
		again, err := s.concat(a, b)
		s.must(err)
		if again != id {
			s.Errorf("the same list made another final upload")
		}
		s.crash()
	}
	s.wantContent(id, []byte("abcde"))
	s.events.want(id)

	c := s.part([]byte("f"))
	for _, other := range [][]string{{b, a}, {a}, {a, c}, {c, b}} {
		_, err := s.concat(other...)
		s.wantRefused(err)
	}
	s.wantNames(a, b, c, id)
	s.wantContent(id, []byte("abcde"))
	s.events.want(id)
}

func testConcatEmpty(s *suite) {
	s.start(Options{})
	a, b := s.part(nil), s.part(nil)
	id, err := s.concat(a, b)
	s.must(err)
	s.wantContent(id, nil)
	again, err := s.concat(a, b)
	s.must(err)
	if again != id {
		s.Error("the same list made another final upload")
	}
	s.events.want(id)
}

// testConcatCrash stops while the event is on its way. Whatever finishes the
// final afterwards, its bytes and its parts are right.
func testConcatCrash(s *suite) {
	for _, repair := range []func(parts []string) error{
		func([]string) error { s.sweep(); return nil },
		func(parts []string) error { _, err := s.concat(parts...); return err },
	} {
		s.start(Options{})
		parts := []string{s.part([]byte("abc")), s.part([]byte("de"))}
		g := s.events.hold()
		done := make(chan string, 1)
		go func() {
			id, err := s.concat(parts...)
			if err != nil {
				s.Errorf("the final upload: %v", err)
			}
			done <- id
		}()
		within(s.T, "the event", g.entered)
		s.sweep() // leaves it alone: its lock is held
		s.events.open(g)
		id := within(s.T, "the final upload", done)
		s.crash()
		s.must(repair(parts))
		s.wantContent(id, []byte("abcde"))
		s.events.want(id)
	}
}

func testConcatPartInUse(s *suite) {
	s.start(Options{})
	a, b := s.part([]byte("abc")), s.part([]byte("de"))
	// A client that asks for the end of a part once more holds its lock when the
	// final marks it, and lets go as soon as it is asked.
	body := NewBody(nil)
	unlock, err := s.lock(s.context(http.MethodPatch, body), a)
	s.must(err)
	type result struct {
		id  string
		err error
	}
	done := make(chan result, 1)
	go func() {
		id, err := s.concat(a, b)
		done <- result{id, err}
	}()
	select {
	case <-body.WhenCut():
	case r := <-done: // the store didn't ask for the lock
		done <- r
	case <-time.After(bound):
		s.Errorf("after %s the final is neither made, nor is the part asked for", bound)
	}
	unlock()
	r := within(s.T, "the final upload", done)
	s.must(r.err)
	s.wantContent(r.id, []byte("abcde"))
	s.events.want(r.id)
	_, err = s.concat(a)
	s.wantRefused(err) // it was marked all the same
	var left bytes.Buffer
	ctx := s.context(http.MethodHead, nil)
	u, err := s.store.GetUpload(ctx, a)
	s.must(err)
	if f, err := u.GetReader(ctx); err == nil {
		_, _ = left.ReadFrom(f)
		s.must(f.Close())
		s.Errorf("%d bytes of a part that was in use are kept for ever", left.Len())
	}
}

// finalOf asks the store itself for a final upload, without tusd's checks.
func (s *suite) finalOf(parts ...string) error {
	s.Helper()
	ctx := s.context(http.MethodPost, nil)
	_, err := s.store.NewUpload(ctx, handler.FileInfo{IsFinal: true, Size: 1, PartialUploads: parts})
	return s.checked(err)
}
