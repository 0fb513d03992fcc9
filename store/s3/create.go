package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3/bucket"
)

// NewUpload creates an upload. Nothing is left of one that could not be created.
//
// Where the request brings bytes too, which may be the whole of a small upload, or where
// it has none, nothing is written yet: if all is there, its object is all that there will
// be; if not, the record is written with the bytes. Errors: 400, 404, 409, 503, 5xx.
func (s *Store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	if info.IsFinal {
		u, err := s.newFinal(context.WithoutCancel(ctx), info)
		if err != nil {
			return nil, s.answer(ctx, err)
		}
		return u, nil
	}
	lazily := store.RequestFrom(ctx).Body != nil || !info.SizeIsDeferred && info.Size == 0
	st, err := s.create(context.WithoutCancel(ctx), info, lazily)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return st.opened(), nil
}

// create makes a new upload; lazily: it may write nothing.
func (s *Store) create(ctx context.Context, info handler.FileInfo, lazily bool) (*state, error) {
	given := info.ID != ""
	if !given {
		info.ID = newObject(ctx, s.opts.Now(), info.IsPartial) + "+" + noMultipart
	}
	if !validID(info.ID) {
		return nil, fmt.Errorf("create %q: %w", info.ID, handler.NewError("ERR_INVALID_ID", "the id is not a valid one", 400))
	}
	object, _ := splitID(info.ID)
	info = s.placed(ctx, info, object)
	if given {
		if err := s.absent(ctx, object); err != nil {
			return nil, err
		}
	}
	size := info.Size
	if info.SizeIsDeferred {
		size = -1
	}
	g := s.newGrid(size)
	if g.size > s.opts.SpoolSize {
		return nil, fmt.Errorf("parts of %d bytes don't fit into the spool: %w", g.size, handler.ErrMaxSizeExceeded)
	}
	info.Storage[keyParts] = g.String()
	what := unsealed(info, 0)
	if err := s.opts.Accounts.Grow(changeOf(info, store.Occupied{}, what)); err != nil {
		return nil, fmt.Errorf("count the upload: %w", err)
	}
	st, err := s.createCounted(ctx, info, g, given, lazily)
	if err != nil {
		s.counted(info, what, store.Occupied{})
	}
	return st, err
}

// createCounted is create for an upload that there is room for; given says that its id was.
func (s *Store) createCounted(ctx context.Context, info handler.FileInfo, g grid, given, lazily bool) (*state, error) {
	object, _ := splitID(info.ID)
	if !info.SizeIsDeferred && info.Size > g.size {
		multipart, err := s.opts.Bucket.CreateMultipart(ctx, object, nil, "application/octet-stream")
		if err != nil {
			return nil, fmt.Errorf("begin a multipart upload: %w", err)
		}
		// With the multipart upload in its id, as tusd does it, tusd can go on with it.
		if id := object + "+" + multipart; !given && validID(id) {
			info.ID = id
		} else {
			info.Storage[keyMultipart] = multipart
		}
	}
	st := s.newState(info)
	st.digest = st.savedDigest()
	if lazily && !given && st.small() {
		return st, nil
	}
	if err := st.createRecord(ctx); err != nil {
		if multipart := multipartOf(info); multipart != "" {
			err = errors.Join(err, s.opts.Bucket.Abort(ctx, object, multipart))
		}
		return nil, err
	}
	// The next request needs no call to find out.
	s.states.put(s.states.add(st), true)
	return st, nil
}

// placed returns a new upload's record with what says where its bytes will be.
func (s *Store) placed(ctx context.Context, info handler.FileInfo, object string) handler.FileInfo {
	info = store.Begin(ctx, info, timestamp(s.opts.Now()))
	info.Storage[keyType], info.Storage[keyBucket], info.Storage[keyKey] = storeType, s.opts.BucketName, s.opts.Prefix+object
	return info
}

// absent says 409 if there is an upload of this object. A record that comes meanwhile
// createRecord doesn't overwrite.
func (s *Store) absent(ctx context.Context, object string) error {
	exists, err := s.exists(ctx, object)
	if err == nil && !exists {
		_, _, missing := s.readRecord(ctx, object)
		exists = !isMissing(missing)
	}
	if err == nil && exists {
		err = fmt.Errorf("create the upload: %w", store.Exists())
	}
	return err
}

// createRecord writes the record of an upload that has none. It fails if there is one.
func (st *state) createRecord(ctx context.Context) error {
	if err := st.current(); err != nil {
		return err
	}
	st.touched = true
	etag, err := st.store.writeRecord(ctx, st.info, bucket.Absent)
	if errors.Is(err, bucket.ErrConflict) {
		return fmt.Errorf("%w: %w", err, store.Exists())
	}
	if err != nil {
		return err
	}
	st.etag, st.last = etag, time.Now()
	return nil
}

// replaceRecord replaces the record whole. The caller has mu.
func (st *state) replaceRecord(ctx context.Context, info handler.FileInfo) error {
	if err := st.current(); err != nil {
		return err
	}
	st.touched = true
	etag, err := st.store.writeRecord(ctx, info, expecting(st.etag))
	if errors.Is(err, bucket.ErrConflict) {
		st.store.states.forget(st)
	}
	if err != nil {
		return err
	}
	st.info, st.etag = info, etag
	return nil
}

// missing makes the answer to an object that isn't there.
func missing(err error) error {
	if isMissing(err) {
		return fmt.Errorf("%w: %w", err, store.NotFound())
	}
	return err
}

func isMissing(err error) bool { return errors.Is(err, bucket.ErrNotFound) }
