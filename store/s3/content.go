package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"plateau/store"
)

// Content opens a sealed upload for a download. An upload that is complete but not sealed is
// finished first. Errors: 404 while it is receiving, for parts and when it doesn't exist,
// 410, 423, 5xx.
func (s *Store) Content(ctx context.Context, id string) (store.Content, error) {
	u, err := s.finished(ctx, id)
	if err != nil {
		return store.Content{}, s.answer(ctx, err)
	}
	return store.Content{Info: u.info, Modified: u.modified, Body: &objectReader{ctx: ctx, store: s, id: id, size: u.info.Size}}, nil
}

// Presign returns an address that gives the bytes of a sealed upload to whoever has it,
// for as long as it is valid, under the given headers. Its errors are Content's.
func (s *Store) Presign(ctx context.Context, id string, valid time.Duration, contentType, disposition string) (string, error) {
	if _, err := s.finished(ctx, id); err != nil {
		return "", s.answer(ctx, err)
	}
	object, _ := splitID(id)
	address, err := s.opts.Bucket.Presign(context.WithoutCancel(ctx), object, valid, contentType, disposition)
	if err != nil {
		return "", s.answer(ctx, fmt.Errorf("sign an address: %w", err))
	}
	return address, nil
}

// finished opens an upload that can be downloaded.
func (s *Store) finished(ctx context.Context, id string) (*upload, error) {
	u, err := s.open(context.WithoutCancel(ctx), id)
	if err != nil {
		return nil, err
	}
	if !u.complete() || u.info.IsPartial {
		return nil, fmt.Errorf("the upload is not a finished file: %w", store.NotFound())
	}
	return u, s.redrive(ctx, u)
}

// objectReader reads an object from wherever it was set to. It begins to read with the
// first byte that is wanted, and does nothing until then.
type objectReader struct {
	ctx    context.Context // of the request, whose end ends the reading
	store  *Store
	id     string
	size   int64
	offset int64
	open   io.ReadCloser // at offset; nil: not yet
}

// Read is part of io.Reader.
func (r *objectReader) Read(b []byte) (int, error) {
	if r.offset >= r.size {
		return 0, io.EOF
	}
	if r.open == nil {
		object, _ := splitID(r.id)
		body, _, err := r.store.opts.Bucket.Open(r.ctx, object, r.offset, r.size-r.offset)
		if err != nil {
			return 0, r.store.answer(r.ctx, missing(err))
		}
		r.open = body
	}
	n, err := r.open.Read(b)
	r.offset += int64(n)
	if errors.Is(err, io.EOF) && r.offset < r.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Seek is part of io.Seeker.
func (r *objectReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek to before the start")
	}
	if offset != r.offset {
		if err := r.Close(); err != nil {
			return 0, err
		}
	}
	r.offset = offset
	return offset, nil
}

// Close is part of io.Closer.
func (r *objectReader) Close() error {
	if r.open == nil {
		return nil
	}
	err := r.open.Close()
	r.open = nil
	return err
}
