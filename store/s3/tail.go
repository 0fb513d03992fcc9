package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"plateau/store"
	"plateau/store/lifecycle"
	"plateau/store/s3/bucket"
	"plateau/store/s3/spool"
)

// The metadata of a tail: where it begins, and the state of the digest at its end. A
// tail that tusd wrote has none, and goes on where the parts end.
const (
	metaStart  = "plateau-start"
	metaDigest = "plateau-digest"
	metaNonce  = "plateau-nonce" // a name for this very write
)

// fetchBlock is how much of a tail is read at a time.
const fetchBlock = 32 << 10

// statePlace is where states of digests hold: what is in the bucket doesn't change.
const statePlace = "s3"

// flush commits the bytes that wait here: it writes them as the tail, whole, over the
// one that was there. It does nothing while parts are being sent, behind which a tail
// would stand in the air. The caller has mu.
func (st *state) flush(ctx context.Context, held func() error) error {
	if st.file == nil || !st.steady() || st.committed() == st.received() {
		return nil
	}
	t := tail{start: st.start, size: st.file.Size(), digest: st.digestState()}
	return st.writeTail(ctx, held, st.file, t, st.file.CRC32C())
}

// steady reports whether what waits here goes on where the parts in the bucket end.
func (st *state) steady() bool {
	return st.flying == 0 && st.failed == nil && st.start == st.stored
}

// writeTail writes a tail over the one that was there. The caller has mu.
func (st *state) writeTail(ctx context.Context, held func() error, body io.ReaderAt, t tail, crc uint32) error {
	if err := held(); err != nil {
		return err
	}
	if st.etag == "" && !st.draft {
		if err := st.createRecord(ctx); err != nil {
			return err
		}
	}
	if err := st.current(); err != nil {
		return err
	}
	st.touched = true
	object, _ := splitID(st.id)
	nonce := rand.Text()
	content := bucket.Content{Body: body, Size: t.size, CRC32C: crc, ContentType: "application/octet-stream", Metadata: map[string]string{metaStart: formatOffset(t.start), metaNonce: nonce}}
	if t.digest != "" {
		content.Metadata[metaDigest] = t.digest
	}
	o, err := st.store.opts.Bucket.Put(ctx, tailKey(object), content, expecting(st.tail.etag))
	if errors.Is(err, bucket.ErrConflict) && st.tail.tried != "" {
		var there bucket.Object
		if there, err = st.store.opts.Bucket.Head(ctx, tailKey(object)); err == nil {
			err = bucket.ErrConflict
			if there.Metadata[metaNonce] == st.tail.tried { // the try before this one succeeded
				o, err = st.store.opts.Bucket.Put(ctx, tailKey(object), content, expecting(there.ETag))
			}
		}
	}
	switch {
	case errors.Is(err, bucket.ErrConflict), isMissing(err):
		st.store.states.forget(st)
		st.drop()
		return fmt.Errorf("write the tail: somebody else did: %w: %w", err, store.Locked())
	case err != nil:
		st.tail.tried = nonce
		return fmt.Errorf("write the tail: %w", err)
	}
	t.etag = o.ETag
	st.tail, st.last = t, time.Now()
	return nil
}

func expecting(etag string) bucket.Condition {
	if etag == "" {
		return bucket.Absent
	}
	return bucket.Match(etag)
}

// emptyTail empties a tail whose bytes a part has: tusd would take them for bytes behind
// that part. It isn't removed, since a removal that was given up may be carried out late,
// when other bytes lie there. The caller has mu.
func (st *state) emptyTail(ctx context.Context, held func() error) error {
	if st.tail.etag == "" && st.tail.tried == "" || st.tail.covers(st.stored) || !st.steady() {
		return nil
	}
	return st.writeTail(ctx, held, emptyBody{}, tail{start: st.stored, digest: st.digestState()}, 0)
}

// current returns an error if this state was forgotten: what it knows may not be so any
// more, and nothing may be written by it.
func (st *state) current() error {
	if st.removed || st.store.states.isOutdated(st) {
		return fmt.Errorf("the upload was changed elsewhere: %w", store.Locked())
	}
	return nil
}

// take makes a place for the next bytes: an empty file, or one with the bytes of the
// tail. The caller has mu.
func (st *state) take(ctx context.Context) error {
	if st.file != nil {
		return nil
	}
	expected := int64(-1)
	if size := st.size(); size >= 0 {
		expected = min(size, st.partEnd()) - st.start
	}
	file := st.store.spool.Take(expected, st.evict)
	if st.tail.covers(st.start) && st.tail.size > 0 {
		if err := st.fetchTail(ctx, file); err != nil {
			file.Release()
			return err
		}
	}
	st.file = file
	return nil
}

// fetchTail appends the tail's bytes to a file.
func (st *state) fetchTail(ctx context.Context, file *spool.File) error {
	if err := file.Reserve(ctx, st.tail.size+1); err != nil {
		return fmt.Errorf("make room for the tail: %w", err)
	}
	object, _ := splitID(st.id)
	r, o, err := st.store.opts.Bucket.Open(ctx, tailKey(object), 0, st.tail.size)
	if err != nil {
		return fmt.Errorf("fetch the tail: %w", err)
	}
	defer r.Close()
	if o.ETag != st.tail.etag {
		st.store.states.forget(st)
		return fmt.Errorf("fetch the tail: somebody else wrote it: %w", store.Locked())
	}
	if err := st.store.appendFrom(ctx, file, r, st.tail.size, nil); err != nil {
		return fmt.Errorf("fetch the tail: %w", err)
	}
	return nil
}

// appendFrom appends size bytes of an object to a file, and feeds them to a digest if
// there is one.
func (s *Store) appendFrom(ctx context.Context, file *spool.File, r io.Reader, size int64, digest *lifecycle.Digest) error {
	var block []byte // not of the pool of blocks: the caller may have one of these
	select {
	case block = <-s.fetched:
	default:
		block = make([]byte, fetchBlock)
	}
	defer func() {
		select {
		case s.fetched <- block:
		default:
		}
	}()
	for size > 0 {
		n, err := io.ReadFull(r, block[:min(int64(len(block)), size)])
		if err != nil {
			return fmt.Errorf("%w: %w", err, bucket.ErrAway)
		}
		if err := file.Write(ctx, block[:n]); err != nil {
			return fmt.Errorf("keep the bytes: %w", err)
		}
		if digest != nil {
			digest.Feed(block[:n])
		}
		size -= int64(n)
	}
	return nil
}

// evict is called by the spool when others need the room: the bytes are committed as a
// tail, and leave. While a request uses them it does nothing.
func (st *state) evict() {
	if !st.mu.TryLock() {
		return
	}
	defer st.mu.Unlock()
	switch {
	case st.file == nil, st.flying > 0, st.finishing:
		return
	case st.failed != nil, st.current() != nil:
		// Its bytes can't be committed, and will come again. How it failed is for the
		// request to see.
		st.file.Release()
		st.file = nil
		return
	}
	if err := st.leave(context.Background()); err != nil {
		st.store.opts.Log.Debug("the bytes of an upload could not leave the spool", "upload", st.id, "error", err)
	}
}

// leave commits the bytes that wait here and lets go of their room. The caller has mu.
func (st *state) leave(ctx context.Context) error {
	if err := st.settle(); err != nil {
		return err
	}
	if st.file == nil {
		return nil
	}
	if err := st.flush(ctx, func() error { return nil }); err != nil {
		return err
	}
	if st.committed() != st.received() {
		return fmt.Errorf("the bytes that wait could not be committed: %w", store.Failed())
	}
	st.file.Release()
	st.file = nil
	return nil
}

// readTail looks what tail there is. One that tusd wrote doesn't say where it starts: -1.
func (s *Store) readTail(ctx context.Context, object string) (tail, bucket.Object, error) {
	o, err := s.opts.Bucket.Head(ctx, tailKey(object))
	if errors.Is(err, bucket.ErrNotFound) {
		return tail{}, o, nil
	}
	if err != nil {
		return tail{}, o, fmt.Errorf("look at the tail: %w", err)
	}
	t := tail{start: -1, size: o.Size, etag: o.ETag, digest: o.Metadata[metaDigest]}
	if text := o.Metadata[metaStart]; text != "" {
		if t.start, err = strconv.ParseInt(text, 10, 64); err != nil {
			return t, o, fmt.Errorf("%w: the tail begins at %q", errDamaged, text)
		}
	}
	return t, o, nil
}
