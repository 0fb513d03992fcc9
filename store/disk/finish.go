package disk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store"
	"plateau/store/lifecycle"
)

// FinishUpload finishes an upload whose last byte this request brought. tusd
// calls it under the upload's lock. If it fails on a POST, the upload is
// removed. Errors: 423, 500, 507.
func (u *upload) FinishUpload(ctx context.Context) error {
	s, r := u.store, store.RequestFrom(ctx)
	fin := s.startFinish(ctx, u, nil)
	wait := s.opts.FinishWait
	if r.Creates() {
		// It can't be removed while it is being finished, and it ends by its
		// own deadline.
		wait = 2 * s.opts.FinishDeadline
	}
	// tusd's context ends with the client; the finish doesn't.
	err := fin.Wait(context.WithoutCancel(ctx), wait)
	if err == nil {
		u.sealed = true
		return nil
	}
	if r.Creates() && fin.Ended() {
		err = errors.Join(err, s.remove(u))
	}
	return s.answer(ctx, err)
}

// redrive finishes u if it was left complete but not sealed, and if the request
// is one that does so.
func (s *Store) redrive(ctx context.Context, u *upload) error {
	r := store.RequestFrom(ctx)
	if u.sealed || !u.complete() || !r.Redrives() {
		return nil
	}
	id := u.info.ID
	fin := s.finishes.Join(id)
	ours := fin == nil
	if fin == nil && r.Method == http.MethodPatch { // it holds the lock
		fin = s.startFinish(ctx, u, nil)
	}
	if fin == nil {
		unlock, ok := s.opts.Locker.TryLock(id)
		if !ok {
			return fmt.Errorf("complete, and a writer holds the lock: %w", store.Locked())
		}
		fin = s.startFinish(ctx, u, unlock)
	}
	if err := fin.Wait(context.WithoutCancel(ctx), s.opts.FinishWait); err != nil {
		return err
	}
	if ours {
		s.opts.Redriven("request")
	}
	u.sealed = true
	return nil
}

// startFinish runs the finish of u in the background, or joins the one that
// runs. The caller holds the upload's lock, or gives its unlock, which is then
// called at the end. u must not be used until the finish has ended.
func (s *Store) startFinish(ctx context.Context, u *upload, unlock func()) *lifecycle.Finishing {
	fin, first := s.finishes.Begin(u.info.ID)
	if !first {
		u.closeData()
		if unlock != nil {
			unlock()
		}
		return fin
	}
	begin := time.Now()
	data := u.data
	u.data = nil
	known := *u
	s.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.FinishDeadline)
		defer cancel()
		err := s.finishSafely(ctx, known, data)
		s.opts.Finished(ctx, store.EndedFinish{Info: known.info, Began: begin, Err: err})
		if unlock != nil {
			unlock()
		}
		s.finishes.End(known.info.ID, fin, err)
	})
	return fin
}

// finishSafely is finish; a panic, most likely in Options.Finish, is an error:
// it is to cost one upload's finish, not the process.
func (s *Store) finishSafely(ctx context.Context, u upload, data *os.File) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = unfinished("finish", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return s.finish(ctx, u, data)
}

// finish takes u from complete to sealed, or says why not. data is the file
// that the last byte was written to; without it, u is opened anew, and nothing
// that an earlier finish may have done is believed. Each step may be repeated.
func (s *Store) finish(ctx context.Context, u upload, data *os.File) error {
	again := data == nil
	if again {
		now, err := s.open(u.info.ID)
		if err == nil && !now.sealed {
			data, err = s.root.Open(u.info.ID)
			err = missing(err)
		}
		if err != nil {
			return fmt.Errorf("open the upload to finish it: %w", err)
		}
		u = *now
	}
	if u.sealed {
		return nil
	}
	defer data.Close()
	was := u.occupied()
	s.counted(u.info, was, was)
	if !u.complete() {
		return fmt.Errorf("finish an upload of which %d of %d bytes are there: %w", u.info.Offset, u.info.Size, store.Locked())
	}
	held := store.RequestFrom(ctx).Held
	if err := held(); err != nil {
		return err
	}
	rewrite := again // of the record
	if s.sums(u.info) {
		info, err := s.sum(ctx, u)
		if err != nil {
			return unfinished("sum up the bytes", err)
		}
		u.info, rewrite = info, true
	}
	if done, err := s.finishJournaled(ctx, u, data); done {
		return err
	}
	switch {
	case s.opts.Durable:
		if err := s.makeDurable(u.info, data, rewrite); err != nil {
			return err
		}
	case s.sums(u.info):
		if err := s.replaceRecord(u.info); err != nil {
			return unfinished("put the digest into the record", err)
		}
	}
	if store.Marked(u.info) {
		if err := s.announce(ctx, u.info, data, false); err != nil {
			return err
		}
	}
	s.sealFinished(ctx, u.info, data)
	return nil
}

// makeDurable brings the data, the record and both names to stable storage.
func (s *Store) makeDurable(info handler.FileInfo, data *os.File, rewrite bool) error {
	s.syncs.enter()
	defer s.syncs.leave()
	// A record that has to be written anew is synced before it is renamed.
	if !rewrite {
		if done, err := s.shareSync(info, data); done || err != nil {
			if done {
				s.opts.Synced("shared")
			}
			return err
		}
	}
	if err := syncData(data); err != nil {
		return s.damage(info, fsyncError{fmt.Errorf("fsync the data file: %w", err)})
	}
	var err error
	if rewrite {
		err = s.replaceRecord(info)
	} else {
		err = s.syncRecord(info.ID)
	}
	// Unlike the data, the record can be written anew by the next finish.
	if _, final := errors.AsType[fsyncError](err); final && !full(err) {
		return s.damage(info, err)
	}
	if err != nil {
		return unfinished("make the record durable", err)
	}
	if err := s.folder.sync(); err != nil {
		if _, final := errors.AsType[fsyncError](err); final {
			return s.damage(info, err)
		}
		return unfinished("make the names durable", err)
	}
	s.opts.Synced("alone")
	return nil
}

// damage sets the data of an upload aside whose fsync failed, so that nobody
// believes it and it takes nothing of a quota, and returns cause.
func (s *Store) damage(info handler.FileInfo, cause error) error {
	id, was := info.ID, unsealed(info)
	s.counted(info, was, was)
	defer s.counted(info, was, store.Occupied{})
	err := s.root.Rename(id, id+".damaged")
	if err == nil {
		err = s.folder.sync()
	}
	if err != nil {
		s.refused.Store(id, struct{}{})
		s.opts.Log.Error("an fsync failed, and the upload could not be set aside; it is refused until the process ends",
			"upload", id, "error", cause, "rename", err)
		return cause
	}
	s.opts.Log.Error("an fsync failed; the upload's data is set aside as "+id+".damaged", "upload", id, "error", cause)
	return cause
}

// unfinished wraps an error after which the finish can simply be run again.
func unfinished(doing string, err error) error {
	if _, ok := errors.AsType[handler.Error](err); ok || full(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, err, store.Unfinished())
}

func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
