package s3

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/s3/bucket"
)

// found is what a first look at an upload finds: its record and its object.
type found struct {
	info      handler.FileInfo
	record    bucket.Object // of the record; no ETag: there is none of its own
	object    bucket.Object
	sealed    bool  // the object is there
	recordErr error // why the record could not be used, if the object is there
}

// look reads an upload's record and looks for its object, at the same time.
func (s *Store) look(ctx context.Context, id string) (f found, err error) {
	object, _ := splitID(id)
	var headErr error
	var both sync.WaitGroup
	both.Go(func() { f.object, headErr = s.opts.Bucket.Head(ctx, object) })
	f.info, f.record, f.recordErr = s.readRecord(ctx, id)
	both.Wait()
	switch {
	case headErr == nil:
		f.sealed = true
		return s.lookSealed(id, f)
	case !errors.Is(headErr, bucket.ErrNotFound):
		return f, fmt.Errorf("look for the object: %w", headErr)
	case errors.Is(f.recordErr, bucket.ErrNotFound):
		return f, fmt.Errorf("%w: %w", f.recordErr, store.NotFound())
	case f.recordErr != nil:
		return f, f.recordErr
	}
	return f, s.sameID(id, f)
}

// lookSealed is look for an upload whose object is there. The record may be in the
// object.
func (s *Store) lookSealed(id string, f found) (found, error) {
	if f.recordErr != nil {
		carried, ok := carriedRecord(id, f.object)
		switch {
		case ok:
			f.info, f.record.ETag = carried, ""
		case errors.Is(f.recordErr, bucket.ErrNotFound):
			return f, fmt.Errorf("an object without a record: %w", store.NotFound())
		default:
			return f, f.recordErr
		}
	}
	if f.info.SizeIsDeferred || f.info.Size != f.object.Size {
		return f, fmt.Errorf("%w: the object has %d bytes, its record promises %d", errDamaged, f.object.Size, f.info.Size)
	}
	return f, s.sameID(id, f)
}

// sameID: each upload has one id only, since that is what is locked.
func (s *Store) sameID(id string, f found) error {
	if f.info.ID != id {
		return fmt.Errorf("the upload's id is %q: %w", f.info.ID, store.NotFound())
	}
	return nil
}

// load finds out what the bucket has of an upload.
func (s *Store) load(ctx context.Context, id string) (*state, error) {
	f, err := s.look(ctx, id)
	if err != nil {
		return nil, err
	}
	st := s.newState(f.info)
	st.announced = true
	st.etag, st.last = f.record.ETag, f.record.Modified
	if f.sealed {
		s.unsettled.settle(id, true)
		st.sealed, st.last = true, f.object.Modified
		if at, err := time.Parse(time.RFC3339Nano, f.info.Storage[keyFinished]); err == nil {
			st.last = at
		}
		return st, nil
	}
	if consumed(f.info) {
		return st, s.loadConsumed(ctx, st)
	}
	const looks = 3 // a list of parts may be older than the tail
	for n := 1; ; n++ {
		err := s.loadBytes(ctx, st)
		if errors.Is(err, bucket.ErrNoMultipart) {
			return s.loadLost(ctx, st, err)
		}
		if err != nil {
			return nil, err
		}
		if st.tail.start <= st.stored || st.tail.etag == "" {
			break
		}
		if n == looks {
			return nil, fmt.Errorf("the parts end at %d, and the tail begins at %d: %w", st.stored, st.tail.start, bucket.ErrAway)
		}
	}
	st.start, st.grown = st.stored, st.committed()
	if size := st.size(); size >= 0 && st.committed() > size {
		return nil, fmt.Errorf("%w: there are %d bytes, the record allows %d", errDamaged, st.committed(), size)
	}
	st.digest = st.savedDigest()
	return st, nil
}

// loadBytes reads the parts and looks at the tail.
func (s *Store) loadBytes(ctx context.Context, st *state) error {
	object, _ := splitID(st.id)
	var partsErr error
	var parts []bucket.Part
	var both sync.WaitGroup
	if multipart := multipartOf(st.info); multipart != "" {
		both.Go(func() { parts, partsErr = s.opts.Bucket.Parts(ctx, object, multipart) })
	}
	t, o, err := s.readTail(ctx, object)
	both.Wait()
	if err != nil || partsErr != nil {
		return errors.Join(partsErr, err)
	}
	st.sent = len(parts) > 0
	st.parts, st.stored = st.grid.contiguous(parts, st.size())
	for _, p := range st.parts {
		if p.Modified.After(st.last) {
			st.last = p.Modified
		}
	}
	if t.start < 0 { // tusd's
		t.start = st.stored
	}
	st.tail = t
	if o.Modified.After(st.last) {
		st.last = o.Modified
	}
	return nil
}

// loadLost is for an upload whose multipart upload is not to be seen. While it becomes an
// object, some endpoints show neither; so "no such upload" alone says nothing.
func (s *Store) loadLost(ctx context.Context, st *state, cause error) (*state, error) {
	intent, waits, err := s.opts.Intents.Pending(ctx, st.id)
	if err != nil {
		return nil, fmt.Errorf("ask whether a finish is on its way: %w", err)
	}
	object, _ := splitID(st.id)
	o, err := s.opts.Bucket.Head(ctx, object)
	switch {
	case err == nil && o.Size == st.info.Size:
		st.sealed, st.last = true, o.Modified
		s.unsettled.settle(st.id, true)
		return st, nil
	case err != nil && !errors.Is(err, bucket.ErrNotFound):
		return nil, fmt.Errorf("look for the object: %w", err)
	case waits && s.opts.Now().Sub(intent.Written) < s.opts.Grace, s.beingMade(st.info):
		return nil, fmt.Errorf("%w; its finish may be on its way: %w", cause, store.Unfinished())
	}
	s.opts.Log.Warn("an upload's parts are gone; a lifecycle rule of the bucket may have removed them", "upload", st.id, "error", cause)
	return nil, fmt.Errorf("%w: %w", cause, store.Gone())
}

// beingMade reports whether the object of a part, which has no intent, may be on its way.
func (s *Store) beingMade(info handler.FileInfo) bool {
	at, err := time.Parse(time.RFC3339Nano, info.Storage[keyFinishing])
	return err == nil && s.opts.Now().Sub(at) < s.opts.Grace
}

// consumed reports whether this is a part whose bytes a final has taken over.
func consumed(info handler.FileInfo) bool {
	return info.IsPartial && info.Storage[keyFinal] != ""
}

// loadConsumed opens a part whose bytes a final has taken over: it is complete as long as
// that final exists.
func (s *Store) loadConsumed(ctx context.Context, st *state) error {
	exists, err := s.exists(ctx, st.info.Storage[keyFinal])
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("the final upload that had this part's bytes is not there: %w", store.Gone())
	}
	st.sealed = true
	return nil
}

// exists reports whether the object of an upload is there.
func (s *Store) exists(ctx context.Context, id string) (bool, error) {
	object, _ := splitID(id)
	_, err := s.opts.Bucket.Head(ctx, object)
	if errors.Is(err, bucket.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the object of %s: %w", id, err)
	}
	return true, nil
}
