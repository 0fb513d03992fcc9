package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/memorylock"
)

// folder is a data folder with a store over it, and the events that it made.
type folder struct {
	*Store
	t   testing.TB
	dir string

	mu     sync.Mutex
	events []string // the ids, in order
	times  map[string]time.Time
	quick  map[string]bool // of these through the journal
}

func openFolder(t testing.TB, dir string, change ...func(*Options)) *folder {
	t.Helper()
	f := openUnclosed(t, dir, change...)
	t.Cleanup(func() {
		if err := f.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// openUnclosed is openFolder for tests that close the store themselves.
func openUnclosed(t testing.TB, dir string, change ...func(*Options)) *folder {
	t.Helper()
	f := &folder{t: t, dir: dir}
	options := f.options()
	for _, c := range change {
		c(&options)
	}
	s, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	f.Store = s
	return f
}

func (f *folder) options() Options {
	f.times, f.quick = map[string]time.Time{}, map[string]bool{}
	return Options{Dir: f.dir, Locker: memorylock.New(), Durable: true, Finish: func(_ context.Context, info handler.FileInfo, at time.Time, journaled bool) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.events = append(f.events, info.ID)
		f.times[info.ID], f.quick[info.ID] = at, journaled
		return nil
	}}
}

// beforeEvent makes each event wait for do, and fail as it does.
func beforeEvent(do func(id string) error) func(*Options) {
	return func(o *Options) {
		finish := o.Finish
		o.Finish = func(ctx context.Context, info handler.FileInfo, at time.Time, journaled bool) error {
			if err := do(info.ID); err != nil {
				return err
			}
			return finish(ctx, info, at, journaled)
		}
	}
}

// waitFor makes each event wait for a channel.
func waitFor(c <-chan struct{}) func(*Options) {
	return beforeEvent(func(string) error { <-c; return nil })
}

// complete returns an upload that a crash left with all its bytes, and no seal.
func (f *folder) complete(text string) string {
	f.t.Helper()
	id := f.upload(handler.FileInfo{Size: int64(len(text))}, "")
	f.put(id, text)
	return id
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, "uploads", name) }

func (f *folder) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func as(t testing.TB, method string) context.Context {
	return store.WithRequest(t.Context(), &store.Request{Method: method})
}

// send writes text at offset, and finishes the upload if that is its last byte.
func (f *folder) send(id string, offset int64, text string) error {
	ctx := as(f.t, http.MethodPatch)
	u, err := f.GetUpload(ctx, id)
	if err != nil {
		return err
	}
	n, err := u.WriteChunk(ctx, offset, strings.NewReader(text))
	info, _ := u.GetInfo(ctx) // never fails
	if err == nil && !info.SizeIsDeferred && offset+n == info.Size {
		return u.FinishUpload(ctx)
	}
	return err
}

// upload creates an upload and sends text, which may be less than the whole.
func (f *folder) upload(info handler.FileInfo, text string) string {
	f.t.Helper()
	ctx := as(f.t, http.MethodPost)
	u, err := f.NewUpload(ctx, info)
	f.must(err)
	info, err = u.GetInfo(ctx)
	f.must(err)
	if text != "" {
		f.must(f.send(info.ID, 0, text))
	}
	return info.ID
}

func (f *folder) part(text string) string {
	f.t.Helper()
	return f.upload(handler.FileInfo{Size: int64(len(text)), IsPartial: true}, text)
}

func (f *folder) concat(size int, parts ...string) (string, error) {
	ctx := as(f.t, http.MethodPost)
	u, err := f.NewUpload(ctx, handler.FileInfo{IsFinal: true, Size: int64(size), PartialUploads: parts})
	if err != nil {
		return "", err
	}
	info, _ := u.GetInfo(ctx) // never fails
	return info.ID, f.AsConcatableUpload(u).ConcatUploads(ctx, nil)
}

func (f *folder) head(id string) (handler.FileInfo, error) {
	ctx := as(f.t, http.MethodHead)
	u, err := f.GetUpload(ctx, id)
	if err != nil {
		return handler.FileInfo{}, err
	}
	return u.GetInfo(ctx)
}

func (f *folder) sweep() Swept {
	f.t.Helper()
	n, err := f.Sweep(f.t.Context())
	f.must(err)
	return n
}

func (f *folder) wantContent(id, want string) {
	f.t.Helper()
	content, err := f.Content(as(f.t, http.MethodGet), id)
	f.must(err)
	b, err := io.ReadAll(content.Body)
	f.must(errors.Join(err, content.Body.Close()))
	if string(b) != want {
		f.t.Errorf("upload %s has the bytes %q, want %q", id, b, want)
	}
}

func (f *folder) wantEvents(ids ...string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.Join(f.events, " ") != strings.Join(ids, " ") {
		f.t.Errorf("events of %q, want %q", f.events, ids)
	}
}

// wantFile checks a file's mode; 0: there is none.
func (f *folder) wantFile(name string, mode fs.FileMode) {
	f.t.Helper()
	stat, err := os.Lstat(f.path(name))
	switch {
	case mode == 0 && !errors.Is(err, fs.ErrNotExist):
		f.t.Errorf("%s is there (error %v)", name, err)
	case mode != 0 && err != nil:
		f.t.Error(err)
	case mode != 0 && stat.Mode() != mode:
		f.t.Errorf("%s has the mode %s, want %s", name, stat.Mode(), mode)
	}
}

func wantStatus(t testing.TB, err error, status int) {
	t.Helper()
	answer, ok := errors.AsType[handler.Error](err)
	if !ok || answer.HTTPResponse.StatusCode != status {
		t.Errorf("got error %v, want status %d", err, status)
	}
}
