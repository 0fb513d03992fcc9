package disk

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
)

// peer is tusd's own file store over a folder.
type peer struct {
	filestore.FileStore
	t *testing.T
}

func newPeer(t *testing.T, f *folder) *peer {
	return &peer{filestore.New(f.path(".")), t}
}

func (p *peer) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) upload(info handler.FileInfo, text string) string {
	p.t.Helper()
	u, err := p.NewUpload(p.t.Context(), info)
	p.must(err)
	_, err = u.WriteChunk(p.t.Context(), 0, strings.NewReader(text))
	p.must(err)
	info, err = u.GetInfo(p.t.Context())
	p.must(err)
	return info.ID
}

func (p *peer) concat(size int, parts ...string) string {
	p.t.Helper()
	u, err := p.NewUpload(p.t.Context(), handler.FileInfo{IsFinal: true, Size: int64(size), PartialUploads: parts})
	p.must(err)
	uploads := make([]handler.Upload, len(parts))
	for i, id := range parts {
		uploads[i], err = p.GetUpload(p.t.Context(), id)
		p.must(err)
	}
	p.must(p.AsConcatableUpload(u).ConcatUploads(p.t.Context(), uploads))
	info, err := u.GetInfo(p.t.Context())
	p.must(err)
	return info.ID
}

func (f *folder) record(id string) handler.FileInfo {
	f.t.Helper()
	text, err := os.ReadFile(f.path(id + ".info"))
	f.must(err)
	var info handler.FileInfo
	f.must(json.Unmarshal(text, &info))
	return info
}

func TestTakeOver(t *testing.T) {
	f := openFolder(t, t.TempDir())
	p := newPeer(t, f)
	metadata := handler.MetaData{"filename": "a"}
	half := p.upload(handler.FileInfo{Size: 6, MetaData: metadata}, "abc")
	deferred := p.upload(handler.FileInfo{SizeIsDeferred: true}, "abc")
	whole := p.upload(handler.FileInfo{Size: 3}, "abc")
	seen := p.upload(handler.FileInfo{Size: 3}, "xyz") // by a HEAD before the sweep

	if info, err := f.head(half); err != nil || info.Offset != 3 || info.Size != 6 || info.MetaData["filename"] != "a" {
		t.Fatalf("HEAD of what tusd has begun: %+v, error %v", info, err)
	}
	if store.Marked(f.record(half)) {
		t.Error("a HEAD marked the record")
	}
	if _, err := f.head(seen); err != nil {
		t.Error(err)
	}
	if n := f.sweep(); n.Finished != 1 || n.Adopted != 1 || n.Unusable != 0 {
		t.Errorf("the first sweep counts %+v", n)
	}
	f.wantEvents() // tusd has told of these
	f.wantContent(whole, "abc")
	f.wantContent(seen, "xyz")
	if stat, err := os.Stat(f.path(whole)); err != nil || stat.Mode()&writeBits != 0 {
		t.Errorf("what tusd finished is not sealed: %v, error %v", stat.Mode(), err)
	}
	if n := f.sweep(); n != (Swept{}) {
		t.Errorf("the second sweep counts %+v", n)
	}

	lost := as(t, http.MethodPatch)
	store.RequestFrom(lost).Hold(func() error { return store.Locked() })
	u, err := f.GetUpload(lost, half)
	f.must(err)
	_, err = u.WriteChunk(lost, 3, strings.NewReader("d"))
	wantStatus(t, err, http.StatusLocked)
	if store.Marked(f.record(half)) {
		t.Error("the record was marked without the lock")
	}
	f.must(f.send(half, 3, "d"))
	info := f.record(half)
	if !store.Marked(info) || info.Storage["Path"] == "" || info.Storage["Created"] != "" {
		t.Errorf("after the first write the record's Storage is %v", info.Storage)
	}
	f.must(f.send(half, 4, "ef"))
	f.wantContent(half, "abcdef")
	f.wantEvents(half)

	ctx := as(t, http.MethodPatch)
	u, err = f.GetUpload(ctx, deferred)
	f.must(err)
	f.must(f.AsLengthDeclarableUpload(u).DeclareLength(ctx, 3))
	if n := f.sweep(); n.Finished != 1 || n.Adopted != 0 {
		t.Errorf("the sweep of what we completed counts %+v", n)
	}
	f.wantEvents(half, deferred)
}

func TestHandBack(t *testing.T) {
	f := openFolder(t, t.TempDir())
	p := newPeer(t, f)
	ours := f.upload(handler.FileInfo{Size: 6, MetaData: handler.MetaData{"filename": "a"}}, "abc")
	theirs := p.upload(handler.FileInfo{Size: 6}, "a")
	f.must(f.send(theirs, 1, "bc"))
	for _, id := range []string{ours, theirs} {
		u, err := p.GetUpload(t.Context(), id)
		f.must(err)
		info, err := u.GetInfo(t.Context())
		f.must(err)
		if info.Offset != 3 || info.Size != 6 {
			t.Errorf("tusd reads our record as %+v", info)
		}
		_, err = u.WriteChunk(t.Context(), 3, strings.NewReader("def"))
		f.must(err)
		r, err := u.GetReader(t.Context())
		f.must(err)
		b, err := io.ReadAll(r)
		f.must(err)
		f.must(r.Close())
		if string(b) != "abcdef" {
			t.Errorf("tusd reads %q", b)
		}
	}
	// It comes back, and nobody has told of it yet: tusd's event is not ours.
	if n := f.sweep(); n.Finished != 2 || n.Adopted != 0 {
		t.Errorf("the sweep counts %+v", n)
	}
	f.wantContent(ours, "abcdef")
	f.wantContent(theirs, "abcdef")

	// tusd reads a length that we declared, and removes what we made.
	deferred := f.upload(handler.FileInfo{SizeIsDeferred: true}, "abc")
	ctx := as(t, http.MethodPatch)
	u, err := f.GetUpload(ctx, deferred)
	f.must(err)
	f.must(f.AsLengthDeclarableUpload(u).DeclareLength(ctx, 7))
	v, err := p.GetUpload(t.Context(), deferred)
	f.must(err)
	if info, err := v.GetInfo(t.Context()); err != nil || info.Size != 7 || info.SizeIsDeferred {
		t.Errorf("tusd reads the declared length as %+v, error %v", info, err)
	}
	f.must(p.AsTerminatableUpload(v).Terminate(t.Context()))
	_, err = f.head(deferred)
	wantStatus(t, err, 404)
}

// tusd concatenates whole uploads too, and the same part more than once. None
// of that may cost anybody their bytes.
func TestTakeOverFinals(t *testing.T) {
	f := openFolder(t, t.TempDir())
	p := newPeer(t, f)
	a := p.upload(handler.FileInfo{Size: 1}, "a")
	b := p.upload(handler.FileInfo{Size: 1, IsPartial: true}, "b")
	ab, bb := p.concat(2, a, b), p.concat(2, b, b)
	f.sweep()
	f.sweep()
	f.wantContent(ab, "ab")
	f.wantContent(bb, "bb")
	f.wantContent(a, "a")
	if info, err := f.head(b); err != nil || info.Offset != 1 {
		t.Errorf("HEAD of a part of tusd's: %+v, error %v", info, err)
	}
	f.wantEvents()
}
