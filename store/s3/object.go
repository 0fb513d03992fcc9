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

// finish takes an upload from complete to sealed, or says why not: its last part is
// stored, then its event is made safe, then its object is made. Each step may be
// repeated. The caller has mu.
func (s *Store) finish(ctx context.Context, st *state) error {
	switch {
	case st.sealed:
		return nil
	case st.removed:
		return fmt.Errorf("finish an upload that was removed: %w", store.NotFound())
	}
	if err := st.settle(); err != nil {
		return unfinished("store the parts", err)
	}
	if !st.complete() {
		return fmt.Errorf("finish an upload of which %d of %d bytes are there: %w", st.received(), st.info.Size, store.Locked())
	}
	held := store.RequestFrom(ctx).Held
	if err := held(); err != nil {
		return err
	}
	was := unsealed(st.info, 0)
	s.counted(st.info, was, was)
	if err := st.storeLast(ctx); err != nil {
		return unfinished("store the last part", err)
	}
	info, err := st.finalRecord(ctx)
	if err != nil {
		return unfinished("write the record", err)
	}
	var parts []handler.FileInfo // whose bytes a final has
	announced := st.announced
	st.announced = st.announced || !info.IsPartial
	err = st.unlocked(func() (err error) {
		if info.IsFinal {
			if parts, err = s.markParts(ctx, info); err != nil {
				return unfinished("mark the parts", err)
			}
		}
		return s.announce(ctx, info, announced)
	})
	if err != nil {
		return err
	}
	if err := held(); err != nil {
		return err
	}
	if st.small() {
		err = st.putObject(ctx, info)
	} else {
		err = st.completeObject(ctx)
	}
	if err == nil || errors.Is(err, errUnsure) {
		s.unsettled.sealing(st.id, sealingChange(info))
	}
	if err != nil {
		return unfinished("make the object", err)
	}
	s.unsettled.settle(st.id, true)
	if !info.IsPartial {
		s.opts.Intents.Confirmed(st.id)
	}
	st.seal(ctx)
	return st.unlocked(func() error { s.leaveParts(ctx, st.id, parts); return nil })
}

// announce makes the event safe, before there is an object. Where an earlier finish may
// have done so already, it keeps its time: that one may be sent, too.
func (s *Store) announce(ctx context.Context, info handler.FileInfo, again bool) error {
	if info.IsPartial {
		return nil
	}
	at := time.Now()
	if again {
		pending, waits, err := s.opts.Intents.Pending(ctx, info.ID)
		if err != nil {
			return unfinished("look for the event", err)
		}
		if waits {
			at = pending.FinishedAt
		}
	}
	if err := s.opts.Intents.Add(ctx, info, at); err != nil {
		return unfinished("make the event safe", err)
	}
	return nil
}

// storeLast stores what waits as the last part of a multipart upload; a small upload's
// bytes are brought here.
func (st *state) storeLast(ctx context.Context) error {
	waits := st.file != nil && st.file.Size() > 0
	if !waits && st.tail.covers(st.start) && st.tail.size > 0 {
		if err := st.take(ctx); err != nil {
			return err
		}
		waits = true
	}
	if st.small() || !waits && (st.info.Size > 0 || len(st.parts) > 0) {
		return nil
	}
	if !waits { // tusd begins a multipart upload for nothing, too
		st.file = st.store.spool.Take(0, nil)
	}
	var part bucket.Part
	multipart, n, file := multipartOf(st.info), len(st.parts)+1, st.file
	err := st.unlocked(func() (err error) {
		part, err = st.store.putPart(ctx, st.id, multipart, n, file)
		return err
	})
	if err != nil {
		return err
	}
	st.start += st.file.Size()
	st.file.Release()
	st.file = nil
	st.arrived(part)
	return nil
}

// finalRecord returns the record of the finished upload. In the bucket it is replaced if
// it has something new to say, or if it doesn't fit into the object.
func (st *state) finalRecord(ctx context.Context) (handler.FileInfo, error) {
	info := st.info
	info.Offset = info.Size
	news := !store.Marked(info)
	if st.store.sums(info) && info.Storage[store.KeyDigest] == "" {
		if st.digest != nil && st.digest.Offset == info.Size {
			info = store.Mark(info, store.KeyDigest, st.digest.Sum())
			news = true
		} else {
			st.store.opts.Log.Info("an upload has no digest, since its bytes can't be read again before it is finished", "upload", st.id)
		}
	}
	if !st.small() && info.IsPartial {
		// While it becomes an object nothing may be to be seen of it, and no intent says so.
		info = store.Mark(info, keyFinishing, timestamp(time.Now()))
		news = true
	}
	if !st.small() && st.store.opts.DeleteFinishedAfter > 0 && !info.IsPartial {
		// AWS dates an object of parts to when its multipart upload began.
		info = store.Mark(info, keyFinished, timestamp(time.Now()))
		news = true
	}
	_, carried := metadataOf(info)
	switch {
	case st.small() && carried && (st.etag == "" || !news):
		st.info = info
		return info, nil
	case st.etag != "" && !news:
		return info, nil
	}
	return info, st.replaceRecord(ctx, store.Mark(info, "", ""))
}

// putObject writes the object of a small upload, once.
func (st *state) putObject(ctx context.Context, info handler.FileInfo) error {
	object, _ := splitID(st.id)
	content := bucket.Content{ContentType: "application/octet-stream", Size: info.Size, Body: emptyBody{}, Lasting: true}
	if info.Size > 0 {
		content.Body, content.CRC32C = st.file, st.file.CRC32C()
		st.file.Pin()
		defer st.file.Unpin()
	}
	if metadata, fits := metadataOf(info); fits {
		content.Metadata = metadata
	}
	return st.unlocked(func() error { return st.store.putOnce(ctx, object, content) })
}

// putOnce writes an object, which may be there since an earlier try: ids are ours alone.
func (s *Store) putOnce(ctx context.Context, object string, content bucket.Content) error {
	_, err := s.opts.Bucket.Put(ctx, object, content, bucket.Absent)
	if err == nil {
		return nil
	}
	o, headErr := s.opts.Bucket.Head(ctx, object)
	switch {
	case headErr == nil && o.Size == content.Size:
		return nil
	case headErr == nil:
		return fmt.Errorf("%w: an object of %d bytes is in the place of one of %d", errDamaged, o.Size, content.Size)
	case errors.Is(err, bucket.ErrRefused), errors.Is(err, bucket.ErrDamaged):
		return fmt.Errorf("write the object: %w", err)
	}
	return fmt.Errorf("write the object: %w: %w", err, errUnsure)
}

// emptyBody is the content of an upload of no bytes.
type emptyBody struct{}

// ReadAt is part of io.ReaderAt. It is asked for nothing.
func (emptyBody) ReadAt([]byte, int64) (int, error) { return 0, nil }

// completeObject makes the object of the parts.
func (st *state) completeObject(ctx context.Context) error {
	object, _ := splitID(st.id)
	var o bucket.Object
	multipart, parts, size := multipartOf(st.info), st.parts, st.info.Size
	err := st.unlocked(func() (err error) {
		o, err = st.store.opts.Bucket.Complete(ctx, object, multipart, parts, size)
		return err
	})
	if err == nil {
		st.last = o.Modified
		return nil
	}
	// What is known of the parts may be wrong: the next finish asks.
	st.store.states.forget(st)
	if errors.Is(err, bucket.ErrAway) || errors.Is(err, bucket.ErrUnsure) || errors.Is(err, bucket.ErrNoMultipart) {
		return fmt.Errorf("%w: %w", err, errUnsure)
	}
	return err
}

// seal notes that the object is there, and removes the tail, which nobody needs. The
// caller has mu.
func (st *state) seal(ctx context.Context) {
	st.sealed = true
	st.parts = nil
	st.drop()
	if st.tail.etag == "" && st.tail.tried == "" {
		return
	}
	object, _ := splitID(st.id)
	if err := st.unlocked(func() error { return st.store.opts.Bucket.Delete(ctx, tailKey(object)) }); err != nil {
		st.store.opts.Log.Debug("the tail of a finished upload is left for the janitor", "upload", st.id, "error", err)
	}
}
