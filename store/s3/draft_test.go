package s3_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
)

// sumOf is what a record says of these bytes.
func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// drafts makes drafts with these contents.
func (c *caretaker) drafts(contents ...[]byte) []store.Draft {
	c.t.Helper()
	var drafts []store.Draft
	for _, content := range contents {
		d, err := c.NewDraft(c.t.Context())
		c.must(err)
		for b := range bytesOf(content, 700_000) {
			c.must(d.Append(c.t.Context(), b))
		}
		if d.Size() != int64(len(content)) {
			c.t.Errorf("the draft has %d bytes, not %d", d.Size(), len(content))
		}
		d.Rest()
		drafts = append(drafts, d)
	}
	return drafts
}

// bytesOf gives b in pieces.
func bytesOf(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 && yield(b[:min(n, len(b))]) {
			b = b[min(n, len(b)):]
		}
	}
}

func (c *caretaker) finishDrafts(drafts []store.Draft) []store.Finished {
	c.t.Helper()
	return c.FinishDrafts(c.as(http.MethodPost, nil), drafts, make([]handler.MetaData, len(drafts)))
}

func TestDrafts(t *testing.T) {
	c := newCaretaker(t, func(o *s3.Options) { o.Digest = "sha256" })
	contents := [][]byte{[]byte("one"), nil, noise(8 << 20), noise(20<<20 + 3)}
	drafts := c.drafts(contents...)
	metadata := []handler.MetaData{{"a": "1"}, nil, {"b": "2"}, {"c": strings.Repeat("long", 1000)}}
	for i, done := range c.FinishDrafts(c.as(http.MethodPost, nil), drafts, metadata) {
		info := done.Info
		if done.Err != nil || info.ID != drafts[i].ID() || info.Storage[store.KeyDigest] != sumOf(contents[i]) || info.Offset != info.Size || info.Size != int64(len(contents[i])) {
			t.Errorf("%+v", done)
		}
		if event := c.eventOf(info.ID); event.Storage[store.KeyDigest] != sumOf(contents[i]) {
			t.Errorf("the event says %+v", event)
		}
	}
	for i, info := range c.events {
		if info.ID != drafts[i].ID() {
			t.Errorf("event %d is of another", i)
		}
	}
	c.crash()
	for i, content := range contents {
		c.wantBytes(drafts[i].ID(), content)
		u, err := c.GetUpload(c.as(http.MethodHead, nil), drafts[i].ID())
		c.must(err)
		if info, _ := u.GetInfo(t.Context()); fmt.Sprint(info.MetaData) != fmt.Sprint(metadata[i]) || info.SizeIsDeferred {
			t.Errorf("%+v", info)
		}
	}
	// A large one has a record of its own, which the object can't carry.
	if got := c.keys(); len(got) != 5 {
		t.Errorf("%q", got)
	}
}

// Nobody can reach a draft, and nothing is left of one that is abandoned.
func TestDraftsAreNoUploads(t *testing.T) {
	c := newCaretaker(t)
	drafts := c.drafts([]byte("text"), noise(20<<20))
	for _, d := range drafts {
		for _, method := range []string{"HEAD", "PATCH", "GET", "DELETE"} {
			if _, err := c.GetUpload(c.as(method, nil), d.ID()); !errors.Is(err, store.NotFound()) {
				t.Errorf("%s: %v", method, err)
			}
		}
	}
	if n := c.sweep(); n.Finished+n.Removed+n.Unusable != 0 {
		t.Errorf("%+v", n)
	}
	c.forward(time.Minute)
	c.expire()
	for _, d := range drafts {
		c.must(d.Abandon())
		if unlock, ok := c.locks.TryLock(d.ID()); !ok {
			t.Error("it is still locked")
		} else {
			unlock()
		}
	}
	c.wantKeys()
}

// An event that can't be made safe costs its own file and those after it; those before
// have theirs.
func TestDraftsWhoseEventsFail(t *testing.T) {
	for failing := range 3 {
		t.Run(fmt.Sprint(failing), func(t *testing.T) {
			c := newCaretaker(t)
			contents := [][]byte{noise(9 << 20), []byte("two"), noise(10 << 20)}
			drafts := c.drafts(contents...)
			c.fail = func(id string) error {
				if id == drafts[failing].ID() {
					return errors.New("no outbox")
				}
				return nil
			}
			for i, done := range c.finishDrafts(drafts) {
				if i < failing {
					if done.Err != nil {
						t.Errorf("file %d: %+v", i, done)
					}
					c.wantBytes(drafts[i].ID(), contents[i])
					continue
				}
				if !errors.Is(done.Err, store.Unfinished()) || done.Unsure || done.Info.ID != drafts[i].ID() {
					t.Errorf("file %d: %+v", i, done)
				}
				if _, err := c.offset(drafts[i].ID()); !errors.Is(err, store.NotFound()) {
					t.Errorf("file %d: %v", i, err)
				}
			}
			if len(c.events) != failing {
				t.Errorf("%d events", len(c.events))
			}
			for _, key := range c.keys() {
				if strings.HasSuffix(key, "?") || strings.HasSuffix(key, ".part") {
					t.Errorf("left: %s", key)
				}
			}
		})
	}
}

// A panic in the outbox costs the files that have no event yet.
func TestDraftsWhoseEventPanics(t *testing.T) {
	c := newCaretaker(t)
	drafts := c.drafts([]byte("one"), []byte("two"))
	c.fail = func(id string) error {
		if id == drafts[1].ID() {
			panic("broken")
		}
		return nil
	}
	done := c.finishDrafts(drafts)
	if done[0].Err != nil || !errors.Is(done[1].Err, store.Unfinished()) {
		t.Errorf("%+v", done)
	}
	c.wantBytes(drafts[0].ID(), []byte("one"))
	c.wantKeys(objectOf(drafts[0].ID()))
}

// Drafts that rest give their room up to others: as a tail that no request can see.
func TestDraftsInACrowd(t *testing.T) {
	c := newCaretaker(t, func(o *s3.Options) { o.SpoolSize = 24 << 20 })
	var contents [][]byte
	for i := range 12 {
		contents = append(contents, noise(5<<20+i))
	}
	drafts := c.drafts(contents...)
	for _, d := range drafts {
		if _, err := c.offset(d.ID()); !errors.Is(err, store.NotFound()) {
			t.Error(err)
		}
	}
	c.sweep()
	for i, done := range c.finishDrafts(drafts) {
		if done.Err != nil {
			t.Error(done.Err)
		}
		c.wantBytes(drafts[i].ID(), contents[i])
	}
	for _, key := range c.keys() {
		if strings.Contains(key, ".") {
			t.Errorf("left: %s", key)
		}
	}
}
