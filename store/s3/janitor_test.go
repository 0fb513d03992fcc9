package s3_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
)

// expire expires once, and returns which uploads went.
func (c *caretaker) expire() []string {
	c.t.Helper()
	ids, err := c.Expire(c.t.Context(), false)
	c.must(err)
	return ids
}

// What crashes leave goes after a day, under our names only.
func TestJanitorLeftovers(t *testing.T) { withPrefixes(t, testJanitorLeftovers) }

func testJanitorLeftovers(t *testing.T, prefix string) {
	c := newCaretaker(t)
	c.prefix = prefix
	object := objectOf(c.begin(handler.FileInfo{Size: 3}, nil)) // a name of ours
	c.must(c.Remove(t.Context(), object+"+0"))
	foreign := strings.Repeat("e", 32)
	for _, name := range []string{object, foreign, "report"} {
		c.lay(name+".part", "tail", nil)
		_, err := c.bucket.CreateMultipart(t.Context(), name, nil, "")
		c.must(err)
	}
	kept := c.begin(handler.FileInfo{Size: 20 << 20}, noise(6<<20))
	before := c.keys()
	c.forward(23 * time.Hour)
	if got := c.expire(); !slices.Equal(got, []string{kept}) {
		t.Errorf("%q expired, not the upload %s", got, kept)
	}
	before = slices.DeleteFunc(before, func(key string) bool { return strings.HasPrefix(key, objectOf(kept)) })
	c.wantKeys(before...)
	c.forward(2 * time.Hour)
	if got := c.expire(); len(got) > 0 {
		t.Errorf("%q expired", got)
	}
	c.wantKeys(foreign+".part", foreign+"?", "report.part", "report?")
}

// A large part that no final takes goes with its object; an object whose record is gone
// goes when it would have.
func TestJanitorObjects(t *testing.T) { withPrefixes(t, testJanitorObjects) }

func testJanitorObjects(t *testing.T, prefix string) {
	c := newCaretaker(t, func(o *s3.Options) {
		o.DeleteFinishedAfter = 2 * time.Hour
		o.Waiting = func(string, time.Time) (bool, error) { return false, nil }
	})
	c.prefix = prefix
	alone := c.part(noise(9 << 20))
	bare := objectOf(c.begin(handler.FileInfo{Size: 3}, nil))
	c.must(c.Remove(t.Context(), bare+"+0"))
	c.lay(bare, "abc", nil)
	c.lay("report", "someone's", nil)
	file := c.post(handler.FileInfo{}, []byte("abc"))
	c.forward(90 * time.Minute)
	if got := c.expire(); !slices.Equal(got, []string{alone}) {
		t.Errorf("%q expired, not the part %s", got, alone)
	}
	c.forward(time.Hour)
	got := c.expire()
	slices.Sort(got)
	want := []string{bare, file}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q expired, want %q", got, want)
	}
	c.wantKeys("report")
}

// An upload whose multipart upload a lifecycle rule has removed goes when it would have.
func TestJanitorLost(t *testing.T) {
	c := newCaretaker(t)
	lost := c.begin(handler.FileInfo{Size: 20 << 20}, noise(6<<20))
	_, multipart, _ := strings.Cut(lost, "+")
	c.crash()
	c.must(c.bucket.Abort(t.Context(), objectOf(lost), multipart))
	if got := c.expire(); len(got) > 0 {
		t.Errorf("%q expired", got)
	}
	c.forward(2 * time.Hour)
	if got := c.expire(); !slices.Equal(got, []string{lost}) {
		t.Errorf("%q expired", got)
	}
	c.wantKeys()
}

// With nothing set to expire, the listing is all that the janitor reads of what is young
// or finished.
func TestJanitorCalls(t *testing.T) {
	c := newCaretaker(t, func(o *s3.Options) { o.ExpireAfter = 0 })
	for range 5 {
		c.post(handler.FileInfo{}, []byte("abc"))
		c.begin(handler.FileInfo{Size: 5}, []byte("abc"))
	}
	calls := c.countOf(func() { c.expire() })
	if calls["ListObjectsV2"] != 1 || calls["ListMultipartUploads"] != 1 || len(calls) != 2 {
		t.Errorf("calls: %v", calls)
	}
}

func TestRemove(t *testing.T) {
	c := newCaretaker(t)
	sealed, open := c.post(handler.FileInfo{}, []byte("abc")), c.begin(handler.FileInfo{Size: 20 << 20}, noise(9<<20))
	unlock, _ := c.locks.TryLock(open)
	if err := c.Remove(t.Context(), open); !errors.Is(err, store.Locked()) {
		t.Errorf("one in use: %v", err)
	}
	unlock()
	if err := c.Remove(t.Context(), objectOf(open)+"+other"); !errors.Is(err, store.NotFound()) {
		t.Errorf("another id of the same object: %v", err)
	}
	for _, id := range []string{sealed, open} {
		c.must(c.Remove(t.Context(), id))
		if err := c.Remove(t.Context(), id); !errors.Is(err, store.NotFound()) {
			t.Errorf("once more: %v", err)
		}
	}
	if err := c.Remove(t.Context(), "../x"); !errors.Is(err, store.NotFound()) {
		t.Error(err)
	}
	c.wantKeys()
	broken := strings.Repeat("a", 32)
	c.lay(broken+".info", "{", nil)
	c.must(c.Remove(t.Context(), broken))
	c.wantKeys()
}

func TestList(t *testing.T) {
	c := newCaretaker(t)
	large := c.begin(handler.FileInfo{Size: 20 << 20, MetaData: handler.MetaData{"filename": "large"}}, noise(9<<20))
	deferred := c.begin(handler.FileInfo{SizeIsDeferred: true}, []byte("ab"))
	part, used := c.part([]byte("ab")), c.part([]byte("cd"))
	final, err := c.concat(2, used)
	c.must(err)
	first, second := c.post(handler.FileInfo{}, []byte("1")), c.post(handler.FileInfo{}, []byte("22"))
	c.lay("report", "someone's", nil)
	broken := strings.Repeat("a", 32)
	c.lay(broken, "x", nil)
	c.lay(broken+".info", "{", nil)
	want := map[string]store.Listed{
		large:    {Size: 20 << 20, Offset: 9 << 20, State: "receiving", Filename: "large"},
		deferred: {Size: -1, Offset: 2, State: "receiving"},
		part:     {Size: 2, Offset: 2, State: "part"},
		final:    {Size: 2, Offset: 2, State: "sealed"},
		first:    {Size: 1, Offset: 1, State: "sealed"},
		second:   {Size: 2, Offset: 2, State: "sealed"},
		broken:   {Size: -1, State: "unusable"},
	}
	c.must(c.List(t.Context(), func(l store.Listed) error {
		w, ok := want[l.ID]
		if delete(want, l.ID); !ok || l.Size != w.Size || l.Offset != w.Offset || l.State != w.State || l.Filename != w.Filename || l.Modified.IsZero() {
			t.Errorf("listed %+v, want %+v", l, w)
		}
		if (l.Err != nil) != (l.State == "unusable") || l.Expires.IsZero() != (l.State == "sealed" || l.Err != nil) {
			t.Errorf("listed %+v", l)
		}
		return nil
	}))
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
	if l, err := c.Show(t.Context(), second); err != nil || l.ID != second || l.State != "sealed" {
		t.Errorf("%+v %v", l, err)
	}
	if _, err := c.Show(t.Context(), strings.Repeat("f", 32)+"+0"); !errors.Is(err, store.NotFound()) {
		t.Error(err)
	}

	var got []string
	err = c.FinishedBetween(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), func(info handler.FileInfo, at time.Time) error {
		got = append(got, info.ID)
		if info.Offset != info.Size || time.Since(at) > time.Hour {
			t.Errorf("%+v at %s", info, at)
		}
		return nil
	})
	if !slices.Equal(got, []string{final, first, second}) || err == nil {
		t.Errorf("finished: %q, %v", got, err)
	}
	err = c.FinishedBetween(t.Context(), time.Now().Add(time.Hour), time.Now().Add(2*time.Hour), func(handler.FileInfo, time.Time) error {
		return errors.New("none was finished then")
	})
	c.must(err)
}

// A part that was consumed answers a HEAD until its record goes, and no GET.
func TestConsumedPart(t *testing.T) {
	c := newCaretaker(t)
	part := c.part(noise(6 << 20))
	final, err := c.concat(6<<20, part)
	c.must(err)
	if n, err := c.offset(part); n != 6<<20 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := c.Content(c.as(http.MethodGet, nil), part); !errors.Is(err, store.NotFound()) {
		t.Error(err)
	}
	c.forward(25 * time.Hour)
	c.expire()
	c.wantKeys(objectOf(final))
}
