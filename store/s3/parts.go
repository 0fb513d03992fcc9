package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"plateau/store"
	"plateau/store/s3/bucket"
	"plateau/store/s3/spool"
)

// send begins to store what waits as the next part, in the background, and waits while
// too many are on their way. held may be nil: it was asked. The caller has mu.
func (st *state) send(ctx context.Context, held func() error) error {
	if held != nil {
		if err := held(); err != nil {
			return err
		}
	}
	if st.small() {
		if err := st.beginMultipart(ctx); err != nil {
			return err
		}
	}
	for st.flying >= st.store.opts.PartsAtOnce && st.failed == nil {
		st.change.Wait()
	}
	if st.failed != nil {
		return st.failed
	}
	if st.file == nil {
		return nil // it left meanwhile
	}
	st.sent = true
	n := len(st.parts) + st.flying + len(st.ahead) + 1
	if n > mostParts {
		return fmt.Errorf("an upload has at most %d parts: %w", mostParts, store.Full())
	}
	file := st.file
	file.Pin()
	st.markDigest()
	st.start += file.Size()
	st.file = nil
	st.flying++
	multipart := multipartOf(st.info)
	st.store.running.Go(func() { st.sendPart(context.WithoutCancel(ctx), multipart, n, file) })
	return nil
}

// sendPart stores one part, and gives its room back.
func (st *state) sendPart(ctx context.Context, multipart string, n int, file *spool.File) {
	s := st.store
	s.sends <- struct{}{}
	part, err := s.putPart(ctx, st.id, multipart, n, file)
	<-s.sends
	file.Release() // before mu, which the upload's writer may have while it waits for room
	st.mu.Lock()
	defer st.mu.Unlock()
	st.flying--
	switch {
	case err == nil:
		st.arrived(part)
	case st.failed == nil:
		st.failed = fmt.Errorf("store part %d: %w", n, err)
	}
	st.change.Broadcast()
}

func (s *Store) putPart(ctx context.Context, id, multipart string, n int, file *spool.File) (bucket.Part, error) {
	object, _ := splitID(id)
	return s.opts.Bucket.PutPart(ctx, object, multipart, n, bucket.Content{Body: file, Size: file.Size(), CRC32C: file.CRC32C()})
}

// arrived enters a part that was stored. The caller has mu.
func (st *state) arrived(part bucket.Part) {
	if st.ahead == nil {
		st.ahead = make(map[int]bucket.Part)
	}
	st.ahead[part.Number] = part
	for {
		next, ok := st.ahead[len(st.parts)+1]
		if !ok {
			return
		}
		delete(st.ahead, next.Number)
		st.parts = append(st.parts, next)
		st.stored += next.Size
		st.last = time.Now()
	}
}

// beginMultipart makes a multipart upload of one that has grown beyond a part. The caller
// has mu.
func (st *state) beginMultipart(ctx context.Context) error {
	s := st.store
	object, _ := splitID(st.id)
	multipart, err := s.opts.Bucket.CreateMultipart(ctx, object, nil, "application/octet-stream")
	if err != nil {
		return fmt.Errorf("begin a multipart upload: %w", err)
	}
	// Parts may be acknowledged only when the record says where they are.
	info := store.Mark(st.info, keyMultipart, multipart)
	if st.draft {
		st.info = info
		return nil
	}
	err = st.replaceRecord(ctx, info)
	switch {
	case errors.Is(err, bucket.ErrConflict):
		if aborted := s.opts.Bucket.Abort(ctx, object, multipart); aborted != nil {
			s.opts.Log.Debug("a multipart upload that is not needed could not be aborted", "upload", st.id, "error", aborted)
		}
	case err != nil:
		// The record may have been written all the same, and name this multipart upload: it stays, and the next request looks.
		s.states.forget(st)
	}
	return err
}
