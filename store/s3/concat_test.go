package s3_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3"
)

// parts makes finished parts of these sizes, and returns their bytes too.
func (c *caretaker) parts(sizes ...int) (parts []string, content []byte) {
	c.t.Helper()
	for _, size := range sizes {
		b := noise(size)
		parts = append(parts, c.part(b))
		content = append(content, b...)
	}
	return parts, content
}

// Where the parts allow it no byte of a final passes through the server.
func TestConcatCopies(t *testing.T) {
	c := newCaretaker(t, func(o *s3.Options) { o.Digest = "sha256" })
	parts, content := c.parts(5<<20, 9<<20, 20<<20, 0, 6<<20+1)
	var final string
	calls := c.countOf(func() {
		var err error
		final, err = c.concat(len(content), parts...)
		c.must(err)
	})
	if calls["UploadPartCopy"] != 4 || calls["UploadPart"] > 0 {
		t.Errorf("calls: %v", calls)
	}
	c.wantBytes(final, content)
	if sum := c.eventOf(final).Storage[store.KeyDigest]; sum != "" {
		t.Errorf("a digest of bytes that nobody has seen: %q", sum)
	}
	c.wantParts(final, parts)
	again, err := c.concat(len(content), parts...)
	if err != nil || again != final {
		t.Errorf("once more: %s, %v", again, err)
	}
}

// wantParts wants of a final's parts their records, and nothing else but the final.
func (c *caretaker) wantParts(final string, parts []string) {
	c.t.Helper()
	want := []string{objectOf(final), objectOf(final) + ".info"}
	for _, part := range parts {
		want = append(want, objectOf(part)+".info")
	}
	c.wantKeys(want...)
}

// Small parts among large ones are put together; the large ones lose as little as is
// needed.
func TestConcatMixed(t *testing.T) {
	c := newCaretaker(t)
	parts, content := c.parts(1<<20, 2, 9<<20, 17, 3<<20, 4<<20, 6<<20, 3)
	calls := c.countOf(func() {
		final, err := c.concat(len(content), parts...)
		c.must(err)
		c.wantBytes(final, content)
		c.wantParts(final, parts)
	})
	if calls["UploadPartCopy"] == 0 || calls["UploadPart"] == 0 {
		t.Errorf("calls: %v", calls)
	}
}

// Many small parts make a large final whose bytes all pass through here, so it has a
// digest.
func TestConcatSmallParts(t *testing.T) {
	c := newCaretaker(t, func(o *s3.Options) { o.Digest = "sha256" })
	sizes := make([]int, 30)
	for i := range sizes {
		sizes[i] = 400_000 + i
	}
	parts, content := c.parts(sizes...)
	final, err := c.concat(len(content), parts...)
	c.must(err)
	c.wantBytes(final, content)
	if sum := c.eventOf(final).Storage[store.KeyDigest]; sum != sumOf(content) {
		t.Errorf("the digest is %q", sum)
	}
	if used, _ := c.Spooled(); used > 64<<20 {
		t.Errorf("%d bytes are in temporary files", used)
	}
}

// A part that a crash left complete is finished when its final is made; it makes no event.
func TestConcatUnsealedPart(t *testing.T) {
	c := newCaretaker(t)
	a := c.begin(handler.FileInfo{Size: 3, IsPartial: true}, []byte("abc"))
	b := c.begin(handler.FileInfo{Size: 9 << 20, IsPartial: true}, noise(9<<20))
	open := c.begin(handler.FileInfo{Size: 5, IsPartial: true}, []byte("abc"))
	c.crash()
	if _, err := c.concat(8, a, open); !errors.Is(err, handler.ErrUploadNotFinished) {
		t.Errorf("with an open part: %v", err)
	}
	if _, err := c.concat(1+(9<<20), a, b); err == nil {
		t.Error("a wrong size was believed")
	}
	final, err := c.concat(3+(9<<20), a, b)
	c.must(err)
	c.wantBytes(final, append([]byte("abc"), noise(9<<20)...))
	if len(c.events) != 1 {
		t.Errorf("%d events", len(c.events))
	}
}

// Interrupt ends a concatenation: 503, and only the parts are left.
func TestConcatInterrupted(t *testing.T) {
	c := newCaretaker(t)
	parts, content := c.parts(9<<20, 6<<20)
	before := c.keys()
	c.Interrupt()
	_, err := c.concat(len(content), parts...)
	if !errors.Is(err, store.ShuttingDown()) {
		t.Error(err)
	}
	c.wantKeys(before...)
	c.crash()
	final, err := c.concat(len(content), parts...)
	c.must(err)
	c.wantBytes(final, content)
}

// A final whose event fails leaves nothing but its parts, with a multipart upload too.
func TestConcatFailing(t *testing.T) {
	c := newCaretaker(t)
	c.fail = func(string) error { return errors.New("no outbox") }
	parts, content := c.parts(9<<20, 6<<20)
	for range 2 {
		if _, err := c.concat(len(content), parts...); !errors.Is(err, store.Unfinished()) {
			t.Error(err)
		}
	}
	if got := c.keys(); slices.ContainsFunc(got, func(key string) bool { return !strings.Contains(key, "p") || strings.HasSuffix(key, "?") }) {
		t.Errorf("left: %q", got)
	}
	c.fail = nil
	final, err := c.concat(len(content), parts...)
	c.must(err)
	c.wantBytes(final, content)
	c.wantParts(final, parts)
}

// The finals of a part in two lists: the one that is finished first has it.
func TestConcatSharedPart(t *testing.T) {
	c := newCaretaker(t)
	parts, _ := c.parts(9<<20, 6<<20, 7<<20)
	_, err := c.concat(15<<20, parts[0], parts[1])
	c.must(err)
	_, err = c.concat(13<<20, parts[1], parts[2])
	if answer, ok := errors.AsType[handler.Error](err); !ok || answer.HTTPResponse.StatusCode != http.StatusBadRequest {
		t.Error(err)
	}
	if n, err := c.offset(parts[2]); n != 7<<20 || err != nil {
		t.Errorf("the part that is left: %d, %v", n, err)
	}
}

// A request that has died leaves the final as it is.
func TestConcatWithoutClient(t *testing.T) {
	c := newCaretaker(t)
	parts, content := c.parts(9<<20, 6<<20)
	ctx, leave := context.WithCancel(c.as(http.MethodPost, nil))
	u, err := c.NewUpload(ctx, handler.FileInfo{IsFinal: true, Size: int64(len(content)), PartialUploads: parts})
	c.must(err)
	leave()
	c.must(c.AsConcatableUpload(u).ConcatUploads(ctx, nil))
	info, err := u.GetInfo(ctx)
	c.must(err)
	if info.Offset != info.Size {
		t.Errorf("offset %d of %d", info.Offset, info.Size)
	}
	c.wantBytes(info.ID, content)
}
