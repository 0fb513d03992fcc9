package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/memorylock"
)

func (s *suite) withParts(o Options) Options {
	if o.Finish == nil {
		o.Finish = s.events.finish
	}
	if o.Accounts == nil {
		o.Accounts = s.accounts
	}
	if o.Locker == nil {
		o.Locker = memorylock.New()
	}
	return o
}

// What follows are the requests that tusd's handler makes of a store, step by
// step as it does.

// context returns the context of a request, as the server sets it.
func (s *suite) context(method string, body *Body) context.Context {
	r := &store.Request{Method: method, Offset: -1, IDPrefix: s.prefix}
	if body != nil {
		body.Creates = method == http.MethodPost
		r.Body = body
	}
	return store.WithRequest(s.Context(), r)
}

// lock takes the lock of id for a request, as tusd does.
func (s *suite) lock(ctx context.Context, id string) (unlock func(), err error) {
	s.Helper()
	l, err := s.opts.Locker.NewLock(id)
	s.must(err)
	if err := s.checked(l.Lock(ctx, func() { s.Error("tusd's requestUnlock was called") })); err != nil {
		return nil, err
	}
	return func() {
		if err := l.Unlock(); err != nil {
			s.Errorf("unlock: %v", err)
		}
	}, nil
}

// post creates an upload, with a body if it isn't nil. It returns the id and
// the offset reached.
func (s *suite) post(info handler.FileInfo, body *Body) (id string, offset int64, err error) {
	s.Helper()
	ctx := s.context(http.MethodPost, body)
	u, err := s.store.NewUpload(ctx, info)
	if s.checked(err) != nil {
		return "", 0, err
	}
	info, err = u.GetInfo(ctx)
	s.must(err)
	if body != nil {
		unlock, err := s.lock(ctx, info.ID)
		if err != nil {
			return info.ID, 0, err
		}
		defer unlock()
		n, err := s.write(ctx, u, 0, body)
		return info.ID, n, err
	}
	if !info.SizeIsDeferred && info.Size == 0 {
		return info.ID, 0, s.checked(u.FinishUpload(ctx))
	}
	return info.ID, 0, nil
}

// create creates an upload of size bytes, which must work.
func (s *suite) create(size int) string {
	s.Helper()
	id, _, err := s.post(handler.FileInfo{Size: int64(size)}, nil)
	s.must(err)
	return id
}

// patch sends body at offset and returns the offset reached.
func (s *suite) patch(id string, offset int64, body *Body) (int64, error) {
	s.Helper()
	return s.patchWith(s.context(http.MethodPatch, body), id, offset, body)
}

func (s *suite) patchWith(ctx context.Context, id string, offset int64, body *Body) (int64, error) {
	s.Helper()
	unlock, err := s.lock(ctx, id)
	if err != nil {
		return 0, err
	}
	defer unlock()
	u, err := s.store.GetUpload(ctx, id)
	if s.checked(err) != nil {
		return 0, err
	}
	info, err := u.GetInfo(ctx)
	s.must(err)
	switch {
	case info.IsFinal:
		return 0, handler.ErrModifyFinal
	case info.Offset != offset:
		return 0, handler.ErrMismatchOffset
	case !info.SizeIsDeferred && info.Offset == info.Size:
		return offset, nil
	}
	return s.write(ctx, u, offset, body)
}

// write writes a body and finishes the upload if its last byte is said to be
// there, whatever the error: that is tusd's habit.
func (s *suite) write(ctx context.Context, u handler.Upload, offset int64, body *Body) (int64, error) {
	s.Helper()
	info, err := u.GetInfo(ctx)
	s.must(err)
	n, err := s.chunk(ctx, u, offset, body)
	if missing := info.Size - offset; err != nil && !info.SizeIsDeferred && missing > 0 && n >= missing {
		s.Errorf("after an error the store says that all %d bytes are there; tusd would finish the upload", n)
	}
	if !info.SizeIsDeferred && offset+n == info.Size {
		if err2 := s.checked(u.FinishUpload(ctx)); err == nil {
			err = err2
		}
	}
	return offset + n, err
}

// chunk writes a body and doesn't finish: as a process that dies then.
func (s *suite) chunk(ctx context.Context, u handler.Upload, offset int64, body *Body) (int64, error) {
	s.Helper()
	info, err := u.GetInfo(ctx)
	s.must(err)
	room := int64(math.MaxInt64)
	if !info.SizeIsDeferred {
		room = info.Size - offset
	} else if s.opts.MaxSize > 0 {
		room = s.opts.MaxSize - offset
	}
	src := &hidingReader{src: http.MaxBytesReader(nil, body, room)}
	n, err := u.WriteChunk(ctx, offset, src)
	if s.checked(err) == nil {
		err = src.failure
	}
	return n, err
}

// head returns what a HEAD would say.
func (s *suite) head(id string) (handler.FileInfo, error) {
	s.Helper()
	ctx := s.context(http.MethodHead, nil)
	u, err := s.store.GetUpload(ctx, id)
	if s.checked(err) != nil {
		return handler.FileInfo{}, err
	}
	return u.GetInfo(ctx)
}

// wantOffset checks what a HEAD says.
func (s *suite) wantOffset(id string, want int) {
	s.Helper()
	if info, err := s.head(id); err != nil || info.Offset != int64(want) {
		s.Errorf("HEAD says offset %d, error %v; want %d", info.Offset, err, want)
	}
}

// get returns what a GET of a sealed upload would send.
func (s *suite) get(id string) ([]byte, error) {
	s.Helper()
	b, err := s.store.Content(s.context(http.MethodGet, nil), id)
	return b, s.checked(err)
}

// wantContent checks what a GET sends.
func (s *suite) wantContent(id string, want []byte) {
	s.Helper()
	if b, err := s.get(id); err != nil || !bytes.Equal(b, want) {
		s.Errorf("the upload has %d bytes (error %v), which are not the %d that were sent", len(b), err, len(want))
	}
}

// delete removes an upload.
func (s *suite) delete(id string) error {
	s.Helper()
	ctx := s.context(http.MethodDelete, nil)
	unlock, err := s.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	u, err := s.store.GetUpload(ctx, id)
	if s.checked(err) != nil {
		return err
	}
	return s.checked(s.store.AsTerminatableUpload(u).Terminate(ctx))
}

// concat makes the final upload of these parts.
func (s *suite) concat(parts ...string) (string, error) {
	s.Helper()
	ctx := s.context(http.MethodPost, nil)
	var uploads []handler.Upload
	var size int64
	for _, id := range parts {
		u, err := s.store.GetUpload(ctx, id)
		if s.checked(err) != nil {
			return "", err
		}
		info, err := u.GetInfo(ctx)
		s.must(err)
		if info.SizeIsDeferred || info.Offset != info.Size {
			return "", handler.ErrUploadNotFinished
		}
		size += info.Size
		uploads = append(uploads, u)
	}
	info := handler.FileInfo{IsFinal: true, Size: size, PartialUploads: parts, MetaData: handler.MetaData{"filename": "final"}}
	u, err := s.store.NewUpload(ctx, info)
	if s.checked(err) != nil {
		return "", err
	}
	info, err = u.GetInfo(ctx)
	s.must(err)
	return info.ID, s.checked(s.store.AsConcatableUpload(u).ConcatUploads(ctx, uploads))
}

// part creates a part of a concatenation and sends its bytes.
func (s *suite) part(b []byte) string {
	s.Helper()
	id, offset, err := s.post(handler.FileInfo{Size: int64(len(b)), IsPartial: true}, NewBody(b))
	if err != nil || offset != int64(len(b)) {
		s.Fatalf("upload of a part: offset %d, error %v", offset, err)
	}
	return id
}

// wantNames checks of which uploads anything is stored.
func (s *suite) wantNames(want ...string) {
	s.Helper()
	got := s.store.Names(s.T)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Errorf("something is stored of the uploads %q, want %q", got, want)
	}
}

// hidingReader is what tusd makes of a body: it hides errors from the store.
type hidingReader struct {
	src     io.Reader
	failure error
}

func (r *hidingReader) Read(p []byte) (int, error) {
	if r.failure != nil {
		return 0, io.EOF
	}
	n, err := r.src.Read(p)
	if err == io.EOF {
		return n, io.EOF
	}
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		err = handler.ErrSizeExceeded
	}
	r.failure = err
	return n, nil
}
